// A live fleet on the console, kept for some minutes to look back.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "controller/record/entry_ring.h"
#include "controller/tui/recorded_feed.h"
#include "controller/tui/timeline.h"

namespace tcpfleet::controller {

class LiveTimeline final : public Timeline {
 public:
  LiveTimeline(RecordedFeed& feed, base::Clock& clock) : feed_(feed), clock_(clock) {}

  bool Advance(absl::Duration wait, const std::stop_token& stop) override;
  const FleetTable& table() const override { return *table_; }
  Moment moment() const override;
  void Pause() override;
  void Step(absl::Duration by) override;
  void ToEnd() override;
  void ChangeSpeed(bool) override {}

 private:
  void ShowAt(int64_t unix_ns);

  RecordedFeed& feed_;
  base::Clock& clock_;
  EntryRing ring_{EntryRing::Options()};
  std::unique_ptr<FleetTable> table_ = std::make_unique<FleetTable>();
  std::optional<int64_t> frozen_unix_ns_;  // nothing: live
  std::string trouble_;                    // of the last frame that could not be read
};

}  // namespace tcpfleet::controller
