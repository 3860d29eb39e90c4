#include "agent/kernel/kernel_hub.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "agent/kernel/kernel_reader.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

constexpr uint32_t kDefaultIntervalMs = 1000;
constexpr uint32_t kShortestIntervalMs = 100;

// On a grid, so that those of the same interval are due together; at least half an interval ahead.
int64_t NextDue(int64_t now_ns, int64_t interval_ns) {
  const int64_t next_ns = (now_ns / interval_ns + 1) * interval_ns;
  return next_ns - now_ns < interval_ns / 2 ? next_ns + interval_ns : next_ns;
}

}  // namespace

struct KernelHub::Member {
  v1::SnapshotKernelRequest plan;
  std::string key;  // the same plan has the same one
  int64_t interval_ns = 0;
  std::shared_ptr<KernelSink> sink;
  int64_t due_ns = 0;  // of the hub's thread
  // Guarded by the hub's mutex, which this struct cannot name.
  bool in_call = false;
  bool has_left = false;
};

class KernelHub::Handle final : public Subscription {
 public:
  Handle(KernelHub* hub, std::shared_ptr<Member> member) : hub_(hub), member_(std::move(member)) {}
  ~Handle() override { hub_->Leave(member_); }

 private:
  KernelHub* const hub_;
  const std::shared_ptr<Member> member_;
};

KernelHub::KernelHub(Read read, base::Clock* clock) : read_(std::move(read)), clock_(clock) {}

KernelHub::~KernelHub() { Stop(); }

absl::StatusOr<std::unique_ptr<KernelHub::Subscription>> KernelHub::Watch(
    const v1::WatchKernelRequest& request, std::shared_ptr<KernelSink> sink) {
  const uint32_t interval_ms =
      request.interval_ms() == 0 ? kDefaultIntervalMs : request.interval_ms();
  if (interval_ms < kShortestIntervalMs) {
    return absl::InvalidArgumentError(absl::StrCat(
        "interval_ms: ", interval_ms, " is too short, at least ", kShortestIntervalMs));
  }
  auto member = std::make_shared<Member>();
  if (request.what().has_pick()) {
    return absl::InvalidArgumentError("what.pick: only single snapshots send connections");
  }
  TF_ASSIGN_OR_RETURN(member->plan, PlanKernelSnapshot(request.what()));
  member->key = member->plan.SerializeAsString();
  member->interval_ns = int64_t{interval_ms} * 1'000'000;
  member->sink = std::move(sink);
  base::MutexLock lock(mutex_);
  if (is_stopped_) return absl::UnavailableError("the agent is stopping");
  if (members_.size() == kMostKernelSubscriptions) {
    return absl::ResourceExhaustedError("too many watch this agent's kernel");
  }
  members_.push_back(member);
  wake_.request_stop();
  if (!is_running_) {
    is_running_ = true;
    // The thread before, if any, has nothing left to do but return.
    thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
  }
  return std::make_unique<Handle>(this, std::move(member));
}

void KernelHub::Leave(const std::shared_ptr<Member>& member) {
  base::MutexLock lock(mutex_);
  while (member->in_call) call_ended_.Wait(mutex_);
  member->has_left = true;
  if (std::erase(members_, member) > 0) wake_.request_stop();
}

bool KernelHub::BeginCall(Member& member) {
  base::MutexLock lock(mutex_);
  member.in_call = !member.has_left;
  return member.in_call;
}

void KernelHub::EndCall(Member& member) {
  {
    base::MutexLock lock(mutex_);
    member.in_call = false;
  }
  call_ended_.NotifyAll();
}

void KernelHub::Loop(const std::stop_token& stop) {
  for (;;) {
    Members members;
    std::stop_token wake;
    {
      base::MutexLock lock(mutex_);
      if (stop.stop_requested() || members_.empty()) {
        is_running_ = false;
        return;
      }
      members = members_;
      wake_ = std::stop_source();
      wake = wake_.get_token();
    }
    const auto first =
        std::min_element(members.begin(), members.end(),
                         [](const auto& a, const auto& b) { return a->due_ns < b->due_ns; });
    if (clock_->SleepUntil((*first)->due_ns, wake)) ServeDue(members);
  }
}

// One reading for each plan that somebody waits for.
void KernelHub::ServeDue(const Members& members) {
  const int64_t now_ns = clock_->MonotonicNs();
  Members waiting;
  for (const std::shared_ptr<Member>& member : members) {
    if (member->due_ns > now_ns) continue;
    member->due_ns = NextDue(now_ns, member->interval_ns);
    if (!BeginCall(*member)) continue;
    if (member->sink->Ready()) waiting.push_back(member);
    EndCall(*member);
  }
  while (!waiting.empty()) {
    const std::string key = waiting.front()->key;
    const v1::KernelSnapshot snapshot = read_(waiting.front()->plan);
    std::erase_if(waiting, [&](const std::shared_ptr<Member>& member) {
      if (member->key != key) return false;
      if (BeginCall(*member)) {
        member->sink->Send(snapshot);
        EndCall(*member);
      }
      return true;
    });
  }
}

void KernelHub::Stop() {
  std::jthread thread;
  {
    base::MutexLock lock(mutex_);
    is_stopped_ = true;
    thread.swap(thread_);
    thread.request_stop();
    wake_.request_stop();
  }
  if (thread.joinable()) thread.join();
  Members members;
  {
    base::MutexLock lock(mutex_);
    members.swap(members_);
  }
  for (const std::shared_ptr<Member>& member : members) {
    if (!BeginCall(*member)) continue;
    member->sink->Fail(absl::UnavailableError("the agent is stopping"));
    EndCall(*member);
  }
}

}  // namespace tcpfleet::agent
