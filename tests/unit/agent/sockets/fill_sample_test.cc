#include <gtest/gtest.h>

#include <cstring>

#include "agent/sockets/inet_diag_source.h"

namespace tcpfleet::agent {
namespace {

using sockets::Field;

constexpr int64_t kNowNs = 50'000'000'000;

netlink::InetDiagSocket Established(netlink::Bytes tcp_info) {
  netlink::InetDiagSocket socket;
  socket.state = 1;
  socket.timer = 2;
  socket.timer_expires_ms = 700;
  socket.timer_retransmits = 3;
  socket.local = {base::IpAddress::V4({127, 0, 0, 1}), 80};
  socket.remote = {base::IpAddress::V4({127, 0, 0, 1}), 40000};
  socket.cookie = 99;
  socket.receive_queue = 11;
  socket.send_queue = 12;
  socket.uid = 1000;
  socket.inode = 5;
  socket.tcp_info = tcp_info;
  socket.congestion_control = "cubic";
  socket.shutdown = 1;
  socket.cgroup_id = 77;
  return socket;
}

class FillSampleTest : public testing::Test {
 protected:
  sockets::ConnectionSample Fill(const netlink::InetDiagSocket& socket) {
    sockets::ConnectionSample sample;
    sample.values.Set(Field::kTotalRto, 1);  // of an earlier poll
    FillSample(socket, 4026531840, kNowNs, sample);
    return sample;
  }
  std::vector<std::byte> tcp_info_ = std::vector<std::byte>(232);
};

TEST_F(FillSampleTest, TakesEverythingOver) {
  const uint32_t rtt = 123;
  std::memcpy(tcp_info_.data() + 68, &rtt, sizeof(rtt));
  const sockets::ConnectionSample sample = Fill(Established(tcp_info_));
  EXPECT_EQ(sample.identity.cookie, 99u);
  EXPECT_EQ(sample.identity.network_namespace, 4026531840u);
  EXPECT_EQ(sample.identity.local.ToString(), "127.0.0.1:80");
  EXPECT_EQ(sample.identity.remote.ToString(), "127.0.0.1:40000");
  EXPECT_EQ(sample.identity.uid, 1000u);
  EXPECT_EQ(sample.identity.inode, 5u);
  EXPECT_EQ(sample.identity.cgroup_id, 77u);
  EXPECT_EQ(sample.identity.congestion_control, "cubic");
  EXPECT_EQ(sample.identity.process, nullptr);
  EXPECT_EQ(sample.values.Find(Field::kState), 1u);
  EXPECT_EQ(sample.values.Find(Field::kReceiveQueue), 11u);
  EXPECT_EQ(sample.values.Find(Field::kSendQueue), 12u);
  EXPECT_EQ(sample.values.Find(Field::kTimer), 2u);
  EXPECT_EQ(sample.values.Find(Field::kTimerExpiresAtMs), 50'700u);
  EXPECT_EQ(sample.values.Find(Field::kTimerRetransmits), 3u);
  EXPECT_EQ(sample.values.Find(Field::kShutdown), 1u);
  EXPECT_EQ(sample.values.Find(Field::kRtt), 123u);
  EXPECT_FALSE(sample.values.Has(Field::kTotalRto));
}

TEST_F(FillSampleTest, GivesAListenerNoTcpInfo) {
  netlink::InetDiagSocket listener = Established(tcp_info_);
  listener.state = 10;
  const sockets::ConnectionSample sample = Fill(listener);
  EXPECT_EQ(sample.values.Find(Field::kReceiveQueue), 11u);
  EXPECT_EQ(sample.values.Find(Field::kSendQueue), 12u);
  EXPECT_FALSE(sample.values.Has(Field::kUnacked));
  EXPECT_FALSE(sample.values.Has(Field::kLastAckRecvAtMs));
}

TEST_F(FillSampleTest, LeavesOutWhatIsNotKnown) {
  netlink::InetDiagSocket orphan = Established(tcp_info_);
  orphan.inode = 0;
  orphan.uid = 0;
  orphan.timer = 0;
  orphan.shutdown.reset();
  orphan.cgroup_id.reset();
  const sockets::ConnectionSample sample = Fill(orphan);
  EXPECT_EQ(sample.identity.uid, std::nullopt);
  EXPECT_EQ(sample.identity.cgroup_id, std::nullopt);
  EXPECT_FALSE(sample.values.Has(Field::kTimerExpiresAtMs));
  EXPECT_FALSE(sample.values.Has(Field::kShutdown));
}

}  // namespace
}  // namespace tcpfleet::agent
