#include "controller/fleet/fan_out.h"

#include <memory>

#include "common/base/mutex.h"

namespace tcpfleet::controller {
namespace {

// Shared with every `done`, because the last one may still be notifying when FanOut returns.
struct Running {
  base::Mutex mutex;
  base::CondVar changed;
  int count ABSL_GUARDED_BY(mutex) = 0;

  void AwaitBelow(int limit) {
    base::MutexLock lock(mutex);
    while (count >= limit) changed.Wait(mutex);
  }
  void Add(int change) {
    {
      base::MutexLock lock(mutex);
      count += change;
    }
    changed.NotifyAll();
  }
};

}  // namespace

void FanOut(size_t count, int parallel, const std::function<void(size_t index, Done done)>& start,
            const std::stop_token& stop) {
  const auto running = std::make_shared<Running>();
  for (size_t index = 0; index < count; ++index) {
    running->AwaitBelow(parallel);
    if (stop.stop_requested()) break;
    running->Add(1);
    start(index, [running] { running->Add(-1); });
  }
  running->AwaitBelow(1);
}

}  // namespace tcpfleet::controller
