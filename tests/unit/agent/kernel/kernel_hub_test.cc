#include "agent/kernel/kernel_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/fakes.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

using Subscription = std::unique_ptr<KernelHub::Subscription>;

v1::WatchKernelRequest RequestOf(uint32_t interval_ms, uint32_t top = 0) {
  v1::WatchKernelRequest request;
  request.set_interval_ms(interval_ms);
  request.mutable_what()->set_top(top);
  return request;
}

class FakeKernelSink final : public KernelSink {
 public:
  bool Ready() override {
    base::MutexLock lock(mutex_);
    ++asked_;
    changed_.NotifyAll();
    return is_ready_;
  }
  void Send(const v1::KernelSnapshot& snapshot) override {
    base::MutexLock lock(mutex_);
    snapshots_.push_back(snapshot);
    changed_.NotifyAll();
  }
  void Fail(const absl::Status& status) override {
    base::MutexLock lock(mutex_);
    failure_ = status;
  }

  void SetReady(bool is_ready) {
    base::MutexLock lock(mutex_);
    is_ready_ = is_ready;
  }
  // The number of the reading that the n-th snapshot is of; waits for it.
  uint64_t ReadingOf(size_t n) {
    base::MutexLock lock(mutex_);
    while (snapshots_.size() < n) changed_.Wait(mutex_);
    return snapshots_[n - 1].cost_cpu_us();
  }
  void WaitUntilAsked(int times) {
    base::MutexLock lock(mutex_);
    while (asked_ < times) changed_.Wait(mutex_);
  }
  size_t count() {
    base::MutexLock lock(mutex_);
    return snapshots_.size();
  }
  absl::Status failure() {
    base::MutexLock lock(mutex_);
    return failure_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool is_ready_ ABSL_GUARDED_BY(mutex_) = true;
  int asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<v1::KernelSnapshot> snapshots_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

class KernelHubTest : public testing::Test {
 protected:
  Subscription Watch(const v1::WatchKernelRequest& request,
                     const std::shared_ptr<FakeKernelSink>& sink) {
    absl::StatusOr<Subscription> subscription = hub_.Watch(request, sink);
    EXPECT_THAT(subscription, IsOk());
    return *std::move(subscription);
  }
  void Advance(int64_t ms) { clock_.Advance(ms * kMillisecondNs); }

  ManualClock clock_;  // at a full second
  std::atomic<uint64_t> readings_ = 0;
  std::function<void()> during_read_ = [] {};
  KernelHub hub_{[this](const v1::SnapshotKernelRequest&) {
                   during_read_();
                   v1::KernelSnapshot snapshot;
                   snapshot.set_cost_cpu_us(++readings_);
                   return snapshot;
                 },
                 &clock_};
};

TEST_F(KernelHubTest, SendsAtOnceAndThenOncePerInterval) {
  const auto sink = std::make_shared<FakeKernelSink>();
  const Subscription subscription = Watch(RequestOf(0), sink);
  EXPECT_EQ(sink->ReadingOf(1), 1u);
  for (size_t i = 2; i <= 4; ++i) {
    Advance(1000);
    EXPECT_EQ(sink->ReadingOf(i), i);
  }
}

TEST_F(KernelHubTest, SharesAReadingAmongThoseWhoAskForTheSame) {
  const auto one = std::make_shared<FakeKernelSink>();
  const auto two = std::make_shared<FakeKernelSink>();
  const auto other = std::make_shared<FakeKernelSink>();
  const Subscription first = Watch(RequestOf(1000), one);
  one->ReadingOf(1);
  const Subscription second = Watch(RequestOf(1000, 20), two);  // 20 is the default
  two->ReadingOf(1);
  const Subscription third = Watch(RequestOf(1000, 5), other);
  other->ReadingOf(1);
  Advance(1000);
  EXPECT_EQ(one->ReadingOf(2), two->ReadingOf(2));
  EXPECT_NE(one->ReadingOf(2), other->ReadingOf(2));
  EXPECT_EQ(readings_, 5u);
}

TEST_F(KernelHubTest, ReadsNothingForThoseWhoAreNotReady) {
  const auto sink = std::make_shared<FakeKernelSink>();
  const Subscription subscription = Watch(RequestOf(1000), sink);
  sink->ReadingOf(1);
  sink->SetReady(false);
  Advance(1000);
  sink->WaitUntilAsked(2);
  sink->SetReady(true);
  Advance(1000);
  EXPECT_EQ(sink->ReadingOf(2), 2u);
}

TEST_F(KernelHubTest, ReadsNothingWhenNobodyWatches) {
  const auto sink = std::make_shared<FakeKernelSink>();
  Subscription subscription = Watch(RequestOf(100), sink);
  sink->ReadingOf(1);
  subscription.reset();
  Advance(10'000);
  const auto next = std::make_shared<FakeKernelSink>();
  const Subscription later = Watch(RequestOf(100), next);
  EXPECT_EQ(next->ReadingOf(1), 2u);
  EXPECT_EQ(sink->count(), 1u);
}

TEST_F(KernelHubTest, SendsNothingAfterTheSubscriptionEndedDuringAReading) {
  const auto sink = std::make_shared<FakeKernelSink>();
  Subscription subscription;
  base::Mutex mutex;
  base::CondVar changed;
  bool is_reading = false;
  bool has_left = false;
  during_read_ = [&] {
    base::MutexLock lock(mutex);
    is_reading = true;
    changed.NotifyAll();
    while (!has_left) changed.Wait(mutex);
  };
  subscription = Watch(RequestOf(100), sink);
  {
    base::MutexLock lock(mutex);
    while (!is_reading) changed.Wait(mutex);
  }
  subscription.reset();  // does not wait for the reading
  {
    base::MutexLock lock(mutex);
    has_left = true;
    changed.NotifyAll();
  }
  hub_.Stop();
  EXPECT_EQ(sink->count(), 0u);
}

TEST_F(KernelHubTest, NamesTheFieldItRefuses) {
  const auto sink = std::make_shared<FakeKernelSink>();
  EXPECT_THAT(hub_.Watch(RequestOf(99), sink),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("interval_ms: 99")));
  EXPECT_THAT(hub_.Watch(RequestOf(100, 5000), sink),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("top: 5000")));
}

TEST_F(KernelHubTest, BoundsSubscriptions) {
  const auto sink = std::make_shared<FakeKernelSink>();
  std::vector<Subscription> all;
  for (size_t i = 0; i < kMostKernelSubscriptions; ++i) {
    all.push_back(Watch(RequestOf(1000), sink));
  }
  EXPECT_THAT(hub_.Watch(RequestOf(1000), sink), StatusIs(absl::StatusCode::kResourceExhausted));
  all.pop_back();
  EXPECT_THAT(hub_.Watch(RequestOf(1000), sink), IsOk());
}

TEST_F(KernelHubTest, TellsSubscribersThatItStops) {
  const auto sink = std::make_shared<FakeKernelSink>();
  const Subscription subscription = Watch(RequestOf(1000), sink);
  sink->ReadingOf(1);
  hub_.Stop();
  EXPECT_THAT(sink->failure(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(hub_.Watch(RequestOf(1000), sink), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace tcpfleet::agent
