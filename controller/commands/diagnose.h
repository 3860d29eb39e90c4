#pragma once

#include <memory>

#include "controller/cli/command.h"

namespace tcpfleet::controller {

std::unique_ptr<Command> MakeDiagnoseCommand();

}  // namespace tcpfleet::controller
