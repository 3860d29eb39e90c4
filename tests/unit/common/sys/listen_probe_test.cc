#include "common/sys/listen_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

TEST(CheckPortIsFree, TellsAListenerFromAFreePort) {
  const SocketAddress any = ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), 0});
  UniqueFd listener(NewTcpSocket(AF_INET));
  ASSERT_EQ(::bind(listener.get(), any.get(), any.length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const base::Endpoint endpoint = LocalEndpoint(listener.get()).value();
  EXPECT_THAT(CheckPortIsFree(endpoint),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr(endpoint.ToString())));
  listener.Reset();
  EXPECT_THAT(CheckPortIsFree(endpoint), IsOk());
}

TEST(CheckPortIsFree, SaysWhenTheAddressIsNotOfThisHost) {
  const absl::Status status = CheckPortIsFree({base::IpAddress::V4({192, 0, 2, 1}), 7117});
  EXPECT_EQ(status.message(), "listen on 192.0.2.1:7117: Cannot assign requested address");
}

TEST(CheckUnixPathIsFree, RefusesPathsNoSocketCanHave) {
  EXPECT_THAT(CheckUnixPathIsFree(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckUnixPathIsFree("/" + std::string(200, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(CheckUnixPathIsFree, TakesAPathNobodyUses) {
  EXPECT_THAT(CheckUnixPathIsFree("/tmp/tcpfleet-nobody-is-here.sock"), IsOk());
}

}  // namespace
}  // namespace tcpfleet::sys
