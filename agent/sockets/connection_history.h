// What changed from one poll to the next: which connections were there before, and which ended in
// between.
//
// Threads: not thread-safe. Bounds: two polls.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/types/span.h>

#include <cstdint>
#include <vector>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::agent {

class ConnectionHistory {
 public:
  // Makes `now` the current poll and the current one the previous.
  void Advance(std::vector<sockets::ConnectionSample> now);

  absl::Span<const sockets::ConnectionSample> current() const { return current_; }
  // Parallel to current(): the same connection in the poll before, null when it is new. Valid, like
  // ended(), until the next Advance or TakeStorage.
  absl::Span<const sockets::ConnectionSample* const> before() const { return before_; }
  // Those of the poll before that are gone, with their last record.
  absl::Span<const sockets::ConnectionSample* const> ended() const { return ended_; }

  // The storage of the previous poll, to be filled again.
  std::vector<sockets::ConnectionSample> TakeStorage();

 private:
  std::vector<sockets::ConnectionSample> current_;
  std::vector<sockets::ConnectionSample> previous_;
  absl::flat_hash_map<uint64_t, uint32_t> current_by_cookie_;
  absl::flat_hash_map<uint64_t, uint32_t> previous_by_cookie_;
  std::vector<const sockets::ConnectionSample*> before_;
  std::vector<const sockets::ConnectionSample*> ended_;
};

}  // namespace tcpfleet::agent
