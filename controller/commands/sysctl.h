#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet sysctl get`
std::unique_ptr<Command> MakeSysctlCommand();
// `tcpfleet who-sets`
std::unique_ptr<Command> MakeWhoSetsCommand();

}  // namespace tcpfleet::controller
