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
#include "common/sockets/frame_encoder.h"
#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostHosts = 10'000;
inline constexpr size_t kHistory = 16;

// The newest values of one quantity, oldest first, to about three digits; NaN where it was unknown.
class Trace {
 public:
  // What a frame stands for that did not touch the connection.
  enum class Idle : uint8_t { kZero, kSame };

  Trace() = default;
  // `frames` counts the host's frames: points of frames without an Add are made up when asked for.
  Trace(const uint32_t* frames, Idle idle) : frames_(frames), last_frame_(*frames), idle_(idle) {}

  // The point of the present frame.
  void Add(float value);
  size_t size() const;
  float at(size_t index) const;

 private:
  size_t Missing() const { return frames_ == nullptr ? 0 : *frames_ - last_frame_; }
  float Stored(size_t index) const;

  std::array<uint16_t, kHistory> values_{};  // bfloat16
  const uint32_t* frames_ = nullptr;
  uint32_t last_frame_ = 0;  // of the last stored point
  uint8_t begin_ = 0;
  uint8_t size_ = 0;
  Idle idle_ = Idle::kZero;
};

struct ConnectionRow {
  uint32_t host = 0;                                  // index into FleetTable::hosts()
  const sockets::ConnectionSample* sample = nullptr;  // never null
  sockets::Derived derived;                           // of the last interval; rates 0 when idle
  Trace send_rate;                                    // bytes per second, one point per frame
  Trace receive_rate;
  Trace rtt_us;
  int64_t changed_unix_ns = 0;  // time of the poll that last changed it, by the host's clock offset
};

struct HostView {
  std::string name;  // empty while nothing was heard of it
  std::string address;
  v1::DescribeResponse description;
  int64_t clock_offset_ns = 0;  // as in v1::AgentUp
  bool up = false;
  std::string down_cause;  // one line; empty while up. Its connections are not listed then.
  int64_t last_frame_unix_ns = 0;
  int64_t last_frame_monotonic_ns = 0;
  uint64_t poll_sequence = 0;
  v1::Completeness completeness;  // of the last frame
  uint64_t missed_polls = 0;      // merged into others so far
  uint64_t connections = 0;
  // Of the last interval, ended connections included. Rates are in bytes per second.
  double send_rate = 0;
  double receive_rate = 0;
  double retransmits_per_second = 0;
};

// What one frame did, for those who print changes as lines.
struct FrameChanges {
  uint32_t host = 0;
  int64_t unix_ns = 0;  // of the poll, by the host's clock offset
  bool first = false;   // the host's first frame: `opened` ones were there already
  std::vector<const ConnectionRow*> opened;
  std::vector<const ConnectionRow*> changed;  // without the opened ones
  // Their last record; valid until the next Apply. None of REASON_REPLACED.
  absl::Span<const sockets::ClosedConnection> closed;
};

class HostRows;

class FleetTable {
 public:
  FleetTable();
  ~FleetTable();
  FleetTable(FleetTable&&) noexcept;
  FleetTable& operator=(FleetTable&&) noexcept;

  // Takes the next entry. `changes`, when given, is filled for a frame.
  absl::Status Apply(const v1::RecordingEntry& entry, FrameChanges* changes = nullptr);

  absl::Span<const HostView> hosts() const { return views_; }
  // All connections of hosts that are up, hosts in order. Pointers stay valid while the connection
  // lives and the table is not moved.
  std::vector<const ConnectionRow*> Rows() const;
  // Null when there is no such connection, or its host is not up.
  const ConnectionRow* Find(uint32_t host, uint64_t cookie, uint64_t network_namespace) const;
  size_t size() const;
  // Of the newest entry.
  int64_t now_unix_ns() const { return now_unix_ns_; }

 private:
  absl::Status TakeFrame(const v1::ConnectionFrame& frame, HostRows& rows, HostView& view,
                         FrameChanges* changes);

  std::vector<std::unique_ptr<HostRows>> rows_;
  std::vector<HostView> views_;                    // parallel to rows_
  std::vector<sockets::ClosedConnection> closed_;  // of the last frame
  int64_t now_unix_ns_ = 0;
};

}  // namespace tcpfleet::controller
