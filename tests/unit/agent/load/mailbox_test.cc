#include "agent/load/mailbox.h"

#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

TEST(Mailbox, MergesWhatIsNotTaken) {
  Mailbox mailbox(10, 0);
  WorkerReport sent;
  for (uint64_t i = 1; i <= 3; ++i) {
    sent.counters.attempted = i;
    sent.histograms.connect_ns.Record(i);
    mailbox.Post(sent);
    EXPECT_EQ(sent.histograms.connect_ns.count(), 0u);
  }
  WorkerReport taken;
  ASSERT_TRUE(mailbox.Take(taken));
  EXPECT_EQ(taken.counters.attempted, 3u);
  EXPECT_EQ(taken.histograms.connect_ns.count(), 3u);
  EXPECT_FALSE(mailbox.Take(taken));
  mailbox.Post(sent);
  ASSERT_TRUE(mailbox.Take(taken));
  EXPECT_EQ(taken.histograms.connect_ns.count(), 0u);
}

TEST(Mailbox, CountsClosedRowsBeyondItsBound) {
  Mailbox mailbox(3, 0);
  WorkerReport sent;
  sent.closed.resize(2);
  sent.dropped_rows = 1;
  mailbox.Post(sent);
  EXPECT_TRUE(sent.closed.empty());
  sent.closed.resize(2);
  mailbox.Post(sent);
  WorkerReport taken;
  mailbox.Take(taken);
  EXPECT_EQ(taken.closed.size(), 3u);
  EXPECT_EQ(taken.dropped_rows, 2u);
}

TEST(Mailbox, RestartForgetsUntakenHistograms) {
  Mailbox mailbox(0, 0);
  WorkerReport sent;
  sent.histograms.response_ns.Record(1);
  mailbox.Post(sent);
  mailbox.Restart();
  WorkerReport taken;
  mailbox.Take(taken);
  EXPECT_EQ(taken.histograms.response_ns.count(), 0u);
}

TEST(Mailbox, KeepsTheLastSweepUntilThereIsANewer) {
  Mailbox mailbox(0, 0);
  std::vector<RawConnectionSample> live(5);
  mailbox.PostSweep(100, live);
  WorkerReport taken;
  mailbox.Take(taken);
  EXPECT_EQ(taken.live.size(), 5u);
  WorkerReport sent;
  mailbox.Post(sent);
  mailbox.Take(taken);
  EXPECT_EQ(taken.live.size(), 5u);
  live.resize(2);
  mailbox.PostSweep(200, live);
  mailbox.Take(taken);
  EXPECT_EQ(taken.live.size(), 2u);
  EXPECT_EQ(taken.sweep_ns, 200);
}

}  // namespace
}  // namespace tcpfleet::agent
