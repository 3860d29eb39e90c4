// Connections with numbers, for tests of rules that look at them one by one.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {

// CLOCK_MONOTONIC of the last sample, milliseconds.
inline constexpr uint64_t kNowMs = 1'010'000;

using Numbers = std::initializer_list<std::pair<const char*, uint64_t>>;

inline v1::ConnectionRecord With(v1::ConnectionRecord connection, Numbers numbers) {
  connection.set_inode(1);
  for (const auto& [field, value] : numbers) (*connection.mutable_fields())[field] = value;
  return connection;
}

// `count` of them, each with a port of its own: local ones from 10000 on where `outgoing`, else the
// peer's.
inline void AddMany(v1::HostEvidence& host, int count, const std::string& state,
                    const std::string& local, const std::string& peer, Numbers numbers,
                    bool outgoing = true) {
  for (int i = 0; i < count; ++i) {
    const std::string port = ":" + std::to_string(10'000 + i);
    AddConnection(host, With(Connection(state, outgoing ? local + port : local,
                                        outgoing ? peer : peer + port),
                             numbers));
  }
}

// In the samples a counter of the host's connections grows evenly by `delta`, from what it is.
inline void GrowField(v1::HostEvidence& host, const std::string& field, uint64_t delta) {
  for (int i = 0; i < host.sockets_size(); ++i) {
    for (v1::ConnectionRecord& one : *host.mutable_sockets(i)->mutable_connections()) {
      (*one.mutable_fields())[field] += delta * static_cast<uint64_t>(i) / (kSnapshots - 1);
    }
  }
}

}  // namespace tcpfleet::tests
