#include "agent/probe/connect_try.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include "common/sys/tcp_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::StartsWith;
using tests::IsOk;
using tests::PlainServer;
using tests::StatusIs;

constexpr int64_t kPatienceNs = 20'000'000'000;

v1::ProbeTry Try(const base::Endpoint& target, int64_t timeout_ns = kPatienceNs) {
  const auto wait = InterruptibleWait::Create().value();
  const absl::StatusOr<v1::ProbeTry> result = TryConnect(target, timeout_ns, *wait);
  EXPECT_THAT(result, IsOk());
  return result.value_or(v1::ProbeTry());
}

TEST(ConnectTry, ReportsAConnectionWithItsFieldsAndOptions) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kHold).value();
  const v1::ProbeTry result = Try(server->endpoint());
  EXPECT_EQ(result.address(), "127.0.0.1");
  EXPECT_EQ(result.outcome(), "connected");
  EXPECT_GT(result.duration_us(), 0);
  EXPECT_EQ(result.syn_retransmits(), 0u);
  EXPECT_THAT(result.local(), StartsWith("127.0.0.1:"));
  EXPECT_GT(result.fields().at("rtt"), 0u);
  EXPECT_GT(result.fields().at("snd_mss"), 0u);
  EXPECT_EQ(result.fields().at("total_retrans"), 0u);
  EXPECT_THAT(result.fields(), Not(Contains(Key("last_data_sent_at_ms"))));
  EXPECT_THAT(result.options(), Contains(StartsWith("wscale:")));
}

TEST(ConnectTry, ClosesInOrder) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kHold).value();
  EXPECT_EQ(Try(server->endpoint()).outcome(), "connected");
  EXPECT_TRUE(tests::EventuallyTrue([&] { return server->counters().closed_by_peer == 1; }));
  EXPECT_EQ(server->counters().reset_by_peer, 0u);
}

TEST(ConnectTry, IsRefusedWhereNobodyListens) {
  // Bound, so that nobody else takes the port.
  const sys::UniqueFd bound(sys::NewTcpSocket(AF_INET));
  ASSERT_EQ(sys::Bind(bound.get(), sys::ToSocketAddress({base::IpAddress::V4({127, 0, 0, 1}), 0})),
            0);
  const v1::ProbeTry result = Try(sys::LocalEndpoint(bound.get()).value());
  EXPECT_EQ(result.outcome(), "refused");
  EXPECT_GT(result.duration_us(), 0);
  EXPECT_THAT(result.local(), StartsWith("127.0.0.1:"));
  EXPECT_THAT(result.fields(), IsEmpty());
  EXPECT_THAT(result.options(), IsEmpty());
}

TEST(ConnectTry, CountsTheHandshakeEvenIfThePeerResetsAtOnce) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kReset).value();
  for (int i = 0; i < 50; ++i) {
    const v1::ProbeTry result = Try(server->endpoint());
    ASSERT_EQ(result.outcome(), "connected");
    ASSERT_GT(result.fields().at("snd_mss"), 0u);
  }
}

TEST(ConnectTry, TimesOutWhenTheQueueOfTheListenerIsFull) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kFullBacklog).value();
  const v1::ProbeTry result = Try(server->endpoint(), 20'000'000);
  EXPECT_EQ(result.outcome(), "timeout");
  EXPECT_GE(result.duration_us(), 20'000);
  EXPECT_THAT(result.local(), StartsWith("127.0.0.1:"));
  EXPECT_THAT(result.fields(), IsEmpty());
}

TEST(ConnectTry, EndsWhenInterrupted) {
  const auto server = PlainServer::Create(PlainServer::Behaviour::kFullBacklog).value();
  const auto wait = InterruptibleWait::Create().value();
  wait->Interrupt();
  EXPECT_THAT(TryConnect(server->endpoint(), kPatienceNs, *wait),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(NegotiatedOptions, AreWrittenAsSsDoes) {
  sockets::FieldValues values;
  EXPECT_THAT(NegotiatedOptions(values), IsEmpty());
  values.Set(sockets::Field::kOptions, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE |
                                           TCPI_OPT_ECN | TCPI_OPT_SYN_DATA);
  values.Set(sockets::Field::kSndWscale, 7);
  values.Set(sockets::Field::kRcvWscale, 10);
  EXPECT_THAT(NegotiatedOptions(values),
              ElementsAre("ts", "sack", "wscale:7,10", "ecn", "fastopen"));
}

}  // namespace
}  // namespace tcpfleet::agent
