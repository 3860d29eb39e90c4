#include "agent/kernel/pool_counts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/agent/kernel/diag_sockets.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class PoolCountsTest : public testing::Test {
 protected:
  void Add(uint32_t group, uint64_t cookie, uint32_t sent_ms = 0, uint32_t received_ms = 0) {
    counts_.Add(group, *RestingSocket(cookie, sent_ms, received_ms));
  }
  // Groups 7 and 9 are the first peer's, 8 the second's.
  v1::SocketSummary Finish() const {
    v1::SocketSummary summary;
    summary.add_peers();
    summary.add_peers();
    counts_.Finish({{7, 0}, {9, 0}, {8, 1}}, summary);
    return summary;
  }

  size_t room_ = 1000;
  PoolCounts counts_{{30, 300}, &room_};
};

TEST_F(PoolCountsTest, CountsWhatRestsInBothDirections) {
  Add(7, 1, 400'000, 400'000);
  Add(9, 2, 400'000, 30'000);
  Add(7, 3, 29'999, 400'000);
  Add(8, 4, 300'000, 300'000);
  Add(1, 5, 400'000, 400'000);  // of no peer that is sent
  const v1::SocketSummary summary = Finish();
  EXPECT_THAT(summary.rest_seconds(), ElementsAre(30, 300));
  EXPECT_THAT(summary.peers(0).resting(), ElementsAre(2, 1));
  EXPECT_THAT(summary.peers(1).resting(), ElementsAre(1, 1));
  EXPECT_THAT(summary.peers(0).connection_hashes(), SizeIs(3));
}

TEST_F(PoolCountsTest, SendsTheSmallestHashesOfManyConnections) {
  for (uint64_t cookie = 1; cookie <= 500; ++cookie) Add(7, cookie);
  std::set<uint32_t> all;
  for (uint64_t cookie = 1; cookie <= 500; ++cookie) {
    size_t room = 1;
    PoolCounts alone({30}, &room);
    alone.Add(0, *RestingSocket(cookie, 0, 0));
    v1::SocketSummary summary;
    summary.add_peers();
    alone.Finish({{0, 0}}, summary);
    all.insert(summary.peers(0).connection_hashes(0));
  }
  ASSERT_THAT(all, SizeIs(500));
  EXPECT_THAT(Finish().peers(0).connection_hashes(),
              ElementsAreArray(all.begin(), std::next(all.begin(), 64)));
}

TEST_F(PoolCountsTest, SaysNothingBeyondItsBound) {
  room_ = 1;
  Add(7, 1);
  Add(7, 2);
  const v1::SocketSummary summary = Finish();
  EXPECT_THAT(summary.rest_seconds(), IsEmpty());
  EXPECT_THAT(summary.peers(0).resting(), IsEmpty());
  EXPECT_THAT(summary.peers(0).connection_hashes(), IsEmpty());
}

TEST_F(PoolCountsTest, DoesNotTakeUnknownTimesForNone) {
  RestingSocket socket(1, 0, 0);
  (*socket).tcp_info = (*socket).tcp_info.first(50);  // of an old kernel
  counts_.Add(7, *socket);
  Add(7, 2, 400'000, 400'000);
  const v1::SocketSummary summary = Finish();
  EXPECT_THAT(summary.rest_seconds(), IsEmpty());
  EXPECT_THAT(summary.peers(0).resting(), IsEmpty());
  EXPECT_THAT(summary.peers(0).connection_hashes(), SizeIs(2));
}

}  // namespace
}  // namespace tcpfleet::agent
