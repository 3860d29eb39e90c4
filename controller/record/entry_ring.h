// The last minutes of a live feed, so that the console can step back in time.
//
// Threads: not thread-safe.
// Bounds:  `most_bytes` and `most_age` of entries, the oldest go first; and who each agent is. One
//          entry larger than that is still kept.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "controller/connections/fleet_table.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

class EntryRing {
 public:
  struct Options {
    size_t most_bytes = size_t{256} << 20;
    absl::Duration most_age = absl::Minutes(10);
  };
  explicit EntryRing(Options options) : options_(options) {}

  void Append(v1::RecordingEntry entry);

  bool empty() const { return items_.empty(); }
  size_t bytes() const { return bytes_; }
  // From here on every agent can be shown: its keyframe is still there. Later than newest when none
  // is.
  int64_t oldest_unix_ns() const;
  int64_t newest_unix_ns() const { return items_.empty() ? 0 : items_.back().unix_ns; }

  // The fleet as it was, with the history of its connections. OutOfRange before oldest_unix_ns().
  absl::StatusOr<std::unique_ptr<FleetTable>> TableAt(int64_t unix_ns) const;

 private:
  struct Item {
    int64_t unix_ns = 0;  // never before that of the item before
    size_t bytes = 0;
    v1::RecordingEntry entry;
  };
  // What was forgotten of an agent.
  struct Base {
    std::optional<v1::RecordingEntry> up;
    std::optional<v1::RecordingEntry> down;  // since `up`
  };
  void DropOldest();
  // Index of the item each agent's frames are needed from.
  std::map<uint32_t, size_t> StartsFor(size_t end) const;

  const Options options_;
  std::deque<Item> items_;
  size_t bytes_ = 0;
  std::map<uint32_t, Base> bases_;
};

}  // namespace tcpfleet::controller
