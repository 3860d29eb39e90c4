#include "agent/service/run_registry.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace tcpfleet::agent {
namespace {

// Passes everything on and remembers that the run is done.
class WatchedSink final : public RunEventSink {
 public:
  explicit WatchedSink(std::shared_ptr<RunEventSink> sink) : sink_(std::move(sink)) {}
  bool Ready() override { return sink_->Ready(); }
  void Send(v1::RunResponse event) override { sink_->Send(std::move(event)); }
  void Done(absl::Status status) override {
    sink_->Done(std::move(status));
    done_.store(true);
  }
  bool done() const { return done_.load(); }

 private:
  const std::shared_ptr<RunEventSink> sink_;
  std::atomic<bool> done_ = false;
};

}  // namespace

struct RunRegistry::Entry {
  std::shared_ptr<LoadRun> run;
  std::shared_ptr<WatchedSink> sink;
};

RunRegistry::RunRegistry(AgentLoadLimits limits) : limits_(std::move(limits)), budget_(limits_) {}

RunRegistry::~RunRegistry() = default;

std::shared_ptr<LoadRun> RunRegistry::Create(std::shared_ptr<RunEventSink> sink) {
  std::vector<Entry> ended;  // joined after the lock is released
  base::MutexLock lock(mutex_);
  if (stopped_) return nullptr;
  const auto first_ended = std::partition(entries_.begin(), entries_.end(),
                                          [](const Entry& entry) { return !entry.sink->done(); });
  std::move(first_ended, entries_.end(), std::back_inserter(ended));
  entries_.erase(first_ended, entries_.end());

  auto watched = std::make_shared<WatchedSink>(std::move(sink));
  auto run = std::make_shared<LoadRun>(limits_, &budget_, watched);
  entries_.push_back({run, std::move(watched)});
  return run;
}

void RunRegistry::StopAll() {
  std::vector<Entry> entries;
  {
    base::MutexLock lock(mutex_);
    stopped_ = true;
    entries.swap(entries_);
  }
  for (const Entry& entry : entries) entry.run->Disconnect(v1::Finished::CAUSE_AGENT_STOPPING);
}

}  // namespace tcpfleet::agent
