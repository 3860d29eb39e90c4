#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

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
  EXPECT_EQ(sample.values.Find(Field::kAcceptQueue), 11u);
  EXPECT_EQ(sample.values.Find(Field::kBacklog), 12u);
  EXPECT_FALSE(sample.values.Has(Field::kReceiveQueue));
  EXPECT_FALSE(sample.values.Has(Field::kSendQueue));
  EXPECT_FALSE(sample.values.Has(Field::kUnacked));
  EXPECT_FALSE(sample.values.Has(Field::kLastAckRecvAtMs));
}

TEST_F(FillSampleTest, TakesTheExtensions) {
  std::vector<uint32_t> skmem(9);
  std::iota(skmem.begin(), skmem.end(), 100);
  const std::vector<uint32_t> bbr = {7, 1, 2000, 739, 512};
  const std::vector<uint32_t> vegas = {1, 5, 6, 7};
  const std::vector<uint32_t> dctcp = {1 | 2 << 16, 900, 901, 902};
  const auto bytes = [](const std::vector<uint32_t>& words) {
    return netlink::Bytes(reinterpret_cast<const std::byte*>(words.data()), words.size() * 4);
  };
  netlink::InetDiagSocket socket = Established(tcp_info_);
  socket.tos = 8;
  socket.tclass = 16;
  socket.v6only = 1;
  socket.mark = 0xcafe;
  socket.skmem = bytes(skmem);
  socket.bbr = bytes(bbr);
  socket.vegas = bytes(vegas);
  socket.dctcp = bytes(dctcp);
  const sockets::FieldValues values = Fill(socket).values;
  const std::pair<Field, uint64_t> expected[] = {
      {Field::kTos, 8},
      {Field::kTclass, 16},
      {Field::kV6only, 1},
      {Field::kMark, 0xcafe},
      {Field::kSkmemRmemAlloc, 100},
      {Field::kSkmemDrops, 108},
      {Field::kBbrBw, (uint64_t{1} << 32) + 7},
      {Field::kBbrMinRtt, 2000},
      {Field::kBbrPacingGain, 739},
      {Field::kBbrCwndGain, 512},
      {Field::kVegasEnabled, 1},
      {Field::kVegasMinrtt, 7},
      {Field::kDctcpEnabled, 1},
      {Field::kDctcpCeState, 2},
      {Field::kDctcpAlpha, 900},
      {Field::kDctcpAbTot, 902},
  };
  for (const auto& [field, value] : expected) {
    EXPECT_EQ(values.Find(field), value) << sockets::FindField(static_cast<uint32_t>(field))->name;
  }
  socket.skmem = bytes(skmem).first(8);  // of an older kernel
  EXPECT_FALSE(Fill(socket).values.Has(Field::kSkmemDrops));
}

TEST(Extensions, AreAskedForOnlyWhereAFieldNeedsThem) {
  sockets::FieldMask fields;
  fields.set(SlotOf(Field::kRtt));
  EXPECT_EQ(ExtensionsFor(fields), 0);
  fields.set(SlotOf(Field::kTos));
  fields.set(SlotOf(Field::kSkmemDrops));
  EXPECT_EQ(ExtensionsFor(fields), netlink::kTypeOfService | netlink::kSocketMemory);
  EXPECT_EQ(ExtensionsFor({}), netlink::kCongestionInfo | netlink::kTypeOfService |
                                   netlink::kTrafficClass | netlink::kSocketMemory);
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
