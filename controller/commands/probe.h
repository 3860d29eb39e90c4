#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

std::unique_ptr<Command> MakeProbeCommand();

}  // namespace tcpfleet::controller
