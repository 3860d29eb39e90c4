#pragma once

#include <string>

#include "common/base/clock.h"
#include "controller/record/replay_feed.h"
#include "controller/tui/timeline.h"

namespace tcpfleet::controller {

// A recording on the console.
class ReplayTimeline final : public Timeline {
 public:
  ReplayTimeline(ReplayFeed& feed, base::Clock& clock) : feed_(feed), clock_(clock) {}

  bool Advance(absl::Duration wait, const std::stop_token& stop) override;
  const FleetTable& table() const override { return table_; }
  Moment moment() const override;
  void Pause() override;
  void Step(absl::Duration by) override;
  void ToEnd() override;
  void ChangeSpeed(bool faster) override;

 private:
  void Apply(const v1::RecordingEntry& entry);
  void Seek(int64_t unix_ns);

  ReplayFeed& feed_;
  base::Clock& clock_;
  FleetTable table_;
  std::string trouble_;  // of the last frame that could not be read
};

// Where something is missing in a recording, in one line; empty when it is whole.
std::string DamageText(const RecordingCondition& condition);

}  // namespace tcpfleet::controller
