#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

std::unique_ptr<Command> MakeMonitorCommand();

}  // namespace tcpfleet::controller
