// Against the real kernel.
#include "common/netlink/netlink_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/netlink/inet_diag.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::netlink {
namespace {

using tests::IsOk;
using tests::StatusIs;

TEST(NetlinkSocket, DumpsAgainAndAgain) {
  absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open(NETLINK_SOCK_DIAG);
  ASSERT_THAT(socket, IsOk());
  for (int i = 0; i < 3; ++i) {
    MessageBuilder request = InetDiagDumpRequest({.family = AF_INET, .states = 0xffe});
    EXPECT_THAT(socket->Dump(request, [](const Message&, int64_t) {}), IsOk());
  }
}

TEST(NetlinkSocket, PassesOnTheErrnoOfTheKernel) {
  absl::StatusOr<NetlinkSocket> socket = NetlinkSocket::Open(NETLINK_SOCK_DIAG);
  ASSERT_THAT(socket, IsOk());
  MessageBuilder request(4711, NLM_F_REQUEST | NLM_F_DUMP);
  EXPECT_THAT(socket->Dump(request, [](const Message&, int64_t) {}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NetlinkSocket, SaysWhenAFamilyDoesNotExist) { EXPECT_FALSE(NetlinkSocket::Open(31).ok()); }

}  // namespace
}  // namespace tcpfleet::netlink
