#include "agent/sysctl/commit_timer.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/support/eventually.h"

namespace tcpfleet::agent {
namespace {

using tests::EventuallyTrue;

class CommitTimerTest : public ::testing::Test {
 protected:
  std::atomic<int64_t> now_ns_ = 0;
  std::atomic<int> calls_ = 0;
  CommitTimer timer_{[this] { return now_ns_.load(); }, [this] { ++calls_; }};
};

TEST_F(CommitTimerTest, CallsOnceWhenItIsDue) {
  timer_.Arm(5);
  now_ns_ = 5;
  EXPECT_TRUE(EventuallyTrue([&] { return calls_ == 1; }));
  timer_.Arm(6);
  now_ns_ = 7;
  EXPECT_TRUE(EventuallyTrue([&] { return calls_ == 2; }));
}

TEST_F(CommitTimerTest, CallsNotForWhatWasDisarmedOrReplaced) {
  timer_.Arm(5);
  timer_.Disarm();
  now_ns_ = 5;
  timer_.Arm(10);
  timer_.Arm(8);
  now_ns_ = 8;
  EXPECT_TRUE(EventuallyTrue([&] { return calls_ == 1; }));
  now_ns_ = 20;
  timer_.Arm(30);
  now_ns_ = 30;
  EXPECT_TRUE(EventuallyTrue([&] { return calls_ == 2; }));
}

TEST_F(CommitTimerTest, EndsWhileItIsArmed) { timer_.Arm(1'000'000'000'000); }

}  // namespace
}  // namespace tcpfleet::agent
