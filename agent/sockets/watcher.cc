#include "agent/sockets/watcher.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr uint32_t kDefaultIntervalMs = 1000;
constexpr uint32_t kShortestIntervalMs = 100;
constexpr uint32_t kLongestIntervalMs = 60'000;

}  // namespace

absl::StatusOr<sockets::FieldMask> ParseFieldIds(absl::Span<const uint32_t> field_ids) {
  sockets::FieldMask fields;
  for (const uint32_t id : field_ids) {
    if (sockets::FindField(id) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("field_ids: there is no field ", id));
    }
    fields.set(id);
  }
  return fields;
}

absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchRequest& request) {
  TF_ASSIGN_OR_RETURN(filter::Filter filter, filter::Filter::Parse(request.filter()));
  TF_ASSIGN_OR_RETURN(const sockets::FieldMask fields, ParseFieldIds(request.field_ids()));
  const uint32_t interval_ms =
      request.interval_ms() == 0 ? kDefaultIntervalMs : request.interval_ms();
  if (interval_ms < kShortestIntervalMs || interval_ms > kLongestIntervalMs) {
    return absl::InvalidArgumentError(absl::StrCat("interval_ms: ", interval_ms, " is not between ",
                                                   kShortestIntervalMs, " and ",
                                                   kLongestIntervalMs));
  }
  return WatchPlan{std::move(filter), fields, int64_t{interval_ms} * 1'000'000};
}

uint64_t CountMatching(const filter::Filter& filter, absl::Span<const SkippedSocket> skipped) {
  sockets::ConnectionSample sample;
  return static_cast<uint64_t>(
      std::count_if(skipped.begin(), skipped.end(), [&](const SkippedSocket& socket) {
        sample.identity.local = socket.local;
        sample.identity.remote = socket.remote;
        sample.values.Set(sockets::Field::kState, socket.state);
        return filter.Matches(sample);
      }));
}

Watcher::Watcher(WatchPlan plan) : plan_(std::move(plan)), encoder_(plan_.fields) {}

void Watcher::Observe(const PollResult& poll, const ConnectionHistory& history) {
  const filter::Filter& filter = plan_.filter;
  ++polls_;
  live_.clear();
  for (size_t i = 0; i < history.current().size(); ++i) {
    const sockets::ConnectionSample& now = history.current()[i];
    const sockets::ConnectionSample* before = history.before()[i];
    if (filter.Matches(now)) {
      live_.push_back(&now);
    } else if (has_observed_ && before != nullptr && filter.Matches(*before)) {
      End(now, v1::ConnectionClose::REASON_FILTERED);
    }
  }
  // What ended before the subscription began is not its business.
  if (has_observed_) {
    for (const sockets::ConnectionSample* last : history.ended()) {
      if (filter.Matches(*last)) End(*last, v1::ConnectionClose::REASON_NOT_SEEN);
    }
  }
  has_observed_ = true;
  completeness_.set_seen(completeness_.seen() + live_.size());
  completeness_.set_skipped(completeness_.skipped() + CountMatching(filter, poll.skipped));
  completeness_.set_torn(completeness_.torn() + poll.torn);
  completeness_.set_dropped(completeness_.dropped() + poll.dropped);
}

void Watcher::End(const sockets::ConnectionSample& last, v1::ConnectionClose::Reason reason) {
  if (ended_.size() == kMostUnsentEnds) {
    completeness_.set_dropped(completeness_.dropped() + 1);
  } else {
    ended_.push_back({last, reason});
  }
}

void Watcher::MissPoll() {
  ++polls_;
  completeness_.set_gap(true);
}

bool Watcher::IsDue(int64_t now_ns, int64_t tolerance_ns) const {
  return next_due_ns_ == INT64_MIN || now_ns >= next_due_ns_ - tolerance_ns / 2;
}

v1::ConnectionFrame Watcher::Encode(uint64_t sequence, int64_t monotonic_ns) {
  v1::ConnectionFrame frame = encoder_.Encode({.sequence = sequence,
                                               .monotonic_ns = monotonic_ns,
                                               .merged_polls = std::exchange(polls_, 0),
                                               .completeness = completeness_,
                                               .live = {},
                                               .live_selection = live_,
                                               .closed = ended_});
  ended_.clear();
  completeness_.Clear();
  // A subscriber that was late starts a new grid instead of catching up.
  const int64_t planned_ns = next_due_ns_ == INT64_MIN ? monotonic_ns : next_due_ns_;
  next_due_ns_ = std::max(planned_ns, monotonic_ns - plan_.interval_ns / 2) + plan_.interval_ns;
  return frame;
}

}  // namespace tcpfleet::agent
