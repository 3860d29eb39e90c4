// `tcpfleet diagnose` on connections that leak, hang, stall and die, in namespaces.
#include <absl/strings/str_cat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <vector>

#include "tests/integration/diagnose_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DiagnoseConnectionsTest : public DiagnoseTest {
 protected:
  // What comes from or goes to the port is lost on its way into either host, whatever its
  // direction.
  void LosePort(uint16_t port) {
    for (Host* host : {web_, client_}) {
      Command(*host, {"nft", absl::StrCat("table ip cut { chain arriving { type filter hook input "
                                          "priority 0; tcp dport ",
                                          port, " drop; tcp sport ", port, " drop; }; }")});
    }
  }
};

TEST_F(DiagnoseConnectionsTest, FindsTheServerThatNeverCloses) {
  const sys::UniqueFd listener = Listen(64, 8080);
  Pairs pairs = Establish(12, listener, 8080);
  pairs.clients.clear();
  const v1::DiagnosisReport report = Diagnose(
      "3s", [] {}, Thresholds("  close-wait-leak: {seconds: 1}\n"));
  ExpectWarnings(report, {"web close-wait-leak"});
  EXPECT_THAT(FindingOf(report, "close-wait-leak").subject(), StartsWith("diagnose_"));
}

TEST_F(DiagnoseConnectionsTest, FindsTheClientThatWaitsForTheServersEnd) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(12, listener, 8080);
  for (const sys::UniqueFd& client : pairs.clients)
    EXPECT_EQ(sys::ShutdownSending(client.get()), 0);
  const v1::DiagnosisReport report = Diagnose(
      "3s", [] {}, Thresholds("  fin-wait2-stuck: {seconds: 1}\n"));
  ExpectWarnings(report, {"client fin-wait2-stuck"});
}

TEST_F(DiagnoseConnectionsTest, FindsSilentConnectionsWithoutKeepalive) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(20, listener, 8080);
  const v1::DiagnosisReport report = Diagnose(
      "4s", [] {}, Thresholds("  half-open-no-keepalive: {idle_seconds: 1}\n"));
  ExpectWarnings(report, {"web half-open-no-keepalive"});
  EXPECT_THAT(FindingOf(report, "half-open-no-keepalive").subject(), StartsWith("port 8080"));
}

TEST_F(DiagnoseConnectionsTest, SaysNothingOfSilentConnectionsWithKeepalive) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(20, listener, 8080);
  for (const sys::UniqueFd& server : pairs.servers) {
    EXPECT_THAT(sys::SetOption(server.get(), SOL_SOCKET, SO_KEEPALIVE, 1), IsOk());
  }
  const v1::DiagnosisReport report = Diagnose(
      "4s", [] {}, Thresholds("  half-open-no-keepalive: {idle_seconds: 1}\n"));
  ExpectWarnings(report, {});
}

TEST_F(DiagnoseConnectionsTest, FindsThePeerThatVanished) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(6, listener, 8080);
  LosePort(8080);
  SendSome(pairs.servers);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {"web peer-vanished-unacked"}, {"web rto-dominant"});
  EXPECT_EQ(FindingOf(report, "peer-vanished-unacked").severity(), "crit");
  EXPECT_EQ(FindingOf(report, "peer-vanished-unacked").subject(),
            absl::StrCat("to ", client_->ipv4().ToString()));
}

TEST_F(DiagnoseConnectionsTest, FindsConnectionsThatCannotBeClosed) {
  const sys::UniqueFd listener = Listen(64, 8080);
  Pairs pairs = Establish(12, listener, 8080);
  LosePort(8080);
  pairs.clients.clear();
  const v1::DiagnosisReport report = Diagnose("5s");
  ExpectWarnings(report, {"client closing-stuck"}, {"client rto-dominant"});
}

TEST_F(DiagnoseConnectionsTest, FindsTheReaderThatStopped) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(1, listener, 8080);
  const v1::DiagnosisReport report = Diagnose("6s", [&] { Fill(pairs.clients.front()); });
  ExpectWarnings(report, {"web recv-queue-buildup", "client zero-window-stall"},
                 {"client rwnd-limited"});
  EXPECT_THAT(FindingOf(report, "recv-queue-buildup").subject(), StartsWith("diagnose_"));
}

TEST_F(DiagnoseConnectionsTest, FindsTheReceiveBufferThatIsTooSmall) {
  const sys::UniqueFd listener = Listen(64, 8080);
  ASSERT_THAT(sys::SetOption(listener.get(), SOL_SOCKET, SO_RCVBUF, 8'192), IsOk());
  const Pairs pairs = Establish(1, listener, 8080);
  const v1::DiagnosisReport report = Diagnose("5s", [&] {
    Drain(pairs.servers.front());
    Fill(pairs.clients.front());
  });
  ExpectWarnings(report, {"client rwnd-limited"}, {"client zero-window-stall"});
}

TEST_F(DiagnoseConnectionsTest, FindsWhatReceiveBuffersThrowAway) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(200, listener, 8080);
  size_t next = 0;
  const v1::DiagnosisReport report = Diagnose("5s", [&] {
    for (size_t i = 0; i < next; ++i) Drain(pairs.servers[i]);
    if (next == pairs.clients.size()) return;
    const sys::UniqueFd& client = pairs.clients[next];
    EXPECT_THAT(sys::SetOption(client.get(), IPPROTO_TCP, TCP_NODELAY, 1), IsOk());
    EXPECT_THAT(sys::SetOption(pairs.servers[next].get(), SOL_SOCKET, SO_RCVBUF, 1), IsOk());
    Fill(client, 600);
    ++next;
  });
  ExpectWarnings(report, {"web receive-prune"},
                 {"client retransmit-rate-high", "client rwnd-limited"});
}

TEST_F(DiagnoseConnectionsTest, FindsLoss) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(2, listener, 8080);
  ASSERT_THAT(client_->DropShare(0.05), IsOk());
  const v1::DiagnosisReport report = Diagnose("6s", [&] {
    for (size_t i = 0; i < pairs.clients.size(); ++i) {
      const std::vector<std::byte> data(30'000);
      sys::Send(pairs.clients[i].get(), data);
      Drain(pairs.servers[i]);
    }
  });
  ExpectWarnings(report, {"client retransmit-rate-high"}, {"client rto-dominant"});
}

TEST_F(DiagnoseConnectionsTest, FindsThePathThatSwallowsLargePackets) {
  Command(*web_, {"nft",
                  "table ip narrow { chain arriving { type filter hook input priority 0; "
                  "tcp dport 8080 meta length > 1200 drop; }; }"});
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(3, listener, 8080);
  SendSome(pairs.clients, 20'000);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {"client pmtu-blackhole"},
                 {"client peer-vanished-unacked", "client rto-dominant"});
}

TEST_F(DiagnoseConnectionsTest, FindsPacketsWhoseAnswersLeaveElsewhere) {
  Set(*web_, "net.ipv4.conf.all.rp_filter", "1");
  Command(*web_, {"ip", "link", "add", "other0", "type", "veth", "peer", "name", "other1"});
  Command(*web_, {"ip", "address", "add", "10.9.0.1/24", "dev", "other0"});
  Command(*web_, {"ip", "link", "set", "other0", "up"});
  Command(*web_, {"ip", "link", "set", "other1", "up"});
  Command(*client_, {"ip", "address", "add", "10.9.0.5/32", "dev", "lo"});
  const sys::UniqueFd listener = Listen(64, 8080);
  Establish(1, listener, 8080);  // so that both know each other's hardware address
  std::vector<sys::UniqueFd> sockets;
  const v1::DiagnosisReport report = Diagnose("5s", [&] {
    if (sockets.size() >= 200) return;
    EXPECT_THAT(client_->Run([&] {
      sockets.emplace_back(sys::NewTcpSocket(AF_INET));
      const base::IpAddress source = base::IpAddress::V4({10, 9, 0, 5});
      EXPECT_EQ(sys::Bind(sockets.back().get(), sys::ToSocketAddress({source, 0})), 0);
      sys::Connect(sockets.back().get(), sys::ToSocketAddress({web_->ipv4(), 8080}));
      return absl::OkStatus();
    }),
                IsOk());
  });
  ExpectWarnings(report, {"web rp-filter-drop"}, {"client connect-timeout"});
}

TEST_F(DiagnoseConnectionsTest, FindsConnectionsWithoutOptions) {
  for (const char* key : {"tcp_sack", "tcp_window_scaling", "tcp_timestamps"}) {
    Set(*web_, absl::StrCat("net.ipv4.", key), "0");
  }
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(12, listener, 8080);
  const v1::DiagnosisReport report = Diagnose("3s");
  ExpectWarnings(report, {"web tcp-options-disabled", "client tcp-options-disabled"});
}

TEST_F(DiagnoseConnectionsTest, FindsTheQueueThatDropsAndWhatWaitsBeforeIt) {
  Command(*client_, {"tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "2mbit", "burst",
                     "10kb", "limit", "20000"});
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(4, listener, 8080);
  for (const sys::UniqueFd& client : pairs.clients) {
    EXPECT_THAT(sys::SetOption(client.get(), SOL_SOCKET, SO_SNDBUF, 1 << 20), IsOk());
  }
  const v1::DiagnosisReport report = Diagnose("6s", [&] {
    for (size_t i = 0; i < pairs.clients.size(); ++i) {
      Fill(pairs.clients[i]);
      Drain(pairs.servers[i]);
    }
  });
  EXPECT_THAT(FindingOf(report, "qdisc-drop").subject(), HasSubstr("eth0 tbf"));
  EXPECT_THAT(FindingOf(report, "send-queue-buildup").hosts(), Contains("client"));
  ExpectWarnings(report, {"client qdisc-drop"}, {"client retransmit-rate-high"});
}

TEST_F(DiagnoseConnectionsTest, FindsTheServerThatClosesWithUnreadData) {
  const sys::UniqueFd listener = Listen(128, 8080);
  const v1::DiagnosisReport report = Diagnose("4s", [&] {
    Pairs pairs = Establish(10, listener, 8080);
    SendSome(pairs.clients);
    for (const sys::UniqueFd& server : pairs.servers) {
      std::array<std::byte, 1> first{};
      EXPECT_TRUE(
          EventuallyTrue([&] { return sys::Receive(server.get(), absl::MakeSpan(first)) == 1; }));
    }
  });
  ExpectWarnings(report, {"web reset-burst"}, {"client stale-pool-reuse"});
  EXPECT_THAT(FindingOf(report, "reset-burst").cause(), HasSubstr("have not read"));
}

TEST_F(DiagnoseConnectionsTest, FindsPooledConnectionsThatTheServerDropped) {
  const sys::UniqueFd listener = Listen(64, 8080);
  Pairs pairs = Establish(8, listener, 8080);
  const int64_t begin_ns = base::MonotonicNowNs();
  const v1::DiagnosisReport report = Diagnose(
      "8s",
      [&] {
        if (base::MonotonicNowNs() - begin_ns > 5'000'000'000) ResetAll(pairs.servers);
      },
      Thresholds("  stale-pool-reuse: {idle_seconds: 1}\n"));
  ExpectWarnings(report, {"client stale-pool-reuse"}, {"web reset-burst"});
  EXPECT_THAT(FindingOf(report, "stale-pool-reuse").subject(), HasSubstr(At(8080)));
}

TEST_F(DiagnoseConnectionsTest, FindsThePoolThatOnlyGrows) {
  const sys::UniqueFd listener = Listen(128, 8080);
  std::vector<Pairs> pool;
  const v1::DiagnosisReport report = Diagnose("6s", [&] {
    if (pool.size() < 400) pool.push_back(Establish(1, listener, 8080));
  });
  ExpectWarnings(report, {"client pool-health"});
  EXPECT_THAT(FindingOf(report, "pool-health").title(), HasSubstr("only grows"));
  EXPECT_THAT(FindingOf(report, "pool-health").subject(),
              HasSubstr(absl::StrCat("[", getpid(), "] to ")));
}

TEST_F(DiagnoseConnectionsTest, FindsThePoolThatIsTooLarge) {
  const sys::UniqueFd listener = Listen(128, 8080);
  Pairs pairs = Establish(100, listener, 8080);
  const std::vector<sys::UniqueFd> unused(std::make_move_iterator(pairs.clients.begin() + 10),
                                          std::make_move_iterator(pairs.clients.end()));
  pairs.clients.resize(10);
  const v1::DiagnosisReport report = Diagnose(
      "4s", [&] { SendSome(pairs.clients); },
      Thresholds("  pool-health: {idle_seconds: 2, rest_seconds: 1}\n"));
  ExpectWarnings(report, {});
  const v1::Finding finding = FindingOf(report, "pool-health");
  EXPECT_THAT(finding.title(), HasSubstr("more connections than it uses"));
  EXPECT_THAT(finding.subject(), HasSubstr(At(8080)));
  EXPECT_EQ(NumberIn(finding, "size"), 100);
  EXPECT_EQ(NumberIn(finding, "resting"), 0.9);
  EXPECT_EQ(NumberIn(finding, "idle"), 90);
  EXPECT_EQ(NumberIn(finding, "closed"), 0);
  EXPECT_GE(NumberIn(finding, "life_at_least"), 3);
}

TEST_F(DiagnoseConnectionsTest, FindsThePoolWhosePeerClosesItsConnections) {
  const sys::UniqueFd listener = Listen(128, 8080);
  Pairs pairs = Establish(30, listener, 8080);
  size_t replaced = 0;  // the oldest, some ten a second
  int64_t last_ns = 0;
  const v1::DiagnosisReport report = Diagnose(
      "5s",
      [&] {
        if (base::MonotonicNowNs() - last_ns < 100'000'000) return;
        last_ns = base::MonotonicNowNs();
        sys::UniqueFd& client = pairs.clients[replaced % 30];
        sys::UniqueFd& server = pairs.servers[replaced % 30];
        server.Reset();
        std::array<std::byte, 1> end{};
        EXPECT_TRUE(
            EventuallyTrue([&] { return sys::Receive(client.get(), absl::MakeSpan(end)) == 0; }));
        client = std::move(Connect(1, 8080).front());
        server = AcceptOne(listener);
        ++replaced;
      },
      Thresholds("  pool-health: {life: 60}\n"));
  ExpectWarnings(report, {});
  const v1::Finding finding = FindingOf(report, "pool-health");
  EXPECT_THAT(finding.title(), HasSubstr("a peer closes"));
  EXPECT_THAT(finding.subject(), HasSubstr(At(8080)));
  EXPECT_NEAR(NumberIn(finding, "size"), 30, 1);
  // Some are replaced before the first look and after the last.
  const double closed = NumberIn(finding, "closed");
  EXPECT_GE(closed * 5, static_cast<double>(replaced) / 2);
  EXPECT_LE(closed * 5, static_cast<double>(replaced));
  EXPECT_NEAR(NumberIn(finding, "opened"), closed, 0.5);
  EXPECT_NEAR(NumberIn(finding, "life") * closed, 30, 1);
}

TEST_F(DiagnoseConnectionsTest, FindsTheProcessThatHasNearlyAllItsFiles) {
  const RunningProgram hoarder = StartProgram(
      *web_, {"bash", "-c",
              "ulimit -n 100; for ((i = 10; i < 95; i++)); do eval \"exec $i</dev/null\"; done; "
              "read -r _ < <(sleep 60)"});
  const v1::DiagnosisReport report = Diagnose("3s");
  const v1::Finding finding = FindingOf(report, "process-fd-exhaustion");
  EXPECT_THAT(finding.subject(), StartsWith("bash["));
  EXPECT_THAT(finding.hosts(), Contains("web"));
  ExpectWarnings(report, {});
}

}  // namespace
}  // namespace tcpfleet::tests
