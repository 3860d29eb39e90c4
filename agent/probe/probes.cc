#include "agent/probe/probes.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

absl::Status AgentIsStopping() { return absl::UnavailableError("the agent is stopping"); }

}  // namespace

Probes::Probes(AgentLoadLimits limits) : limits_(std::move(limits)) {}

Probes::~Probes() { StopAll(); }

absl::StatusOr<std::shared_ptr<InterruptibleWait>> Probes::Start(ProbePlan plan,
                                                                 std::shared_ptr<ProbeSink> sink) {
  TF_ASSIGN_OR_RETURN(std::shared_ptr<InterruptibleWait> wait, InterruptibleWait::Create());
  auto done = std::make_shared<std::atomic<bool>>(false);
  std::vector<Entry> ended;  // joined after the lock is released
  base::MutexLock lock(mutex_);
  if (stopping_) return AgentIsStopping();
  const auto first_ended = std::partition(entries_.begin(), entries_.end(),
                                          [](const Entry& entry) { return !entry.done->load(); });
  std::move(first_ended, entries_.end(), std::back_inserter(ended));
  entries_.erase(first_ended, entries_.end());
  if (entries_.size() >= kMostProbes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("this agent makes ", kMostProbes, " probes already; try again later"));
  }
  std::jthread thread([this, plan = std::move(plan), sink = std::move(sink), wait, done] {
    absl::Status status = RunProbe(plan, limits_, *wait, *sink);
    if (absl::IsCancelled(status) && stopping_) status = AgentIsStopping();
    sink->Done(std::move(status));
    done->store(true);
  });
  entries_.push_back({wait, std::move(done), std::move(thread)});
  return wait;
}

void Probes::StopAll() {
  std::vector<Entry> entries;
  {
    base::MutexLock lock(mutex_);
    stopping_ = true;
    entries.swap(entries_);
  }
  for (const Entry& entry : entries) entry.wait->Interrupt();
}

}  // namespace tcpfleet::agent
