// Against the real kernel, in the namespace of the test.
#include "agent/sockets/inet_diag_source.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "common/sys/net_namespace.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using sockets::Field;
using tests::IsOk;

// Both ends of a loopback connection that has carried 1000 bytes to the server, and its listener.
struct Loopback {
  sys::UniqueFd listener, client, server;

  explicit Loopback(const base::IpAddress& address) {
    const sys::SocketAddress any_port = sys::ToSocketAddress({address, 0});
    listener = sys::UniqueFd(::socket(any_port.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(listener.get(), any_port.get(), any_port.length), 0);
    EXPECT_EQ(::listen(listener.get(), 7), 0);
    const sys::SocketAddress target = sys::ToSocketAddress(*sys::LocalEndpoint(listener.get()));
    client = sys::UniqueFd(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(sys::Connect(client.get(), target), 0);
    server = sys::UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::string bytes(1000, 'x');
    EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), 0), 1000);
    pollfd arrival{.fd = server.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&arrival, 1, 5000), 1);
  }
};

const sockets::ConnectionSample* Find(const PollResult& poll, int fd) {
  const uint64_t cookie = sys::SocketCookie(fd);
  const auto found =
      std::find_if(poll.connections.begin(), poll.connections.end(),
                   [&](const auto& sample) { return sample.identity.cookie == cookie; });
  return found == poll.connections.end() ? nullptr : &*found;
}

class InetDiagSourceTest : public testing::TestWithParam<const char*> {
 protected:
  InetDiagSource source_;
};

TEST_P(InetDiagSourceTest, FindsALoopbackConnection) {
  const Loopback loopback(*base::IpAddress::Parse(GetParam()));
  const absl::StatusOr<PollResult> poll = source_.Poll({});
  ASSERT_THAT(poll, IsOk());
  EXPECT_EQ(poll->torn, 0u);

  const sockets::ConnectionSample* client = Find(*poll, loopback.client.get());
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->identity.local, *sys::LocalEndpoint(loopback.client.get()));
  EXPECT_EQ(client->identity.remote, *sys::PeerEndpoint(loopback.client.get()));
  EXPECT_EQ(client->identity.network_namespace, *sys::NetNamespace::Current()->Inode());
  EXPECT_EQ(client->identity.uid, ::getuid());
  EXPECT_EQ(client->identity.congestion_control, sys::CongestionControl(loopback.client.get()));
  EXPECT_EQ(client->values.Find(Field::kState), 1u);

  // What the kernel says through the other door; the connection rests, so it is the same.
  std::vector<std::byte> raw(512);
  raw.resize(sys::ReadTcpInfo(loopback.client.get(), absl::MakeSpan(raw)));
  sockets::ConnectionSample direct;
  sockets::ReadTcpInfoInto(raw, poll->monotonic_ns, direct);
  EXPECT_EQ(direct.tcp_info_tail, client->tcp_info_tail);
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.kind == sockets::FieldKind::kMoment || !direct.values.Has(info.field)) continue;
    EXPECT_EQ(client->values.Find(info.field), direct.values.Find(info.field)) << info.name;
  }

  const sockets::ConnectionSample* server = Find(*poll, loopback.server.get());
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->values.Find(Field::kReceiveQueue), 1000u);
  EXPECT_EQ(server->values.Find(Field::kBytesReceived), 1000u);

  const sockets::ConnectionSample* listener = Find(*poll, loopback.listener.get());
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(listener->values.Find(Field::kReceiveQueue), 0u);
  EXPECT_EQ(listener->values.Find(Field::kSendQueue), 7u);
}

INSTANTIATE_TEST_SUITE_P(Families, InetDiagSourceTest, testing::Values("127.0.0.1", "::1"));

TEST(InetDiagSource, AsksTheKernelOnlyForTheWantedStates) {
  const Loopback loopback(*base::IpAddress::Parse("127.0.0.1"));
  InetDiagSource source;
  const absl::StatusOr<PollResult> poll =
      source.Poll({.states = sockets::MaskOf(sockets::TcpState::kListen), .recycled = {}});
  ASSERT_THAT(poll, IsOk());
  EXPECT_NE(Find(*poll, loopback.listener.get()), nullptr);
  EXPECT_EQ(Find(*poll, loopback.client.get()), nullptr);
}

TEST(InetDiagSource, CountsTimeWaitAsSkipped) {
  Loopback loopback(*base::IpAddress::Parse("127.0.0.1"));
  const base::Endpoint local = *sys::LocalEndpoint(loopback.client.get());
  char buffer[1000];
  EXPECT_EQ(::recv(loopback.server.get(), buffer, sizeof(buffer), MSG_WAITALL), 1000);
  ::shutdown(loopback.client.get(), SHUT_WR);
  EXPECT_EQ(::recv(loopback.server.get(), buffer, sizeof(buffer), 0), 0);
  loopback.server.Reset();
  EXPECT_EQ(::recv(loopback.client.get(), buffer, sizeof(buffer), 0), 0);
  loopback.client.Reset();
  InetDiagSource source;
  const absl::StatusOr<PollResult> poll = source.Poll({});
  ASSERT_THAT(poll, IsOk());
  EXPECT_TRUE(std::any_of(poll->skipped.begin(), poll->skipped.end(), [&](const SkippedSocket& s) {
    return s.local == local && s.state == 6;
  }));
}

TEST(InetDiagSource, DescribesItself) {
  const v1::Collector collector = InetDiagSource().Describe();
  EXPECT_EQ(collector.name(), "sockets");
  EXPECT_EQ(collector.level(), v1::Collector::LEVEL_FULL);
  EXPECT_EQ(collector.detail(), "");
}

}  // namespace
}  // namespace tcpfleet::agent
