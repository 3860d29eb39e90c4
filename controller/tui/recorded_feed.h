#pragma once

#include <functional>
#include <map>
#include <vector>

#include "controller/connections/feed.h"
#include "controller/record/recorder.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

using OnStopped = std::function<void(const absl::Status& cause)>;

// A live feed whose entries are also recorded, as far as that goes, and that remembers who failed.
class RecordedFeed final : public Feed {
 public:
  // `recorder` may be null. `on_stopped` (may be null) hears once why recording stopped early; the
  // entries go on.
  RecordedFeed(Feed& feed, Recorder* recorder, OnStopped on_stopped);

  std::optional<v1::RecordingEntry> Next(absl::Duration wait, const std::stop_token& stop) override;
  bool ended() const override { return feed_.ended(); }

  const Recorder* recorder() const { return recorder_; }
  // Why recording stopped early; OK while it goes on, or without a recorder.
  const absl::Status& recording_status() const { return recording_status_; }
  // Ends the recording properly.
  void Finish();
  // Of the agents that are down now.
  std::vector<v1::AgentFailure> failures() const;

 private:
  void Stopped(absl::Status cause);

  Feed& feed_;
  Recorder* const recorder_;
  const OnStopped on_stopped_;
  absl::Status recording_status_;
  std::map<uint32_t, v1::AgentFailure> failures_;
};

}  // namespace tcpfleet::controller
