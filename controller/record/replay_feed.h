// A recording played again: its entries when they are due.
//
// Threads: not thread-safe; all from the thread that calls Next().
// Errors:  of Open: those of RecordingReader. Later ones end the feed; status() tells.
// Bounds:  those of RecordingReader and RecordingIndex.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "common/base/clock.h"
#include "controller/connections/feed.h"
#include "controller/record/recording_index.h"
#include "controller/record/recording_reader.h"
#include "controller/record/replay_time.h"

namespace tcpfleet::controller {

struct ReplayOptions {
  std::optional<ReplayTime> from;  // nothing before is shown
  std::optional<ReplayTime> to;    // the feed ends there
  std::optional<ReplayTime> at;    // where it begins; by default at `from`
  double speed = 1;
};

class ReplayFeed final : public Feed {
 public:
  // OutOfRange when there is nothing between `from` and `to`.
  static absl::StatusOr<std::unique_ptr<ReplayFeed>> Open(const std::string& path,
                                                          const ReplayOptions& options,
                                                          base::Clock& clock);

  std::optional<v1::RecordingEntry> Next(absl::Duration wait, const std::stop_token& stop) override;
  bool ended() const override { return ended_; }
  // Why it ended early.
  const absl::Status& status() const { return status_; }

  // Goes to `unix_ns`, or as near as there is something. The entries that come next tell everything
  // anew: apply them to an empty FleetTable. Those up to `unix_ns` are due at once.
  void Seek(int64_t unix_ns);
  // Entries up to here only tell what was before.
  int64_t sought_unix_ns() const { return sought_unix_ns_; }
  // kSlowestReplay to kFastestReplay, or kUnpacedReplay.
  void SetSpeed(double speed);
  double speed() const { return speed_; }
  void Pause();
  void Resume();
  bool paused() const { return paused_; }

  // The time that is played, between begin and end.
  int64_t position_unix_ns() const;
  int64_t begin_unix_ns() const { return begin_unix_ns_; }
  int64_t end_unix_ns() const { return end_unix_ns_; }

  const v1::RecordingHeader& header() const { return reader_->header(); }
  const RecordingCondition& condition() const { return reader_->condition(); }

 private:
  ReplayFeed(std::unique_ptr<RecordingReader> reader, RecordingIndex index, base::Clock& clock);
  absl::Status PrepareFrom(int64_t unix_ns);
  bool Fetch();
  void End(absl::Status status);
  // Nothing: when the caller asks again.
  std::optional<int64_t> DueNs() const;
  void Anchor();

  const std::unique_ptr<RecordingReader> reader_;
  const RecordingIndex index_;
  base::Clock& clock_;
  int64_t begin_unix_ns_ = 0;
  int64_t end_unix_ns_ = 0;
  double speed_ = 1;
  bool paused_ = false;
  bool ended_ = false;
  absl::Status status_;

  std::deque<v1::RecordingEntry> ready_;  // to come before the reader's
  int64_t ready_unix_ns_ = 0;             // of the first of them; time never goes back
  int64_t sought_unix_ns_ = 0;
  // `anchor_unix_ns_` was played at `anchor_ns_` of the clock.
  int64_t anchor_unix_ns_ = 0;
  int64_t anchor_ns_ = 0;
};

}  // namespace tcpfleet::controller
