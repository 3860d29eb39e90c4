#include "common/sys/epoll.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <thread>

#include "common/base/clock.h"
#include "common/sys/event_fd.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;
using tests::StatusIs;

class EpollTest : public testing::Test {
 protected:
  absl::Span<epoll_event> Wait(int64_t timeout_ns) {
    return epoll_.Wait(absl::MakeSpan(events_), timeout_ns);
  }
  Epoll epoll_ = Epoll::Create().value();
  EventFd event_ = EventFd::Create().value();
  std::array<epoll_event, 4> events_{};
};

TEST_F(EpollTest, WaitsNoShorterThanAsked) {
  const int64_t start = base::MonotonicNowNs();
  EXPECT_TRUE(Wait(1'500'000).empty());
  EXPECT_GE(base::MonotonicNowNs() - start, 1'500'000);
}

TEST_F(EpollTest, ZeroDoesNotWait) { EXPECT_TRUE(Wait(0).empty()); }

TEST_F(EpollTest, GivesTheTokenBackWhenReady) {
  ASSERT_THAT(epoll_.Add(event_.fd(), EPOLLIN, uint64_t{1} << 40), IsOk());
  EXPECT_TRUE(Wait(0).empty());
  event_.Notify();
  ASSERT_EQ(Wait(-1).size(), 1u);
  EXPECT_EQ(events_[0].data.u64, uint64_t{1} << 40);
  EXPECT_EQ(events_[0].events, uint32_t{EPOLLIN});
}

TEST_F(EpollTest, ModifyAndRemoveChangeWhatIsReported) {
  ASSERT_THAT(epoll_.Add(event_.fd(), EPOLLIN, 1), IsOk());
  event_.Notify();
  ASSERT_THAT(epoll_.Modify(event_.fd(), EPOLLOUT, 2), IsOk());
  ASSERT_EQ(Wait(0).size(), 1u);
  EXPECT_EQ(events_[0].data.u64, 2u);
  EXPECT_EQ(events_[0].events, uint32_t{EPOLLOUT});
  epoll_.Remove(event_.fd());
  EXPECT_TRUE(Wait(0).empty());
}

TEST_F(EpollTest, RefusesTheSameDescriptorTwiceAndUnknownOnes) {
  ASSERT_THAT(epoll_.Add(event_.fd(), EPOLLIN, 1), IsOk());
  EXPECT_THAT(epoll_.Add(event_.fd(), EPOLLIN, 1), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_FALSE(epoll_.Modify(-1, EPOLLIN, 1).ok());
}

TEST_F(EpollTest, FillsAtMostTheGivenEvents) {
  std::array<EventFd, 3> more = {EventFd::Create().value(), EventFd::Create().value(),
                                 EventFd::Create().value()};
  for (EventFd& event : more) {
    ASSERT_THAT(epoll_.Add(event.fd(), EPOLLIN, 0), IsOk());
    event.Notify();
  }
  EXPECT_EQ(epoll_.Wait(absl::MakeSpan(events_).subspan(0, 2), 0).size(), 2u);
}

TEST_F(EpollTest, EventFdWakesASleepingThreadUntilDrained) {
  ASSERT_THAT(epoll_.Add(event_.fd(), EPOLLIN, 1), IsOk());
  const std::jthread other([this] {
    event_.Notify();
    event_.Notify();
  });
  EXPECT_EQ(Wait(-1).size(), 1u);
}

TEST(EventFd, DrainMakesItQuiet) {
  auto event = EventFd::Create();
  auto epoll = Epoll::Create();
  ASSERT_THAT(event, IsOk());
  ASSERT_THAT(epoll, IsOk());
  ASSERT_THAT(epoll->Add(event->fd(), EPOLLIN, 1), IsOk());
  event->Drain();
  event->Notify();
  event->Notify();
  event->Drain();
  std::array<epoll_event, 1> events{};
  EXPECT_TRUE(epoll->Wait(absl::MakeSpan(events), 0).empty());
}

}  // namespace
}  // namespace tcpfleet::sys
