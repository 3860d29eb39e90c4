#include "common/sys/udp_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <vector>

#include "common/sys/epoll.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;

void WaitFor(const UniqueFd& fd) {
  auto epoll = Epoll::Create().value();
  ASSERT_THAT(epoll.Add(fd.get(), EPOLLIN, 0), IsOk());
  std::array<epoll_event, 1> events{};
  epoll.Wait(absl::MakeSpan(events), 20'000'000'000);
}

// A port where nobody hears strangers, and that nobody else takes.
struct ClosedPort {
  UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  base::Endpoint endpoint;
  ClosedPort() {
    EXPECT_EQ(Bind(fd.get(), ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), 0})), 0);
    EXPECT_EQ(Connect(fd.get(), ToSocketAddress({base::IpAddress::V4({127, 0, 0, 2}), 9})), 0);
    endpoint = LocalEndpoint(fd.get()).value();
  }
};

TEST(PathProbe, HearsWhoSaidThatNobodyListens) {
  const ClosedPort closed;
  const auto fd = ConnectPathProbe(closed.endpoint);
  ASSERT_THAT(fd, IsOk());
  EXPECT_FALSE(TakeQueuedError(fd->get()).has_value());
  const std::array<std::byte, 4> data{};
  ASSERT_EQ(Send(fd->get(), data), 4);
  WaitFor(*fd);
  const std::optional<QueuedError> queued = TakeQueuedError(fd->get());
  ASSERT_TRUE(queued.has_value());
  EXPECT_EQ(queued->error, ECONNREFUSED);
  EXPECT_EQ(queued->sender, closed.endpoint.address);
  EXPECT_FALSE(TakeQueuedError(fd->get()).has_value());
}

TEST(PathProbe, HearsTheInterfacesMtuFromThisHostItself) {
  const auto fd =
      ConnectPathProbe({base::IpAddress::V6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}), 9});
  if (!fd.ok()) GTEST_SKIP() << "needs IPv6 on loopback: " << fd.status();
  const std::vector<std::byte> data(65'527);  // 65,575 bytes with the headers
  ASSERT_EQ(Send(fd->get(), data), -EMSGSIZE);
  const std::optional<QueuedError> queued = TakeQueuedError(fd->get());
  ASSERT_TRUE(queued.has_value());
  EXPECT_EQ(queued->error, EMSGSIZE);
  EXPECT_EQ(queued->sender, std::nullopt);
  EXPECT_EQ(BelievedPathMtu(fd->get()).value(), queued->mtu);
}

}  // namespace
}  // namespace tcpfleet::sys
