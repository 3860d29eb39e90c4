// Feeds connection frames to everybody who watches the sockets of this host.
//
// Threads: one sampler thread, which exists only while somebody subscribes; it polls at the pace of
//          the fastest subscriber and encodes each one's frames. All functions may be called from
//          any thread.
// Bounds:  kMostSubscriptions, and kMostRowsOfAll rows of all of them together; connections beyond
//          are counted as dropped. A subscriber that is not ready gets no frame: its next one
//          stands for those it missed (merged_polls).
// Errors:  a poll that fails is a gap in the next frame. Five in a row, or an error that will not
//          heal, fail every subscription.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <thread>
#include <vector>

#include "agent/sockets/attribution.h"
#include "agent/sockets/connection_table.h"
#include "agent/sockets/frame_sink.h"
#include "agent/sockets/sample_source.h"
#include "agent/sockets/watcher.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/sockets/row_encoder.h"
#include "tcpfleet/v1/host.pb.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::agent {

inline constexpr size_t kMostSubscriptions = 64;
inline constexpr size_t kMostRowsOfAll = size_t{2} << 20;

// Ends the subscription when destroyed, from any thread but not from inside a call of its sink:
// waits for a call that is under way, and none comes after. The hub must outlive it.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

class SocketHub {
 public:
  // Both must outlive the hub.
  SocketHub(SampleSource* source, base::Clock* clock);
  ~SocketHub();

  // InvalidArgument names the field; ResourceExhausted above kMostSubscriptions; Unavailable after
  // Stop. The first frame comes at once.
  absl::StatusOr<std::unique_ptr<Subscription>> Watch(const v1::WatchRequest& request,
                                                      std::shared_ptr<FrameSink> sink);

  // One poll on the calling thread, which it blocks for as long as the kernel takes (about 1 µs per
  // socket) and the search for processes, if asked for, some seconds at most: keyframes that
  // together have every connection, the first one with the counts. It is no poll of the sampler, so
  // their poll_sequence is 0.
  absl::StatusOr<std::vector<v1::ConnectionFrame>> Snapshot(const v1::SnapshotRequest& request);

  // Of the source and of attribution. Looks at every process, so not for every poll.
  std::vector<v1::Collector> Describe() const;

  // Fails every subscription and ends the sampler thread. Idempotent.
  void Stop();

 private:
  struct Member;
  class Handle;
  using Members = std::vector<std::shared_ptr<Member>>;

  // What the sampler thread has while it runs.
  struct Sampling {
    explicit Sampling(const base::Clock* clock) : attribution(clock) {}
    ConnectionTable table;
    Attribution attribution;
    PollRequest request;
    sockets::FrameWriter writer;
  };

  void Sample(const std::stop_token& stop);
  void PollFor(const Members& members, int64_t period_ns, Sampling& sampling);
  void Deliver(Member& member, const PollResult& poll, int64_t period_ns, Sampling& sampling);
  void FailAll(const absl::Status& status);
  absl::StatusOr<PollResult> PollSource(const PollRequest& request, PollSink& sink);
  bool BeginCall(Member& member);
  void EndCall(Member& member);
  void Leave(const std::shared_ptr<Member>& member);

  base::Clock* const clock_;
  SampleSource* const source_;
  base::Mutex source_mutex_;  // one poll at a time

  // Of the sampler thread.
  sockets::RowBudget budget_{kMostRowsOfAll};
  uint64_t sequence_ = 0;
  int failures_in_a_row_ = 0;

  base::Mutex mutex_;
  base::CondVar call_ended_;
  Members members_ ABSL_GUARDED_BY(mutex_);
  Members departed_ ABSL_GUARDED_BY(mutex_);  // their watchers are left to the sampler thread
  // Requested when the sampler must look again before its time; replaced with every sleep.
  std::stop_source wake_ ABSL_GUARDED_BY(mutex_);
  bool poll_now_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_sampling_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::jthread sampler_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::agent
