#include "agent/sockets/socket_hub.h"

#include <algorithm>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostFailuresInARow = 5;

bool WillNotHeal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnimplemented(status);
}

}  // namespace

struct SocketHub::Member {
  Member(WatchPlan plan, std::shared_ptr<FrameSink> frame_sink)
      : watcher(std::move(plan)), sink(std::move(frame_sink)) {}

  Watcher watcher;  // of the sampler thread
  const std::shared_ptr<FrameSink> sink;
  // Guarded by the hub's mutex, which this struct cannot name.
  bool in_call = false;
  bool has_left = false;
};

class SocketHub::Handle final : public Subscription {
 public:
  Handle(SocketHub* hub, std::shared_ptr<Member> member) : hub_(hub), member_(std::move(member)) {}
  ~Handle() override { hub_->Leave(*member_); }

 private:
  SocketHub* const hub_;
  const std::shared_ptr<Member> member_;
};

SocketHub::SocketHub(SampleSource* source, base::Clock* clock) : clock_(clock), source_(source) {}

SocketHub::~SocketHub() { Stop(); }

absl::StatusOr<std::unique_ptr<Subscription>> SocketHub::Watch(const v1::WatchRequest& request,
                                                               std::shared_ptr<FrameSink> sink) {
  TF_ASSIGN_OR_RETURN(WatchPlan plan, PlanWatch(request));
  auto member = std::make_shared<Member>(std::move(plan), std::move(sink));
  base::MutexLock lock(mutex_);
  if (is_stopped_) return absl::UnavailableError("the agent is stopping");
  if (members_.size() == kMostSubscriptions) {
    return absl::ResourceExhaustedError("too many subscriptions to this agent's sockets");
  }
  members_.push_back(member);
  poll_now_ = true;
  wake_.request_stop();
  if (!is_sampling_) {
    is_sampling_ = true;
    // The sampler before, if any, has nothing left to do but return.
    sampler_ = std::jthread([this](const std::stop_token& stop) { Sample(stop); });
  }
  return std::make_unique<Handle>(this, std::move(member));
}

void SocketHub::Leave(Member& member) {
  base::MutexLock lock(mutex_);
  while (member.in_call) call_ended_.Wait(mutex_);
  member.has_left = true;
  std::erase_if(members_, [&](const auto& other) { return other.get() == &member; });
  if (members_.empty()) wake_.request_stop();
}

bool SocketHub::BeginCall(Member& member) {
  base::MutexLock lock(mutex_);
  member.in_call = !member.has_left;
  return member.in_call;
}

void SocketHub::EndCall(Member& member) {
  {
    base::MutexLock lock(mutex_);
    member.in_call = false;
  }
  call_ended_.NotifyAll();
}

void SocketHub::Sample(const std::stop_token& stop) {
  int64_t due_ns = 0;
  for (;;) {
    std::vector<std::shared_ptr<Member>> members;
    std::stop_token wake;
    int64_t period_ns = INT64_MAX;
    {
      base::MutexLock lock(mutex_);
      if (members_.empty() || stop.stop_requested()) {
        history_ = {};
        is_sampling_ = false;
        return;
      }
      members = members_;
      wake_ = std::stop_source();
      wake = wake_.get_token();
      for (const auto& member : members) {
        period_ns = std::min(period_ns, member->watcher.plan().interval_ns);
      }
      if (std::exchange(poll_now_, false)) due_ns = clock_->MonotonicNs();
    }
    if (!clock_->SleepUntil(due_ns, wake)) continue;
    PollFor(members, period_ns);
    due_ns = std::max(due_ns + period_ns, clock_->MonotonicNs());
  }
}

void SocketHub::PollFor(const std::vector<std::shared_ptr<Member>>& members, int64_t period_ns) {
  PollRequest request{.states = 0, .recycled = history_.TakeStorage()};
  for (const auto& member : members) request.states |= member->watcher.plan().filter.StateMask();
  absl::StatusOr<PollResult> poll = PollSource(std::move(request));
  ++sequence_;
  if (!poll.ok()) {
    for (const auto& member : members) member->watcher.MissPoll();
    if (++failures_in_a_row_ == kMostFailuresInARow || WillNotHeal(poll.status())) {
      FailAll(base::WithContext("sampling sockets", poll.status()));
    }
    return;
  }
  failures_in_a_row_ = 0;
  history_.Advance(std::move(poll->connections));
  for (const auto& member : members) Deliver(*member, *poll, period_ns);
}

void SocketHub::Deliver(Member& member, const PollResult& poll, int64_t period_ns) {
  member.watcher.Observe(poll, history_);
  if (!member.watcher.IsDue(poll.monotonic_ns, period_ns) || !BeginCall(member)) return;
  if (member.sink->Ready()) {
    member.sink->Send(member.watcher.Encode(sequence_, poll.monotonic_ns));
  }
  EndCall(member);
}

absl::StatusOr<PollResult> SocketHub::PollSource(PollRequest request) {
  base::MutexLock lock(source_mutex_);
  return source_->Poll(std::move(request));
}

void SocketHub::FailAll(const absl::Status& status) {
  failures_in_a_row_ = 0;
  std::vector<std::shared_ptr<Member>> members;
  {
    base::MutexLock lock(mutex_);
    members.swap(members_);
  }
  for (const auto& member : members) {
    if (!BeginCall(*member)) continue;
    member->sink->Fail(status);
    EndCall(*member);
  }
}

absl::StatusOr<v1::ConnectionFrame> SocketHub::Snapshot(const v1::SnapshotRequest& request) {
  TF_ASSIGN_OR_RETURN(const filter::Filter filter, filter::Filter::Parse(request.filter()));
  TF_ASSIGN_OR_RETURN(const sockets::FieldMask fields, ParseFieldIds(request.field_ids()));
  TF_ASSIGN_OR_RETURN(const PollResult result,
                      PollSource({.states = filter.StateMask(), .recycled = {}}));
  std::vector<const sockets::ConnectionSample*> matching;
  for (const sockets::ConnectionSample& sample : result.connections) {
    if (filter.Matches(sample)) matching.push_back(&sample);
  }
  v1::Completeness completeness;
  completeness.set_seen(matching.size());
  completeness.set_skipped(CountMatching(filter, result.skipped));
  completeness.set_torn(result.torn);
  completeness.set_dropped(result.dropped);
  return sockets::FrameEncoder(fields).Encode({.monotonic_ns = result.monotonic_ns,
                                               .completeness = std::move(completeness),
                                               .live = {},
                                               .live_selection = matching,
                                               .closed = {}});
}

void SocketHub::Stop() {
  std::jthread sampler;
  {
    base::MutexLock lock(mutex_);
    is_stopped_ = true;
    sampler.swap(sampler_);
    sampler.request_stop();
    wake_.request_stop();
  }
  if (sampler.joinable()) sampler.join();
  FailAll(absl::UnavailableError("the agent is stopping"));
}

}  // namespace tcpfleet::agent
