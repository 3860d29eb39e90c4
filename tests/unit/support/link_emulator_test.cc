#include "tests/support/link_emulator.h"

#include <gtest/gtest.h>
#include <linux/tcp.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "common/base/clock.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/network_lab.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

class LinkEmulatorTest : public NetworkLabTest {
 protected:
  void SetUp() override {
    NetworkLabTest::SetUp();
    if (lab_ == nullptr) return;
    left_ = &AddHost("left");
    right_ = &AddHost("right");
    auto created = LinkEmulator::Create({&left_->network(), "198.19.0.1/30"},
                                        {&right_->network(), "198.19.0.2/30"}, {});
    if (absl::IsPermissionDenied(created.status())) GTEST_SKIP() << created.status();
    ASSERT_THAT(created, IsOk());
    link_ = *std::move(created);
    server_ = PlainServer::Create(PlainServer::Behaviour::kEcho,
                                  {base::IpAddress::V4({198, 19, 0, 2}), 0}, &right_->network())
                  .value();
  }

  absl::StatusOr<sys::UniqueFd> Connect() {
    return ConnectTo(server_->endpoint(), &left_->network());
  }

  const Host* left_ = nullptr;
  const Host* right_ = nullptr;
  std::unique_ptr<LinkEmulator> link_;
  std::unique_ptr<PlainServer> server_;
};

TEST_F(LinkEmulatorTest, ARoundTripTakesTwoDelays) {
  LinkEmulator::Shape shape;
  shape.delay = absl::Milliseconds(15);
  link_->SetShape(shape);
  const auto fd = Connect();
  ASSERT_THAT(fd, IsOk());
  ASSERT_THAT(Exchange(fd->get(), 1, 10), IsOk());
  tcp_info info{};
  sys::ReadTcpInfo(fd->get(), absl::MakeSpan(reinterpret_cast<std::byte*>(&info), sizeof(info)));
  EXPECT_GE(info.tcpi_min_rtt, 30'000u);
  EXPECT_LE(info.tcpi_min_rtt, 32'000u);
}

TEST_F(LinkEmulatorTest, JitterStaysBetweenDelayAndDelayPlusJitter) {
  LinkEmulator::Shape shape;
  shape.delay = absl::Milliseconds(5);
  shape.jitter = absl::Milliseconds(5);
  link_->SetShape(shape);
  const auto fd = Connect();
  ASSERT_THAT(fd, IsOk());
  int64_t shortest_ns = INT64_MAX;
  int64_t longest_ns = 0;
  for (int i = 0; i < 30; ++i) {
    const int64_t start_ns = base::MonotonicNowNs();
    ASSERT_THAT(Exchange(fd->get(), 1), IsOk());
    const int64_t took_ns = base::MonotonicNowNs() - start_ns;
    shortest_ns = std::min(shortest_ns, took_ns);
    longest_ns = std::max(longest_ns, took_ns);
  }
  EXPECT_GE(shortest_ns, 10'000'000);
  EXPECT_GE(longest_ns, 13'000'000);
}

TEST_F(LinkEmulatorTest, RateLimitsWhatPasses) {
  LinkEmulator::Shape shape;
  shape.rate_bits_per_sec = 8'000'000;
  link_->SetShape(shape);
  const auto fd = Connect();
  ASSERT_THAT(fd, IsOk());
  const int64_t start_ns = base::MonotonicNowNs();
  ASSERT_THAT(Exchange(fd->get(), 200'000), IsOk());
  // 200 kB at 1 MB/s; both directions overlap.
  EXPECT_GE(base::MonotonicNowNs() - start_ns, 200'000'000);
}

TEST_F(LinkEmulatorTest, DropsExactlyEveryNthPacket) {
  LinkEmulator::Shape shape;
  shape.drop_every_nth = 10;
  link_->SetShape(shape);
  const auto fd = Connect();
  ASSERT_THAT(fd, IsOk());
  ASSERT_THAT(Exchange(fd->get(), 300'000), IsOk());
  for (const auto* counters : {&link_->left_to_right(), &link_->right_to_left()}) {
    const uint64_t seen = counters->forwarded + counters->dropped;
    EXPECT_GT(seen, 100u);
    EXPECT_EQ(counters->dropped, seen / 10);
    EXPECT_EQ(counters->overflowed, 0u);
  }
}

TEST_F(LinkEmulatorTest, AFullQueueDropsAndCounts) {
  LinkEmulator::Shape shape;
  shape.rate_bits_per_sec = 8'000'000;
  shape.queue_packets = 4;
  link_->SetShape(shape);
  const auto fd = Connect();
  ASSERT_THAT(fd, IsOk());
  ASSERT_THAT(Exchange(fd->get(), 100'000), IsOk());
  EXPECT_GT(link_->left_to_right().overflowed, 0u);
}

}  // namespace
}  // namespace tcpfleet::tests
