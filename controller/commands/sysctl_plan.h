#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet sysctl plan`
std::unique_ptr<Command> MakeSysctlPlanCommand();

}  // namespace tcpfleet::controller
