#include "controller/tui/live_timeline.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/units.h"

namespace tcpfleet::controller {

bool LiveTimeline::Advance(absl::Duration wait, const std::stop_token& stop) {
  std::optional<v1::RecordingEntry> entry = feed_.Next(wait, stop);
  if (!entry.has_value()) return false;
  if (!frozen_unix_ns_.has_value()) {
    const absl::Status applied = table_->Apply(*entry);
    if (!applied.ok()) trouble_ = std::string(applied.message());
    if (applied.ok() && entry->has_frame() && entry->frame().keyframe()) trouble_.clear();
  }
  ring_.Append(*std::move(entry));
  return true;
}

Moment LiveTimeline::moment() const {
  Moment moment;
  moment.newest_unix_ns = std::max(ring_.newest_unix_ns(), table_->now_unix_ns());
  moment.now_unix_ns = frozen_unix_ns_.value_or(absl::ToUnixNanos(clock_.Now()));
  moment.shown_unix_ns = moment.now_unix_ns;
  moment.mode = frozen_unix_ns_.has_value() ? Moment::Mode::kFrozen : Moment::Mode::kLive;
  moment.trouble = trouble_;
  if (!feed_.recording_status().ok()) {
    moment.trouble = absl::StrCat("NOT RECORDING: ", feed_.recording_status().message());
  } else if (const Recorder* const recorder = feed_.recorder()) {
    moment.recording = absl::StrCat(
        "recording ", base::FormatBytes(static_cast<double>(recorder->totals().bytes)));
  }
  return moment;
}

void LiveTimeline::ShowAt(int64_t unix_ns) {
  absl::StatusOr<std::unique_ptr<FleetTable>> table = ring_.TableAt(unix_ns);
  if (table.ok()) table_ = *std::move(table);
}

void LiveTimeline::Pause() {
  if (frozen_unix_ns_.has_value()) {
    ToEnd();
  } else if (!ring_.empty()) {
    frozen_unix_ns_ = ring_.newest_unix_ns();
  }
}

void LiveTimeline::Step(absl::Duration by) {
  if (ring_.empty()) return;
  const int64_t from = frozen_unix_ns_.value_or(ring_.newest_unix_ns());
  const int64_t oldest = std::min(ring_.oldest_unix_ns(), ring_.newest_unix_ns());
  frozen_unix_ns_ = std::clamp(from + absl::ToInt64Nanoseconds(by), oldest, ring_.newest_unix_ns());
  ShowAt(*frozen_unix_ns_);
}

void LiveTimeline::ToEnd() {
  if (!frozen_unix_ns_.has_value()) return;
  frozen_unix_ns_.reset();
  ShowAt(ring_.newest_unix_ns());
}

}  // namespace tcpfleet::controller
