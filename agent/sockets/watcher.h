// One subscriber's view of the connections: what its filter selects, what ended since its last
// frame, when its next one is due.
//
// Threads: not thread-safe; the hub's sampler thread owns it, also to destroy it.
// Bounds:  rows as RowEncoder, within the hub's budget; of connections that began and ended between
//          two frames at most kMostUnsentEnds, the rest counted in `dropped`.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <vector>

#include "agent/sockets/connection_table.h"
#include "agent/sockets/sample_source.h"
#include "common/filter/filter.h"
#include "common/sockets/row_encoder.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostUnsentEnds = 16384;

struct WatchPlan {
  filter::Filter filter;
  sockets::FieldMask fields;  // none: all
  int64_t interval_ns = 0;
  bool processes = false;
  bool all_namespaces = false;
};
// InvalidArgument names the field of the request.
absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchRequest& request);
absl::StatusOr<WatchPlan> PlanSnapshot(const v1::SnapshotRequest& request);

// What a poll must bring for all of `plans`.
PollRequest RequestFor(absl::Span<const WatchPlan* const> plans);

// Counts the skipped sockets that the filter would select.
void CountSkipped(const WatchPlan& plan, const PollResult& poll, v1::Completeness& completeness);

class Watcher {
 public:
  Watcher(WatchPlan plan, sockets::RowBudget* budget);

  const WatchPlan& plan() const { return plan_; }

  // A poll has succeeded: what it counted goes into the next frame.
  void Note(const PollResult& poll, const ConnectionTable& table);
  // A poll failed: the next frame says so.
  void NoteFailure(int64_t now_ns, int64_t tolerance_ns);

  // A poll took place at `now_ns`. True when a frame is due: the first one at once, the others on
  // the subscriber's own grid, where half a `tolerance_ns` early is in time.
  bool IsDue(int64_t now_ns, int64_t tolerance_ns);

  // Everything since the last frame. `table` stands at `poll`.
  v1::ConnectionFrame Encode(uint64_t sequence, const PollResult& poll,
                             const ConnectionTable& table, sockets::FrameWriter& writer);

 private:
  static constexpr uint32_t kNoRow = sockets::RowEncoder::kNoRow;
  struct Selected {
    uint32_t row = kNoRow;
    bool is_unattributed = false;
  };

  void NoteEnd(const ConnectionTable::Ended& ended, const PollResult& poll);
  bool Matches(const ConnectionTable::Row& row, const PollResult& poll,
               const ConnectionTable& table) const;
  void Look(uint32_t slot, const PollResult& poll, const ConnectionTable& table);
  void OpenNewcomers(const ConnectionTable& table);
  void Drop(uint32_t slot);

  const WatchPlan plan_;
  const bool looks_at_all_;  // a verdict may change while the record stays
  sockets::RowEncoder encoder_;
  std::vector<Selected> selected_;  // by slot of the table
  std::vector<uint32_t> newcomers_;
  size_t live_ = 0;
  size_t unattributed_ = 0;
  size_t unsent_ends_ = 0;  // of connections without a row before
  v1::Completeness completeness_;
  bool has_looked_ = false;
  uint32_t looked_at_ = 0;  // poll of the table
  bool has_left_out_ = false;
  uint32_t due_ = 0;  // frames since the last one sent
  int64_t next_due_ns_ = INT64_MIN;
};

}  // namespace tcpfleet::agent
