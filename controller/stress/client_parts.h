#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controller/stress/run.h"

namespace tcpfleet::controller {

struct ClientPart {
  v1::StressSpec spec;
  // Of its targets, when it is asked for numbers of each: the serving agents' names, else
  // HOST:PORT.
  std::vector<std::string> path_names;
};

// One per share; `ports` are those the servers listen on. Pure.
std::vector<ClientPart> ClientParts(const RunInput& input, absl::Span<const uint32_t> ports);

}  // namespace tcpfleet::controller
