#include "common/sys/tcp_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/sys/epoll.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

class TcpSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    const base::Endpoint any{base::IpAddress::V4({127, 0, 0, 1}), 0};
    const SocketAddress address = ToSocketAddress(any);
    ASSERT_TRUE(listener_.valid());
    ASSERT_EQ(::bind(listener_.get(), address.get(), address.length), 0);
    endpoint_ = LocalEndpoint(listener_.get()).value();
  }

  void Listen() { ASSERT_EQ(::listen(listener_.get(), 8), 0); }

  int FinishConnect() {
    const int started = Connect(client_.get(), ToSocketAddress(endpoint_));
    if (started != EINPROGRESS) return started;
    auto epoll = Epoll::Create().value();
    EXPECT_THAT(epoll.Add(client_.get(), EPOLLOUT, 0), IsOk());
    std::array<epoll_event, 1> events{};
    epoll.Wait(absl::MakeSpan(events), 20'000'000'000);
    return TakeSocketError(client_.get());
  }

  UniqueFd listener_{NewTcpSocket(AF_INET)};
  UniqueFd client_{NewTcpSocket(AF_INET)};
  base::Endpoint endpoint_;
};

TEST_F(TcpSocketTest, ConnectsAndKnowsBothEnds) {
  Listen();
  ASSERT_EQ(FinishConnect(), 0);
  EXPECT_THAT(PeerEndpoint(client_.get()), IsOkAndHolds(endpoint_));
  const auto local = LocalEndpoint(client_.get());
  ASSERT_THAT(local, IsOk());
  EXPECT_NE(local->port, 0);
  EXPECT_NE(SocketCookie(client_.get()), 0u);
  EXPECT_FALSE(CongestionControl(client_.get()).empty());
}

TEST_F(TcpSocketTest, ReportsARefusalAsErrno) { EXPECT_EQ(FinishConnect(), ECONNREFUSED); }

TEST_F(TcpSocketTest, ReadsTcpInfoUpToWhatTheBufferHolds) {
  Listen();
  ASSERT_EQ(FinishConnect(), 0);
  alignas(tcp_info) std::array<std::byte, 512> buffer{};
  const size_t known = ReadTcpInfo(client_.get(), absl::MakeSpan(buffer));
  ASSERT_GE(known, sizeof(tcp_info) / 2);
  tcp_info info{};
  std::memcpy(&info, buffer.data(), sizeof(info));
  EXPECT_EQ(info.tcpi_state, TCP_ESTABLISHED);
  EXPECT_EQ(ReadTcpInfo(client_.get(), absl::MakeSpan(buffer).subspan(0, 8)), 8u);
  EXPECT_EQ(ReadTcpInfo(-1, absl::MakeSpan(buffer)), 0u);
}

TEST_F(TcpSocketTest, OptionsReadBackAsTheKernelHoldsThem) {
  ASSERT_THAT(SetOption(client_.get(), IPPROTO_TCP, TCP_KEEPIDLE, 30), IsOk());
  EXPECT_THAT(GetOption(client_.get(), IPPROTO_TCP, TCP_KEEPIDLE), IsOkAndHolds(30));
  EXPECT_THAT(SetOption(client_.get(), IPPROTO_TCP, TCP_KEEPIDLE, -1),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(HasLingerReset(client_.get()), IsOkAndHolds(false));
  ASSERT_THAT(SetLingerReset(client_.get()), IsOk());
  EXPECT_THAT(HasLingerReset(client_.get()), IsOkAndHolds(true));
}

TEST_F(TcpSocketTest, LingerResetAbortsThePeer) {
  Listen();
  ASSERT_EQ(FinishConnect(), 0);
  const UniqueFd accepted(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted.valid());
  ASSERT_THAT(SetLingerReset(client_.get()), IsOk());
  client_.Reset();
  char byte = 0;
  EXPECT_EQ(::read(accepted.get(), &byte, 1), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(TcpSocket, AnswersBadDescriptorsWithoutCrashing) {
  EXPECT_EQ(Connect(-1, ToSocketAddress({})), EBADF);
  EXPECT_EQ(TakeSocketError(-1), EBADF);
  EXPECT_EQ(SocketCookie(-1), 0u);
  EXPECT_EQ(CongestionControl(-1), "");
  EXPECT_FALSE(LocalEndpoint(-1).ok());
  EXPECT_FALSE(PeerEndpoint(-1).ok());
  EXPECT_EQ(NewTcpSocket(-1), -1);
}

TEST(TcpSocket, IsNonBlockingAndClosesOnExec) {
  const UniqueFd fd(NewTcpSocket(AF_INET6));
  if (!fd.valid() && errno == EAFNOSUPPORT) GTEST_SKIP() << "this host has no IPv6";
  EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

}  // namespace
}  // namespace tcpfleet::sys
