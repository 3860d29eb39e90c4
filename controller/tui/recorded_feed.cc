#include "controller/tui/recorded_feed.h"

#include <utility>

namespace tcpfleet::controller {

RecordedFeed::RecordedFeed(Feed& feed, Recorder* recorder, OnStopped on_stopped)
    : feed_(feed), recorder_(recorder), on_stopped_(std::move(on_stopped)) {}

std::optional<v1::RecordingEntry> RecordedFeed::Next(absl::Duration wait,
                                                     const std::stop_token& stop) {
  std::optional<v1::RecordingEntry> entry = feed_.Next(wait, stop);
  if (!entry.has_value()) return entry;
  if (entry->has_down()) failures_[entry->agent()] = entry->down();
  if (entry->has_up()) failures_.erase(entry->agent());
  if (recorder_ != nullptr && recording_status_.ok()) Stopped(recorder_->Append(*entry));
  return entry;
}

void RecordedFeed::Finish() {
  if (recorder_ != nullptr && recording_status_.ok()) Stopped(recorder_->Finish());
}

void RecordedFeed::Stopped(absl::Status cause) {
  if (cause.ok()) return;
  recording_status_ = std::move(cause);
  if (on_stopped_) on_stopped_(recording_status_);
}

std::vector<v1::AgentFailure> RecordedFeed::failures() const {
  std::vector<v1::AgentFailure> failures;
  for (const auto& [agent, failure] : failures_) failures.push_back(failure);
  return failures;
}

}  // namespace tcpfleet::controller
