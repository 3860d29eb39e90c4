#include "controller/tui/replay_timeline.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>

namespace tcpfleet::controller {
namespace {

constexpr std::array<double, 14> kSpeeds = {
    kSlowestReplay, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, kUnpacedReplay};

}  // namespace

std::string DamageText(const RecordingCondition& condition) {
  if (condition.notes.empty()) return "";
  return absl::StrCat("DAMAGED: ", condition.notes.back(),
                      condition.losses > 1 ? absl::StrCat(" (", condition.losses, " places)") : "");
}

void ReplayTimeline::Apply(const v1::RecordingEntry& entry) {
  const absl::Status applied = table_.Apply(entry);
  if (!applied.ok()) trouble_ = std::string(applied.message());
}

bool ReplayTimeline::Advance(absl::Duration wait, const std::stop_token& stop) {
  if (feed_.ended()) {
    clock_.SleepUntil(clock_.MonotonicNs() + absl::ToInt64Nanoseconds(wait), stop);
    return false;
  }
  const std::optional<v1::RecordingEntry> entry = feed_.Next(wait, stop);
  if (entry.has_value()) Apply(*entry);
  return entry.has_value() || feed_.ended();
}

Moment ReplayTimeline::moment() const {
  Moment moment;
  moment.mode = feed_.ended()    ? Moment::Mode::kEnded
                : feed_.paused() ? Moment::Mode::kPaused
                                 : Moment::Mode::kReplay;
  moment.speed = feed_.speed();
  moment.shown_unix_ns = feed_.position_unix_ns();
  moment.now_unix_ns = moment.shown_unix_ns;
  moment.newest_unix_ns = feed_.end_unix_ns();
  moment.trouble =
      !feed_.status().ok() ? std::string(feed_.status().message()) : DamageText(feed_.condition());
  if (moment.trouble.empty()) moment.trouble = trouble_;
  return moment;
}

void ReplayTimeline::Pause() {
  if (feed_.paused()) {
    feed_.Resume();
  } else {
    feed_.Pause();
  }
}

// What was before is taken at once, so that no half-filled table is seen.
void ReplayTimeline::Seek(int64_t unix_ns) {
  feed_.Seek(std::clamp(unix_ns, feed_.begin_unix_ns(), feed_.end_unix_ns()));
  table_ = FleetTable();
  trouble_.clear();
  const std::stop_token never;
  while (const auto entry = feed_.Next(absl::ZeroDuration(), never)) {
    Apply(*entry);
    if (static_cast<int64_t>(entry->unix_ns()) > feed_.sought_unix_ns()) break;
  }
}

void ReplayTimeline::Step(absl::Duration by) {
  Seek(feed_.position_unix_ns() + absl::ToInt64Nanoseconds(by));
}

void ReplayTimeline::ToEnd() { Seek(feed_.end_unix_ns()); }

void ReplayTimeline::ChangeSpeed(bool faster) {
  const auto* const at_least = std::lower_bound(kSpeeds.begin(), kSpeeds.end(), feed_.speed());
  if (faster) {
    const auto* const next = std::upper_bound(kSpeeds.begin(), kSpeeds.end(), feed_.speed());
    if (next != kSpeeds.end()) feed_.SetSpeed(*next);
  } else if (at_least != kSpeeds.begin()) {
    feed_.SetSpeed(*(at_least - 1));
  }
}

}  // namespace tcpfleet::controller
