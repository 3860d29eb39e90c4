#include "controller/record/replay_feed.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

constexpr double kFarAwayNs = 1e18;

}  // namespace

absl::StatusOr<std::unique_ptr<ReplayFeed>> ReplayFeed::Open(const std::string& path,
                                                             const ReplayOptions& options,
                                                             base::Clock& clock) {
  TF_ASSIGN_OR_RETURN(std::unique_ptr<RecordingReader> reader, RecordingReader::Open(path));
  TF_ASSIGN_OR_RETURN(RecordingIndex index, RecordingIndex::Build(*reader));
  const int64_t begin = index.begin_unix_ns();
  std::unique_ptr<ReplayFeed> feed(new ReplayFeed(std::move(reader), std::move(index), clock));
  if (options.from) {
    feed->begin_unix_ns_ = std::max(feed->begin_unix_ns_, options.from->UnixNs(begin));
  }
  if (options.to) feed->end_unix_ns_ = std::min(feed->end_unix_ns_, options.to->UnixNs(begin));
  if (feed->begin_unix_ns_ > feed->end_unix_ns_) {
    const auto text = [](int64_t unix_ns) {
      return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixNanos(unix_ns), absl::UTCTimeZone());
    };
    return absl::OutOfRangeError(absl::StrCat(path, ": nothing is recorded then, only from ",
                                              text(feed->index_.begin_unix_ns()), " to ",
                                              text(feed->index_.end_unix_ns())));
  }
  feed->speed_ = options.speed;
  feed->Seek(options.at ? options.at->UnixNs(begin) : feed->begin_unix_ns_);
  return feed;
}

ReplayFeed::ReplayFeed(std::unique_ptr<RecordingReader> reader, RecordingIndex index,
                       base::Clock& clock)
    : reader_(std::move(reader)),
      index_(std::move(index)),
      clock_(clock),
      begin_unix_ns_(index_.begin_unix_ns()),
      end_unix_ns_(index_.end_unix_ns()) {}

void ReplayFeed::Seek(int64_t unix_ns) {
  unix_ns = std::clamp(unix_ns, begin_unix_ns_, end_unix_ns_);
  ended_ = false;
  status_ = absl::OkStatus();
  ready_.clear();
  ready_unix_ns_ = index_.begin_unix_ns();
  sought_unix_ns_ = unix_ns;
  anchor_unix_ns_ = unix_ns;
  anchor_ns_ = clock_.MonotonicNs();
  if (absl::Status prepared = PrepareFrom(unix_ns); !prepared.ok()) End(std::move(prepared));
}

absl::Status ReplayFeed::PrepareFrom(int64_t unix_ns) {
  const RecordingIndex::Start start = index_.StartFor(unix_ns);
  reader_->SeekTo(start.from);
  for (const RecordingIndex::Position& position : start.ups) {
    const absl::StatusOr<v1::RecordingEntry> up = reader_->ReadAt(position);
    if (absl::IsDataLoss(up.status())) continue;  // the reader makes do without
    TF_RETURN_IF_ERROR(up.status());
    reader_->Know(up->agent(), up->up());
  }
  for (const RecordingIndex::Position& position : start.downs) {
    absl::StatusOr<v1::RecordingEntry> down = reader_->ReadAt(position);
    if (absl::IsDataLoss(down.status())) continue;
    TF_RETURN_IF_ERROR(down.status());
    ready_.push_back(*std::move(down));
  }
  return absl::OkStatus();
}

void ReplayFeed::End(absl::Status status) {
  Anchor();
  ended_ = true;
  status_ = std::move(status);
}

bool ReplayFeed::Fetch() {
  if (ended_) return false;
  if (ready_.empty()) {
    absl::StatusOr<std::optional<v1::RecordingEntry>> next = reader_->Next();
    if (!next.ok()) {
      End(next.status());
      return false;
    }
    if (*next) ready_.push_back(**std::move(next));
  }
  if (!ready_.empty()) {
    ready_unix_ns_ = std::max(ready_unix_ns_, static_cast<int64_t>(ready_.front().unix_ns()));
  }
  if (ready_.empty() || ready_unix_ns_ > end_unix_ns_) End(absl::OkStatus());
  return !ended_;
}

std::optional<int64_t> ReplayFeed::DueNs() const {
  if (ready_unix_ns_ <= sought_unix_ns_) return anchor_ns_;
  if (paused_) return std::nullopt;
  const double after_ns = static_cast<double>(ready_unix_ns_ - anchor_unix_ns_) / speed_;
  return anchor_ns_ + static_cast<int64_t>(std::clamp(after_ns, 0.0, kFarAwayNs));
}

std::optional<v1::RecordingEntry> ReplayFeed::Next(absl::Duration wait,
                                                   const std::stop_token& stop) {
  const int64_t deadline_ns = clock_.MonotonicNs() + absl::ToInt64Nanoseconds(wait);
  if (!Fetch()) return std::nullopt;
  const std::optional<int64_t> due_ns = DueNs();
  const bool in_time = due_ns && *due_ns <= deadline_ns;
  if (!in_time || *due_ns > clock_.MonotonicNs()) {
    const bool slept = clock_.SleepUntil(in_time ? *due_ns : deadline_ns, stop);
    if (!in_time || !slept) return std::nullopt;
  }
  std::optional<v1::RecordingEntry> entry(std::move(ready_.front()));
  ready_.pop_front();
  if (std::isinf(speed_) && ready_unix_ns_ > anchor_unix_ns_) {
    anchor_unix_ns_ = ready_unix_ns_;
    anchor_ns_ = clock_.MonotonicNs();
  }
  return entry;
}

int64_t ReplayFeed::position_unix_ns() const {
  if (paused_ || ended_ || std::isinf(speed_)) return anchor_unix_ns_;
  const double played_ns = static_cast<double>(clock_.MonotonicNs() - anchor_ns_) * speed_;
  // Never past an entry that was not yet taken.
  const int64_t most = ready_.empty() ? end_unix_ns_ : std::min(ready_unix_ns_, end_unix_ns_);
  return std::max(
      anchor_unix_ns_,
      std::min(most, anchor_unix_ns_ + static_cast<int64_t>(std::min(played_ns, kFarAwayNs))));
}

void ReplayFeed::Anchor() {
  anchor_unix_ns_ = position_unix_ns();
  anchor_ns_ = clock_.MonotonicNs();
}

void ReplayFeed::SetSpeed(double speed) {
  Anchor();
  speed_ = speed;
}

void ReplayFeed::Pause() {
  Anchor();
  paused_ = true;
}

void ReplayFeed::Resume() {
  anchor_ns_ = clock_.MonotonicNs();
  paused_ = false;
}

}  // namespace tcpfleet::controller
