#include "controller/monitor/sink_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/unit/controller/monitor/sleepless_clock.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using tests::EventuallyTrue;

v1::AlertNotification Numbered(int number) {
  v1::AlertNotification notification;
  notification.set_event(std::to_string(number));
  return notification;
}

// A receiver that can be held up, and fails as often as it is told.
class Receiver {
 public:
  absl::Status Take(absl::Span<const v1::AlertNotification> notifications) {
    base::MutexLock lock(mutex_);
    ++calls_;
    changed_.NotifyAll();
    while (is_held_) changed_.Wait(mutex_);
    if (failures_ > 0) {
      --failures_;
      return error_;
    }
    for (const auto& notification : notifications) taken_.push_back(notification.event());
    return absl::OkStatus();
  }
  void Hold(bool is_held) {
    {
      base::MutexLock lock(mutex_);
      is_held_ = is_held;
    }
    changed_.NotifyAll();
  }
  void FailNext(int failures, const absl::Status& error) {
    base::MutexLock lock(mutex_);
    failures_ = failures;
    error_ = error;
  }
  void AwaitCall() {
    base::MutexLock lock(mutex_);
    while (calls_ == 0) changed_.Wait(mutex_);
  }
  std::vector<std::string> taken() const {
    base::MutexLock lock(mutex_);
    return taken_;
  }

 private:
  mutable base::Mutex mutex_;
  base::CondVar changed_;
  bool is_held_ ABSL_GUARDED_BY(mutex_) = false;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> taken_ ABSL_GUARDED_BY(mutex_);
};

class SinkWorkerTest : public testing::Test {
 protected:
  std::unique_ptr<SinkWorker> Start(size_t most_at_once = 64) {
    return std::make_unique<SinkWorker>(
        "test", most_at_once,
        [this](absl::Span<const v1::AlertNotification> notifications, int64_t) {
          return receiver_.Take(notifications);
        },
        clock_);
  }

  SleeplessClock clock_;
  Receiver receiver_;
};

TEST_F(SinkWorkerTest, DeliversInOrderAndAtItsEndWhatStillWaits) {
  auto worker = Start(1);
  for (int i = 0; i < 5; ++i) worker->Push(Numbered(i));
  worker.reset();
  EXPECT_THAT(receiver_.taken(), ElementsAre("0", "1", "2", "3", "4"));
}

TEST_F(SinkWorkerTest, TriesAgainLaterAndLater) {
  receiver_.FailNext(8, absl::UnavailableError("down"));
  auto worker = Start();
  worker->Push(Numbered(1));
  ASSERT_TRUE(EventuallyTrue([&] { return worker->status().delivered() == 1; }));
  EXPECT_EQ(worker->status().failed(), 0u);
  EXPECT_EQ(worker->status().last_error(), "");
  const std::vector<absl::Duration> sleeps = clock_.sleeps();
  ASSERT_EQ(sleeps.size(), 8u);
  absl::Duration longest = absl::Seconds(1);
  for (const absl::Duration sleep : sleeps) {
    EXPECT_LE(sleep, longest);
    EXPECT_GE(sleep, longest / 2);
    longest = std::min(longest * 2, absl::Minutes(1));
  }
}

TEST_F(SinkWorkerTest, GivesUpWhatIsRefused) {
  receiver_.FailNext(1, absl::FailedPreconditionError("HTTP 400"));
  auto worker = Start(1);
  worker->Push(Numbered(1));
  ASSERT_TRUE(EventuallyTrue([&] { return worker->status().failed() == 1; }));
  EXPECT_EQ(worker->status().last_error(), "HTTP 400");
  worker->Push(Numbered(2));
  ASSERT_TRUE(EventuallyTrue([&] { return worker->status().delivered() == 1; }));
  EXPECT_THAT(receiver_.taken(), ElementsAre("2"));
}

TEST_F(SinkWorkerTest, DropsTheOldestThatIsNotInHand) {
  receiver_.Hold(true);
  auto worker = Start(1);
  worker->Push(Numbered(0));
  receiver_.AwaitCall();
  for (int i = 1; i < static_cast<int>(SinkWorker::kMostWaiting) + 3; ++i)
    worker->Push(Numbered(i));
  EXPECT_EQ(worker->status().dropped(), 3u);
  EXPECT_EQ(worker->status().waiting(), SinkWorker::kMostWaiting);
  receiver_.Hold(false);
  worker.reset();
  const std::vector<std::string> taken = receiver_.taken();
  ASSERT_EQ(taken.size(), SinkWorker::kMostWaiting);
  EXPECT_EQ(taken[0], "0");
  EXPECT_EQ(taken[1], "4");
}

TEST_F(SinkWorkerTest, EndsWhileItsReceiverIsDown) {
  receiver_.FailNext(1'000'000, absl::UnavailableError("down"));
  auto worker = Start();
  worker->Push(Numbered(1));
  ASSERT_TRUE(EventuallyTrue([&] { return !worker->status().last_error().empty(); }));
  worker.reset();
  EXPECT_TRUE(receiver_.taken().empty());
}

}  // namespace
}  // namespace tcpfleet::controller
