// Against the real kernel, in the namespace of the test.
#include "agent/sockets/inet_diag_source.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "common/sys/net_namespace.h"
#include "common/sys/tcp_socket.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/fakes.h"

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

const sockets::ConnectionSample* Find(const ListSink& sink, int fd) {
  const uint64_t cookie = sys::SocketCookie(fd);
  const auto found =
      std::find_if(sink.samples.begin(), sink.samples.end(),
                   [&](const auto& sample) { return sample.identity.cookie == cookie; });
  return found == sink.samples.end() ? nullptr : &*found;
}

class InetDiagSourceTest : public testing::TestWithParam<const char*> {
 protected:
  base::SystemClock clock_;
  InetDiagSource source_{&clock_};
  ListSink sink_;
};

TEST_P(InetDiagSourceTest, FindsALoopbackConnection) {
  const Loopback loopback(*base::IpAddress::Parse(GetParam()));
  const absl::StatusOr<PollResult> poll = source_.Poll({}, sink_);
  ASSERT_THAT(poll, IsOk());
  EXPECT_EQ(poll->torn, 0u);
  EXPECT_EQ(poll->home_namespace, *sys::NetNamespace::Current()->Inode());

  const sockets::ConnectionSample* client = Find(sink_, loopback.client.get());
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

  const sockets::ConnectionSample* server = Find(sink_, loopback.server.get());
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(server->values.Find(Field::kReceiveQueue), 1000u);
  EXPECT_EQ(server->values.Find(Field::kBytesReceived), 1000u);

  const sockets::ConnectionSample* listener = Find(sink_, loopback.listener.get());
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(listener->values.Find(Field::kAcceptQueue), 0u);
  EXPECT_EQ(listener->values.Find(Field::kBacklog), 7u);
  EXPECT_FALSE(listener->values.Has(Field::kReceiveQueue));
  for (const Field field : {Field::kTos, Field::kSkmemRcvbuf, Field::kShutdown}) {
    EXPECT_TRUE(client->values.Has(field)) << static_cast<int>(field);
  }
}

INSTANTIATE_TEST_SUITE_P(Families, InetDiagSourceTest, testing::Values("127.0.0.1", "::1"));

class InetDiagSourceV4Test : public testing::Test {
 protected:
  void Poll(const PollRequest& request) { EXPECT_THAT(source_.Poll(request, sink_), IsOk()); }

  const Loopback loopback_{*base::IpAddress::Parse("127.0.0.1")};
  base::SystemClock clock_;
  InetDiagSource source_{&clock_};
  ListSink sink_;
};

TEST_F(InetDiagSourceV4Test, AsksTheKernelOnlyForTheWantedStates) {
  PollRequest request;
  request.states = sockets::MaskOf(sockets::TcpState::kListen);
  Poll(request);
  EXPECT_NE(Find(sink_, loopback_.listener.get()), nullptr);
  EXPECT_EQ(Find(sink_, loopback_.client.get()), nullptr);
}

TEST_F(InetDiagSourceV4Test, AsksTheKernelOnlyForTheWantedFamilies) {
  PollRequest request;
  request.families = filter::kIpv6;
  Poll(request);
  EXPECT_EQ(Find(sink_, loopback_.client.get()), nullptr);
}

TEST_F(InetDiagSourceV4Test, AsksTheKernelOnlyForTheWantedFields) {
  PollRequest request;
  request.fields.set(SlotOf(Field::kRtt));
  Poll(request);
  const sockets::ConnectionSample* client = Find(sink_, loopback_.client.get());
  ASSERT_NE(client, nullptr);
  EXPECT_TRUE(client->values.Has(Field::kRtt));
  EXPECT_FALSE(client->values.Has(Field::kSkmemRcvbuf));
  EXPECT_FALSE(client->values.Has(Field::kTos));
}

TEST_F(InetDiagSourceV4Test, LetsTheKernelFilter) {
  const uint16_t port = sys::LocalEndpoint(loopback_.client.get())->port;
  const auto filter = filter::Filter::Parse(absl::StrCat("sport = :", port));
  ASSERT_THAT(filter, IsOk());
  PollRequest request;
  request.program = filter->KernelProgram();
  ASSERT_FALSE(request.program.empty());
  Poll(request);
  EXPECT_NE(Find(sink_, loopback_.client.get()), nullptr);
  EXPECT_EQ(Find(sink_, loopback_.server.get()), nullptr);
}

TEST_F(InetDiagSourceV4Test, DoesWithoutAProgramTheKernelRefuses) {
  PollRequest request;
  request.program = std::vector<std::byte>(8, std::byte{0xff});
  Poll(request);
  EXPECT_NE(Find(sink_, loopback_.client.get()), nullptr);
}

TEST_F(InetDiagSourceV4Test, KnowsASocketThatRestsByItsSighting) {
  Poll({});
  const uint64_t cookie = sys::SocketCookie(loopback_.server.get());
  const auto sighting = [&] {
    return *std::find_if(sink_.sightings.rbegin(), sink_.sightings.rend(),
                         [&](const Sighting& seen) { return seen.cookie == cookie; });
  };
  const Sighting first = sighting();
  Poll({});
  EXPECT_EQ(sighting().fingerprint, first.fingerprint);
  EXPECT_NE(first.fingerprint, 0u);
  char byte;
  EXPECT_EQ(::recv(loopback_.server.get(), &byte, 1, 0), 1);
  Poll({});
  EXPECT_NE(sighting().fingerprint, first.fingerprint);
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
  base::SystemClock clock;
  InetDiagSource source(&clock);
  ListSink sink;
  const absl::StatusOr<PollResult> poll = source.Poll({}, sink);
  ASSERT_THAT(poll, IsOk());
  EXPECT_TRUE(std::any_of(poll->skipped.begin(), poll->skipped.end(), [&](const SkippedSocket& s) {
    return s.local == local && s.state == 6;
  }));
}

TEST(InetDiagSource, DescribesItself) {
  base::SystemClock clock;
  const std::vector<v1::Collector> collectors = InetDiagSource(&clock).Describe();
  ASSERT_EQ(collectors.size(), 2u);
  EXPECT_EQ(collectors[0].name(), "sockets");
  EXPECT_EQ(collectors[0].level(), v1::Collector::LEVEL_FULL);
  EXPECT_EQ(collectors[0].detail(), "");
  EXPECT_EQ(collectors[1].name(), "namespaces");
}

}  // namespace
}  // namespace tcpfleet::agent
