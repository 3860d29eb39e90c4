// Feeds kernel snapshots to everybody who watches this host.
//
// Threads: one, which exists only while somebody subscribes. All functions from any thread.
// Bounds:  kMostKernelSubscriptions. Those who ask for the same share each reading that is due for
//          them at the same time. A subscriber that is not ready gets none, and a later one
//          instead.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostKernelSubscriptions = 64;

// Threads: called by the hub's thread, one call at a time, but for Fail, which Stop may call.
class KernelSink {
 public:
  virtual ~KernelSink() = default;
  // Nothing waits to be sent.
  virtual bool Ready() = 0;
  virtual void Send(const v1::KernelSnapshot& snapshot) = 0;
  // The last call.
  virtual void Fail(const absl::Status& status) = 0;
};

class KernelHub {
 public:
  // Takes a plan of PlanKernelSnapshot; called by one thread at a time.
  using Read = std::function<v1::KernelSnapshot(const v1::SnapshotKernelRequest& plan)>;

  // `clock` must outlive the hub.
  KernelHub(Read read, base::Clock* clock);
  ~KernelHub();

  // Ends when destroyed, from any thread but not from inside a call of its sink: waits for a call
  // that is under way, and none comes after. The hub must outlive it.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };

  // InvalidArgument names the field; ResourceExhausted above kMostKernelSubscriptions; Unavailable
  // after Stop. The first snapshot comes at once.
  absl::StatusOr<std::unique_ptr<Subscription>> Watch(const v1::WatchKernelRequest& request,
                                                      std::shared_ptr<KernelSink> sink);

  // Fails every subscription and ends the thread. Idempotent.
  void Stop();

 private:
  struct Member;
  class Handle;
  using Members = std::vector<std::shared_ptr<Member>>;

  void Loop(const std::stop_token& stop);
  void ServeDue(const Members& members);
  bool BeginCall(Member& member);
  void EndCall(Member& member);
  void Leave(const std::shared_ptr<Member>& member);

  const Read read_;
  base::Clock* const clock_;

  base::Mutex mutex_;
  base::CondVar call_ended_;
  Members members_ ABSL_GUARDED_BY(mutex_);
  // Requested when the thread must look again before its time; replaced with every sleep.
  std::stop_source wake_ ABSL_GUARDED_BY(mutex_);
  bool is_running_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::jthread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
