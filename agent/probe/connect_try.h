// One connection to a target, and what became of it.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agent/probe/interruptible_wait.h"
#include "common/base/ip_address.h"
#include "common/sockets/field_values.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::agent {

// Connects and closes again in an orderly way; all of the try but its number. Cancelled when
// interrupted. A peer that accepts and resets at once has completed the handshake: connected.
absl::StatusOr<v1::ProbeTry> TryConnect(const base::Endpoint& target, int64_t timeout_ns,
                                        InterruptibleWait& wait);

// What both sides agreed on, as ss(8) writes it: "ts", "sack", "wscale:7,10".
std::vector<std::string> NegotiatedOptions(const sockets::FieldValues& values);

}  // namespace tcpfleet::agent
