#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet sysctl confirm`, `rollback` and `log`
std::unique_ptr<Command> MakeSysctlConfirmCommand();
std::unique_ptr<Command> MakeSysctlRollbackCommand();
std::unique_ptr<Command> MakeSysctlLogCommand();

}  // namespace tcpfleet::controller
