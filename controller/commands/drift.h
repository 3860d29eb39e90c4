#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

// `tcpfleet drift`
std::unique_ptr<Command> MakeDriftCommand();

}  // namespace tcpfleet::controller
