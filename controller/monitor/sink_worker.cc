#include "controller/monitor/sink_worker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLongestRetry = absl::Minutes(1);

bool MayHelpToRetry(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

SinkWorker::SinkWorker(std::string name, size_t most_at_once, Deliver deliver, base::Clock& clock)
    : most_at_once_(std::min(most_at_once, kMostWaiting - 1)),
      deliver_(std::move(deliver)),
      clock_(clock),
      jitter_(std::random_device()()) {
  status_.set_name(std::move(name));
  thread_ = std::thread([this] { Loop(); });
}

SinkWorker::~SinkWorker() {
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    drain_until_ns_ = clock_.MonotonicNs() + absl::ToInt64Nanoseconds(kDrainTime);
  }
  stop_.request_stop();
  changed_.NotifyAll();
  thread_.join();
}

void SinkWorker::Push(const v1::AlertNotification& notification) {
  {
    base::MutexLock lock(mutex_);
    if (waiting_.size() == kMostWaiting) {
      waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(in_hand_));
      status_.set_dropped(status_.dropped() + 1);
    }
    waiting_.push_back(notification);
  }
  changed_.NotifyAll();
}

void SinkWorker::Wake() {
  {
    base::MutexLock lock(mutex_);
    is_awake_ = true;
  }
  changed_.NotifyAll();
}

v1::SinkStatus SinkWorker::status() const {
  base::MutexLock lock(mutex_);
  v1::SinkStatus status = status_;
  status.set_waiting(waiting_.size());
  return status;
}

bool SinkWorker::Take(std::vector<v1::AlertNotification>& batch, int64_t& deadline_ns) {
  base::MutexLock lock(mutex_);
  while (waiting_.empty() && !is_awake_ && !is_stopping_) changed_.Wait(mutex_);
  deadline_ns = is_stopping_ ? drain_until_ns_ : std::numeric_limits<int64_t>::max();
  if (waiting_.empty() && !is_awake_) return false;
  if (is_stopping_ && clock_.MonotonicNs() >= drain_until_ns_) return false;
  is_awake_ = false;
  in_hand_ = std::min(waiting_.size(), most_at_once_);
  batch.assign(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(in_hand_));
  return true;
}

absl::Duration SinkWorker::Settle(const absl::Status& status) {
  base::MutexLock lock(mutex_);
  const size_t in_hand = std::exchange(in_hand_, 0);
  if (!status.ok()) status_.set_last_error(std::string(status.message()));
  if (MayHelpToRetry(status) && !is_stopping_) {
    is_awake_ = true;
    return std::min(kLongestRetry, kFirstRetry * std::exp2(std::min(failures_++, 16))) *
           std::uniform_real_distribution<>(0.5, 1)(jitter_);
  }
  failures_ = 0;
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<ptrdiff_t>(in_hand));
  if (status.ok()) {
    status_.set_delivered(status_.delivered() + in_hand);
    status_.clear_last_error();
  } else {
    status_.set_failed(status_.failed() + in_hand);
  }
  return absl::ZeroDuration();
}

void SinkWorker::Loop() {
  std::vector<v1::AlertNotification> batch;
  int64_t deadline_ns = 0;
  while (Take(batch, deadline_ns)) {
    const absl::Duration wait = Settle(deliver_(batch, deadline_ns));
    if (wait > absl::ZeroDuration()) {
      clock_.SleepUntil(clock_.MonotonicNs() + absl::ToInt64Nanoseconds(wait), stop_.get_token());
    }
  }
}

}  // namespace tcpfleet::controller
