#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet sysctl apply`
std::unique_ptr<Command> MakeSysctlApplyCommand();

}  // namespace tcpfleet::controller
