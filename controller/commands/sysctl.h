#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet sysctl get`, and the commands below it that stand in files of their own.
std::unique_ptr<Command> MakeSysctlCommand();
// `tcpfleet who-sets`
std::unique_ptr<Command> MakeWhoSetsCommand();

}  // namespace tcpfleet::controller
