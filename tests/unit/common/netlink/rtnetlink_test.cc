#include "common/netlink/rtnetlink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include "common/netlink/netlink_socket.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::netlink {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

Bytes BytesOfText(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// What follows the netlink header of a message.
std::vector<std::byte> PayloadOf(MessageBuilder& message) {
  const Bytes bytes = message.Finish(1).subspan(sizeof(nlmsghdr));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> LinkPayload() {
  ifinfomsg header{};
  header.ifi_index = 7;
  MessageBuilder message(RTM_NEWLINK, 0);
  message.Append(BytesOf(header));
  message.AddAttribute(IFLA_IFNAME, BytesOfText(std::string("eth0\0", 5)));
  message.AddAttribute(IFLA_MTU, BytesOf(uint32_t{1500}));
  message.AddAttribute(IFLA_OPERSTATE, BytesOf(uint8_t{6}));
  message.AddAttribute(IFLA_STATS64, BytesOf(std::array<uint64_t, 3>{1, 2, 3}));
  return PayloadOf(message);
}

std::vector<std::byte> QdiscPayload() {
  tcmsg header{};
  header.tcm_ifindex = 7;
  header.tcm_handle = 0x80010000;
  header.tcm_parent = 0xffffffff;
  gnet_stats_basic basic{};
  basic.bytes = 1000;
  basic.packets = 10;
  const gnet_stats_queue queue{.qlen = 1, .backlog = 2, .drops = 3, .requeues = 4, .overlimits = 5};
  MessageBuilder statistics(0, 0);
  statistics.AddAttribute(TCA_STATS_BASIC, BytesOf(basic));
  statistics.AddAttribute(TCA_STATS_QUEUE, BytesOf(queue));
  MessageBuilder message(RTM_NEWQDISC, 0);
  message.Append(BytesOf(header));
  message.AddAttribute(TCA_KIND, BytesOfText(std::string("tbf\0", 4)));
  message.AddAttribute(TCA_STATS2, PayloadOf(statistics));
  return PayloadOf(message);
}

TEST(ParseLink, ReadsWhatTheKernelSays) {
  const std::vector<std::byte> payload = LinkPayload();
  const absl::StatusOr<Link> link = ParseLink(payload);
  ASSERT_THAT(link, IsOk());
  EXPECT_EQ(link->index, 7u);
  EXPECT_EQ(link->name, "eth0");
  EXPECT_EQ(link->mtu, 1500u);
  EXPECT_EQ(OperationalStateName(link->operational_state), "UP");
  EXPECT_EQ(link->statistics.size(), 24u);
}

TEST(ParseQdisc, ReadsWhatTheKernelSays) {
  const std::vector<std::byte> payload = QdiscPayload();
  const absl::StatusOr<Qdisc> qdisc = ParseQdisc(payload);
  ASSERT_THAT(qdisc, IsOk());
  EXPECT_EQ(qdisc->interface, 7u);
  EXPECT_EQ(qdisc->kind, "tbf");
  EXPECT_EQ(TrafficClassName(qdisc->handle), "8001:");
  EXPECT_EQ(TrafficClassName(qdisc->parent), "root");
  EXPECT_EQ(qdisc->bytes, 1000u);
  EXPECT_EQ(qdisc->packets, 10u);
  EXPECT_EQ(qdisc->backlog_packets, 1u);
  EXPECT_EQ(qdisc->backlog_bytes, 2u);
  EXPECT_EQ(qdisc->drops, 3u);
  EXPECT_EQ(qdisc->requeues, 4u);
  EXPECT_EQ(qdisc->overlimits, 5u);
}

TEST(ParseQdisc, PrefersTheWideCountOfPackets) {
  for (const bool wide_first : {false, true}) {
    gnet_stats_basic basic{};
    basic.packets = 7;
    MessageBuilder statistics(0, 0);
    const auto wide = [&] { statistics.AddAttribute(TCA_STATS_PKT64, BytesOf(uint64_t{1} << 33)); };
    if (wide_first) wide();
    statistics.AddAttribute(TCA_STATS_BASIC, BytesOf(basic));
    if (!wide_first) wide();
    MessageBuilder message(RTM_NEWQDISC, 0);
    message.Append(BytesOf(tcmsg{}));
    message.AddAttribute(TCA_STATS2, PayloadOf(statistics));
    EXPECT_EQ(ParseQdisc(PayloadOf(message))->packets, uint64_t{1} << 33);
  }
}

TEST(ParseNeighbour, ReadsFamilyAndState) {
  ndmsg header{};
  header.ndm_family = AF_INET6;
  header.ndm_state = NUD_STALE;
  MessageBuilder message(RTM_NEWNEIGH, 0);
  message.Append(BytesOf(header));
  const absl::StatusOr<Neighbour> neighbour = ParseNeighbour(PayloadOf(message));
  ASSERT_THAT(neighbour, IsOk());
  EXPECT_EQ(neighbour->family, AF_INET6);
  EXPECT_EQ(NeighbourStateName(neighbour->state), "STALE");
  EXPECT_EQ(NeighbourStateName(0x4000), "UNKNOWN");
}

TEST(RtNetlink, RefusesEveryTruncationOrReadsLess) {
  const auto check = [](const std::vector<std::byte>& payload, auto parse, size_t header) {
    for (size_t size = 0; size < payload.size(); ++size) {
      const std::vector<std::byte> cut(payload.begin(),
                                       payload.begin() + static_cast<std::ptrdiff_t>(size));
      const auto parsed = parse(cut);
      if (size < header) {
        EXPECT_THAT(parsed, StatusIs(absl::StatusCode::kDataLoss)) << size;
      }
    }
    std::vector<std::byte> wrong = payload;
    wrong[header] = std::byte{0xff};  // an attribute longer than the message
    wrong[header + 1] = std::byte{0xff};
    EXPECT_THAT(parse(wrong), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not fit")));
  };
  check(LinkPayload(), &ParseLink, sizeof(ifinfomsg));
  check(QdiscPayload(), &ParseQdisc, sizeof(tcmsg));
}

TEST(TrafficClassName, WritesAsTcDoes) {
  EXPECT_EQ(TrafficClassName(0), "0:");
  EXPECT_EQ(TrafficClassName(0x00010000), "1:");
  EXPECT_EQ(TrafficClassName(0x00010010), "1:10");
  EXPECT_EQ(TrafficClassName(0x00000002), ":2");
  EXPECT_EQ(TrafficClassName(0xfffffff1), "ffff:fff1");
}

TEST(RtNetlink, AsksThisKernel) {
  absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open(NETLINK_ROUTE);
  ASSERT_THAT(socket, IsOk());
  bool has_loopback = false;
  MessageBuilder links = LinkDumpRequest();
  ASSERT_THAT(socket->Dump(links,
                           [&](const Message& message, int64_t) {
                             if (message.type != RTM_NEWLINK) return;
                             const absl::StatusOr<Link> link = ParseLink(message.payload);
                             ASSERT_THAT(link, IsOk());
                             if (link->name != "lo") return;
                             has_loopback = true;
                             EXPECT_EQ(link->index, ::if_nametoindex("lo"));
                             EXPECT_GE(link->statistics.size(), 23 * sizeof(uint64_t));
                           }),
              IsOk());
  EXPECT_TRUE(has_loopback);
  MessageBuilder qdiscs = QdiscDumpRequest();
  EXPECT_THAT(socket->Dump(qdiscs,
                           [](const Message& message, int64_t) {
                             if (message.type != RTM_NEWQDISC) return;
                             EXPECT_THAT(ParseQdisc(message.payload), IsOk());
                           }),
              IsOk());
  MessageBuilder neighbours = NeighbourDumpRequest();
  EXPECT_THAT(socket->Dump(neighbours,
                           [](const Message& message, int64_t) {
                             if (message.type != RTM_NEWNEIGH) return;
                             EXPECT_THAT(ParseNeighbour(message.payload), IsOk());
                           }),
              IsOk());
}

}  // namespace
}  // namespace tcpfleet::netlink
