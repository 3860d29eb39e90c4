// Every connection of a watched fleet at one moment, as its agents' frames tell it. Fed by live
// streams and by recordings alike.
//
// Threads: not thread-safe.
// Errors:  Apply answers DataLoss for a frame that cannot be applied: that agent then waits for its
//          next keyframe, everything else stays.
// Bounds:  kMostHosts hosts, sockets::kMostRows connections of each; kHistory points per
//          connection.
#pragma once

#include <absl/status/status.h>
#include <absl/types/span.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/derived.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostHosts = 10'000;
inline constexpr size_t kHistory = 16;

// The newest values of one quantity, oldest first; NaN where it was unknown.
class Trace {
 public:
  void Add(float value);
  size_t size() const { return size_; }
  float at(size_t index) const { return values_[(begin_ + index) % kHistory]; }

 private:
  std::array<float, kHistory> values_{};
  uint8_t begin_ = 0;
  uint8_t size_ = 0;
};

struct ConnectionRow {
  uint32_t host = 0;                                  // index into FleetTable::hosts()
  const sockets::ConnectionSample* sample = nullptr;  // never null
  sockets::Derived derived;                           // of the last interval
  Trace send_rate;                                    // bytes per second, one point per frame
  Trace receive_rate;
  Trace rtt_us;
  int64_t changed_unix_ns = 0;  // of the last frame that changed it
};

struct HostView {
  std::string name;
  std::string address;
  v1::DescribeResponse description;
  int64_t clock_offset_ns = 0;  // as in v1::AgentUp
  bool up = false;
  std::string down_cause;  // one line; empty while up
  int64_t last_frame_unix_ns = 0;
  int64_t last_frame_monotonic_ns = 0;
  uint64_t poll_sequence = 0;
  v1::Completeness completeness;  // of the last frame
  uint64_t missed_polls = 0;      // merged into others so far
  uint64_t connections = 0;
  double send_rate = 0;  // sums over its connections, bytes per second
  double receive_rate = 0;
  double retransmits_per_second = 0;
};

// What one frame did, for those who print changes as lines.
struct FrameChanges {
  uint32_t host = 0;
  std::vector<const ConnectionRow*> opened;
  std::vector<const ConnectionRow*> changed;  // without the opened ones
  // Their last record; valid until the next Apply.
  absl::Span<const sockets::ClosedConnection> closed;
};

class FleetTable {
 public:
  FleetTable();
  ~FleetTable();

  // Takes the next entry. `changes`, when given, is filled for a frame.
  absl::Status Apply(const v1::RecordingEntry& entry, FrameChanges* changes = nullptr);

  absl::Span<const HostView> hosts() const;
  // All connections, hosts in order. Pointers stay valid while the connection lives and the table
  // is not moved.
  std::vector<const ConnectionRow*> Rows() const;
  size_t size() const;
  // Of the newest entry.
  int64_t now_unix_ns() const;

 private:
  class Host;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<HostView> views_;
  int64_t now_unix_ns_ = 0;
};

}  // namespace tcpfleet::controller
