#include "controller/connections/watch_inbox.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "common/base/clock.h"

namespace tcpfleet::controller {
namespace {

WatchInbox::Event FrameEvent(uint32_t agent, uint32_t attempt, size_t bytes) {
  v1::ConnectionFrame frame;
  frame.set_rows_zstd(std::string(bytes, 'x'));
  return {agent, attempt, 0, std::move(frame)};
}

bool IsFrame(const std::optional<WatchInbox::Event>& event) {
  return event && std::holds_alternative<v1::ConnectionFrame>(event->what);
}

TEST(WatchInbox, KeepsTheOrder) {
  WatchInbox inbox(2);
  inbox.Push(FrameEvent(1, 0, 10));
  inbox.Push({0, 0, 0, absl::UnavailableError("gone")});
  EXPECT_EQ(inbox.Pop()->agent, 1u);
  EXPECT_EQ(inbox.Pop()->agent, 0u);
  EXPECT_EQ(inbox.Pop(), std::nullopt);
}

TEST(WatchInbox, TakesOneFrameOfAnySize) {
  WatchInbox inbox(1);
  inbox.Push(FrameEvent(0, 0, 2 * WatchInbox::kMostWaitingBytes));
  EXPECT_TRUE(IsFrame(inbox.Pop()));
}

TEST(WatchInbox, DropsAllFramesOfAnAgentThatExceedsItsBound) {
  WatchInbox inbox(2);
  inbox.Push(FrameEvent(1, 0, 10));
  for (int i = 0; i < 4; ++i) inbox.Push(FrameEvent(0, 0, WatchInbox::kMostWaitingBytes / 2));
  EXPECT_EQ(inbox.Pop()->agent, 1u);
  const std::optional<WatchInbox::Event> event = inbox.Pop();
  ASSERT_TRUE(event && std::holds_alternative<WatchInbox::Overflow>(event->what));
  EXPECT_EQ(std::get<WatchInbox::Overflow>(event->what).dropped_frames, 2u);
  EXPECT_EQ(inbox.Pop(), std::nullopt);
  inbox.Start(0, 1);
  inbox.Push(FrameEvent(0, 1, WatchInbox::kMostWaitingBytes / 2));
  EXPECT_TRUE(IsFrame(inbox.Pop()));
}

TEST(WatchInbox, BoundsAllAgentsTogether) {
  constexpr uint32_t kAgents = 40;
  WatchInbox inbox(kAgents);
  size_t overflows = 0;
  for (int round = 0; round < 2; ++round) {
    for (uint32_t agent = 0; agent < kAgents; ++agent) {
      inbox.Push(FrameEvent(agent, 0, WatchInbox::kMostWaitingBytesInAll / kAgents - 1'000));
    }
  }
  while (const std::optional<WatchInbox::Event> event = inbox.Pop()) {
    if (std::holds_alternative<WatchInbox::Overflow>(event->what)) ++overflows;
  }
  EXPECT_GT(overflows, 0u);
}

TEST(WatchInbox, IgnoresEarlierAttempts) {
  WatchInbox inbox(1);
  inbox.Push(FrameEvent(0, 0, 10));
  inbox.Start(0, 1);
  inbox.Push({0, 0, 0, absl::CancelledError("")});
  EXPECT_EQ(inbox.Pop(), std::nullopt);
}

TEST(WatchInbox, WakesForAnEventAndForAStop) {
  WatchInbox inbox(1);
  std::thread sender([&] { inbox.Push(FrameEvent(0, 0, 1)); });
  inbox.WaitUntil(INT64_MAX, {});
  sender.join();
  EXPECT_TRUE(IsFrame(inbox.Pop()));
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  inbox.WaitUntil(INT64_MAX, stop.get_token());
  stopper.join();
  inbox.WaitUntil(base::MonotonicNowNs(), {});
}

}  // namespace
}  // namespace tcpfleet::controller
