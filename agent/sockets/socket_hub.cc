#include "agent/sockets/socket_hub.h"

#include <algorithm>
#include <utility>

#include "agent/sockets/cgroup_paths.h"
#include "agent/sockets/snapshot_collector.h"
#include "agent/sockets/socket_owners.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostFailuresInARow = 5;

bool WillNotHeal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) ||
         absl::IsUnimplemented(status);
}

// The first frame should name all owners; later on the search may not disturb the pace.
absl::Duration SearchBudget(const ConnectionTable& table, absl::Duration period) {
  if (table.poll() == 1) return absl::Milliseconds(250);
  return std::clamp(period / 20, absl::Milliseconds(2), absl::Milliseconds(50));
}

}  // namespace

struct SocketHub::Member {
  Member(WatchPlan plan, sockets::RowBudget* budget, std::shared_ptr<FrameSink> frame_sink)
      : watcher(std::make_unique<Watcher>(std::move(plan), budget)), sink(std::move(frame_sink)) {}

  // Of the sampler thread, which destroys it before its table.
  std::unique_ptr<Watcher> watcher;
  const std::shared_ptr<FrameSink> sink;
  // Guarded by the hub's mutex, which this struct cannot name.
  bool in_call = false;
  bool has_left = false;
};

class SocketHub::Handle final : public Subscription {
 public:
  Handle(SocketHub* hub, std::shared_ptr<Member> member) : hub_(hub), member_(std::move(member)) {}
  ~Handle() override { hub_->Leave(member_); }

 private:
  SocketHub* const hub_;
  const std::shared_ptr<Member> member_;
};

SocketHub::SocketHub(SampleSource* source, base::Clock* clock) : clock_(clock), source_(source) {}

SocketHub::~SocketHub() { Stop(); }

absl::StatusOr<std::unique_ptr<Subscription>> SocketHub::Watch(const v1::WatchRequest& request,
                                                               std::shared_ptr<FrameSink> sink) {
  TF_ASSIGN_OR_RETURN(WatchPlan plan, PlanWatch(request));
  auto member = std::make_shared<Member>(std::move(plan), &budget_, std::move(sink));
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

void SocketHub::Leave(const std::shared_ptr<Member>& member) {
  base::MutexLock lock(mutex_);
  while (member->in_call) call_ended_.Wait(mutex_);
  member->has_left = true;
  if (std::erase(members_, member) == 0) return;
  departed_.push_back(member);
  wake_.request_stop();
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
  Sampling sampling(clock_);
  int64_t due_ns = 0;
  for (;;) {
    Members members;
    Members departed;
    std::stop_token wake;
    int64_t period_ns = INT64_MAX;
    bool ends = false;
    {
      base::MutexLock lock(mutex_);
      departed.swap(departed_);
      members = members_;
      ends = stop.stop_requested() || (members.empty() && departed.empty());
      if (ends) is_sampling_ = false;
      wake_ = std::stop_source();
      wake = wake_.get_token();
      if (std::exchange(poll_now_, false)) due_ns = clock_->MonotonicNs();
    }
    for (const auto& member : departed) member->watcher.reset();
    if (ends) {
      for (const auto& member : members) member->watcher.reset();
      return;
    }
    if (members.empty()) continue;
    for (const auto& member : members) {
      period_ns = std::min(period_ns, member->watcher->plan().interval_ns);
    }
    if (!clock_->SleepUntil(due_ns, wake)) continue;
    PollFor(members, period_ns, sampling);
    due_ns = std::max(due_ns + period_ns, clock_->MonotonicNs());
  }
}

void SocketHub::PollFor(const Members& members, int64_t period_ns, Sampling& sampling) {
  std::vector<const WatchPlan*> plans;
  ConnectionTable::PollOptions options;
  bool processes = false;
  for (const auto& member : members) {
    const WatchPlan& plan = member->watcher->plan();
    plans.push_back(&plan);
    options.keep_before |= plan.filter.NeedsDerived();
    processes |= plan.processes;
  }
  PollRequest request = RequestFor(plans);
  options.same_request = request.SameSockets(sampling.request);
  sampling.request = std::move(request);
  ConnectionTable& table = sampling.table;
  table.StartPoll(options);
  const absl::StatusOr<PollResult> poll = PollSource(sampling.request, table);
  ++sequence_;
  if (!poll.ok()) {
    table.FailPoll();
    const int64_t now_ns = clock_->MonotonicNs();
    for (const auto& member : members) member->watcher->NoteFailure(now_ns, period_ns);
    if (++failures_in_a_row_ == kMostFailuresInARow || WillNotHeal(poll.status())) {
      FailAll(base::WithContext("sampling sockets", poll.status()));
    }
    return;
  }
  failures_in_a_row_ = 0;
  table.FinishPoll();
  sampling.attribution.Describe(
      table, processes ? SearchBudget(table, absl::Nanoseconds(period_ns)) : absl::ZeroDuration());
  for (const auto& member : members) Deliver(*member, *poll, period_ns, sampling);
}

void SocketHub::Deliver(Member& member, const PollResult& poll, int64_t period_ns,
                        Sampling& sampling) {
  Watcher& watcher = *member.watcher;
  watcher.Note(poll, sampling.table);
  if (!watcher.IsDue(poll.monotonic_ns, period_ns) || !BeginCall(member)) return;
  if (member.sink->Ready()) {
    member.sink->Send(watcher.Encode(sequence_, poll, sampling.table, sampling.writer));
  }
  EndCall(member);
}

absl::StatusOr<PollResult> SocketHub::PollSource(const PollRequest& request, PollSink& sink) {
  base::MutexLock lock(source_mutex_);
  return source_->Poll(request, sink);
}

void SocketHub::FailAll(const absl::Status& status) {
  failures_in_a_row_ = 0;
  Members members;
  {
    base::MutexLock lock(mutex_);
    members.swap(members_);
  }
  for (const auto& member : members) {
    member->watcher.reset();
    if (!BeginCall(*member)) continue;
    member->sink->Fail(status);
    EndCall(*member);
  }
}

absl::StatusOr<std::vector<v1::ConnectionFrame>> SocketHub::Snapshot(
    const v1::SnapshotRequest& request) {
  TF_ASSIGN_OR_RETURN(const WatchPlan plan, PlanSnapshot(request));
  SnapshotCollector collector(&plan);
  const WatchPlan* const plans[] = {&plan};
  TF_ASSIGN_OR_RETURN(const PollResult poll, PollSource(RequestFor(plans), collector));
  return collector.Finish(poll, clock_);
}

std::vector<v1::Collector> SocketHub::Describe() const {
  std::vector<v1::Collector> collectors = source_->Describe();
  collectors.push_back(SocketOwners::Describe());
  collectors.push_back(CgroupPaths::Describe());
  return collectors;
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
