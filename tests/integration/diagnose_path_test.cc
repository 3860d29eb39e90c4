// `tcpfleet diagnose` on ways between hosts that are narrow, long, dead for a while, or change what
// passes; each with the same traffic on a good way.
#include <absl/strings/str_cat.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/integration/diagnose_fixture.h"
#include "tests/integration/routed_path.h"
#include "tests/support/link_emulator.h"
#include "tests/support/plain_client.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::Ge;

class DiagnosePathTest : public DiagnoseTest {
 protected:
  // What client and server say to each other passes it.
  void AddRouter() {
    router_ = &AddHost("router");
    RoutedPath path(*router_);
    ASSERT_THAT(path.Attach(*client_), IsOk());
    ASSERT_THAT(path.Attach(*web_), IsOk());
  }

  // Of what the router sends to the server.
  void Queue(std::vector<std::string> parameters) {
    std::vector<std::string> command = {"tc",  "qdisc", "add", "dev", RoutedPath::DeviceTo(*web_),
                                        "root"};
    command.insert(command.end(), parameters.begin(), parameters.end());
    Command(*router_, std::move(command));
  }

  static bool HasAllAcked(const sys::UniqueFd& socket) { return InfoOf(socket).tcpi_unacked == 0; }

  // Each connection sends `bytes`, and again as soon as they have arrived.
  static void SendPieces(const Pairs& pairs, size_t bytes) {
    for (size_t i = 0; i < pairs.clients.size(); ++i) {
      Drain(pairs.servers[i]);
      const std::vector<std::byte> data(bytes);
      if (HasAllAcked(pairs.clients[i])) sys::Send(pairs.clients[i].get(), data);
    }
  }

  std::string ToWeb() const { return absl::StrCat("to ", web_->ipv4().ToString()); }

  Host* router_ = nullptr;
};

// Nothing is idle for the default of 300 s in a test.
constexpr char kIdleForASecond[] = "  keepalive-too-slow: {idle_seconds: 1}\n";

TEST_F(DiagnosePathTest, FindsKeepalivesThatComeTooLate) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(3, listener, 8080);
  for (const sys::UniqueFd& server : pairs.servers) {
    ASSERT_THAT(sys::SetOption(server.get(), SOL_SOCKET, SO_KEEPALIVE, 1), IsOk());
  }
  const v1::DiagnosisReport report = Diagnose(
      "3s", [] {}, Thresholds(kIdleForASecond));
  ExpectWarnings(report, {});
  const v1::Finding finding = FindingOf(report, "keepalive-too-slow");
  EXPECT_THAT(finding.hosts(), ElementsAre("web"));
  EXPECT_EQ(NumberIn(finding, "detection"), 7'875);
  EXPECT_EQ(NumberIn(finding, "keepalive_by_default"), 3);
}

TEST_F(DiagnosePathTest, SaysNothingOfKeepalivesThatProgramsHaveSet) {
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(3, listener, 8080);
  for (const sys::UniqueFd& server : pairs.servers) {
    ASSERT_THAT(sys::SetOption(server.get(), SOL_SOCKET, SO_KEEPALIVE, 1), IsOk());
    ASSERT_THAT(sys::SetOption(server.get(), IPPROTO_TCP, TCP_KEEPIDLE, 300), IsOk());
  }
  const v1::DiagnosisReport report = Diagnose(
      "3s", [] {}, Thresholds(kIdleForASecond));
  ExpectWarnings(report, {});
  EXPECT_FALSE(Names(report, "keepalive-too-slow"));
}

class DiagnoseSendBufferTest : public DiagnosePathTest {
 protected:
  // Writes small pieces as fast as a narrow way takes them. Larger ones may exceed the buffer, and
  // pacing hides that it is full.
  v1::DiagnosisReport DiagnoseWriter(std::optional<int> send_buffer) {
    AddRouter();
    Queue({"tbf", "rate", "5mbit", "burst", "16kb", "limit", "8000000"});
    const base::Endpoint address{web_->ipv4(), 8080};
    const auto server =
        PlainServer::Create(PlainServer::Behaviour::kHold, address, &web_->network()).value();
    const sys::UniqueFd client = ConnectTo(address, &client_->network()).value();
    EXPECT_THAT(sys::SetCongestionControl(client.get(), "reno"), IsOk());
    if (send_buffer) {
      EXPECT_THAT(sys::SetOption(client.get(), SOL_SOCKET, SO_SNDBUF, *send_buffer), IsOk());
    }
    const std::jthread writer([&](const std::stop_token& stop) {
      const std::array<std::byte, 1'000> data{};
      while (!stop.stop_requested() &&
             ::send(client.get(), data.data(), data.size(), MSG_NOSIGNAL) > 0) {
      }
    });
    return Diagnose("4s");
  }
};

TEST_F(DiagnoseSendBufferTest, FindsTheSendBufferThatIsTooSmall) {
  const v1::DiagnosisReport report = DiagnoseWriter(2'304);
  ExpectWarnings(report, {"client sndbuf-limited"});
  const v1::Finding finding = FindingOf(report, "sndbuf-limited");
  EXPECT_EQ(finding.subject(), ToWeb());
  EXPECT_THAT(NumberIn(finding, "sndbuf_limited / busy_time"), Ge(0.3));
  ASSERT_EQ(finding.sockets_size(), 1);
  EXPECT_EQ(finding.sockets(0).connection().peer(), At(8080));
}

TEST_F(DiagnoseSendBufferTest, SaysNothingOfOneThatGrows) {
  const v1::DiagnosisReport report = DiagnoseWriter(std::nullopt);
  ExpectWarnings(report, {}, {"client rwnd-limited"});  // something is always the limit
  EXPECT_FALSE(Names(report, "sndbuf-limited"));
}

TEST_F(DiagnosePathTest, FindsTheWayThatIsDeadForAWhile) {
  AddRouter();
  const sys::UniqueFd listener = Listen(64, 8080);
  const Pairs pairs = Establish(12, listener, 8080);
  // Not all: one whose handshake was slow waits longer.
  const auto most = [&](const auto& predicate) {
    return std::count_if(pairs.clients.begin(), pairs.clients.end(), predicate) >= 10;
  };
  bool is_dead = false;
  const v1::DiagnosisReport report = Diagnose("5s", [&] {
    if (is_dead && most([](const auto& client) { return InfoOf(client).tcpi_backoff > 0; })) {
      Command(*router_, {"nft", "delete table ip dead"});
      is_dead = false;
    } else if (!is_dead && most(&HasAllAcked)) {
      Command(*router_, {"nft",
                         "table ip dead { chain passing { type filter hook forward priority 0; "
                         "tcp dport 8080 drop; }; }"});
      SendSome(pairs.clients);
      is_dead = true;
    }
  });
  ExpectWarnings(report, {"client rto-dominant"});
  const v1::Finding finding = FindingOf(report, "rto-dominant");
  EXPECT_THAT(finding.hosts(), ElementsAre("client"));
  EXPECT_THAT(NumberIn(finding, "timeouts / retransmissions"), Ge(0.5));
}

class DiagnoseQueueTest : public DiagnosePathTest {
 protected:
  // Uploads in pieces: no more waits in the queue than is asked for, and nothing is dropped.
  v1::DiagnosisReport DiagnoseUploads() {
    const sys::UniqueFd listener = Listen(64, 8080);
    const Pairs pairs = Establish(8, listener, 8080);
    for (const sys::UniqueFd& client : pairs.clients) {
      // BBR keeps its own queue short.
      EXPECT_THAT(sys::SetCongestionControl(client.get(), "cubic"), IsOk());
    }
    return Diagnose("5s", [&] { SendPieces(pairs, 65'536); });
  }
};

TEST_F(DiagnoseQueueTest, FindsTheQueueThatDelaysEverything) {
  AddRouter();
  Queue({"tbf", "rate", "10mbit", "burst", "32kb", "limit", "4000000"});
  const v1::DiagnosisReport report = DiagnoseUploads();
  ExpectWarnings(report, {"client bufferbloat-rtt-inflation"});
  const v1::Finding finding = FindingOf(report, "bufferbloat-rtt-inflation");
  EXPECT_EQ(finding.subject(), ToWeb());
  EXPECT_THAT(NumberIn(finding, "rtt / min_rtt"), Ge(5));
  EXPECT_THAT(NumberIn(finding, "rtt - min_rtt"), Ge(50));
}

TEST_F(DiagnoseQueueTest, SaysNothingOfQueuesThatStayShort) {
  AddRouter();
  ExpectWarnings(DiagnoseUploads(), {});
}

class DiagnoseDisorderTest : public DiagnosePathTest {
 protected:
  // The way to the router is long: on a short one whatever is late for a moment counts as lost.
  void SetUp() override {
    DiagnosePathTest::SetUp();
    if (IsSkipped()) return;
    AddRouter();
    LinkEmulator::Shape shape;
    shape.delay = absl::Milliseconds(40);
    auto created = LinkEmulator::Create({&client_->network(), "198.19.0.1/30"},
                                        {&router_->network(), "198.19.0.2/30"}, shape);
    if (absl::IsPermissionDenied(created.status())) GTEST_SKIP() << created.status();
    ASSERT_THAT(created, IsOk());
    link_ = *std::move(created);
    const std::string client = client_->ipv4().ToString();
    Command(*client_, {"ip", "route", "replace", web_->ipv4().ToString(), "via", "198.19.0.2",
                       "src", client});
    Command(*router_, {"ip", "route", "replace", client, "via", "198.19.0.1"});
  }

  // The router marks packets for a slower queue by `rule`.
  v1::DiagnosisReport DiagnoseOverTwoQueues(const std::string& rule) {
    Queue({"handle", "1:", "htb", "default", "10"});
    for (const auto& [id, rate] : {std::pair("1:10", "1gbit"), std::pair("1:20", "5mbit")}) {
      Command(*router_, {"tc", "class", "add", "dev", RoutedPath::DeviceTo(*web_), "parent",
                         "1:", "classid", id, "htb", "rate", rate});
    }
    // nft would read a semicolon right behind a class as part of it.
    Command(*router_, {"nft", absl::StrCat("table ip ways { chain leaving { type filter hook "
                                           "postrouting priority 0; tcp dport 8080 ",
                                           rule, " ; }; }")});
    const sys::UniqueFd listener = Listen(64, 8080);
    const Pairs pairs = Establish(2, listener, 8080);
    for (const sys::UniqueFd& connection : pairs.clients) {
      // BBR sends packets one by one, so that they do not catch up with each other.
      EXPECT_THAT(sys::SetCongestionControl(connection.get(), "cubic"), IsOk());
    }
    return Diagnose("5s", [&] { SendPieces(pairs, 65'536); });
  }

  std::unique_ptr<LinkEmulator> link_;
};

TEST_F(DiagnoseDisorderTest, FindsPacketsThatOvertakeOthers) {
  const v1::DiagnosisReport report =
      DiagnoseOverTwoQueues("numgen inc mod 32 < 3 meta priority set 1:20");
  ExpectWarnings(report, {});
  const v1::Finding finding = FindingOf(report, "packet-reordering");
  EXPECT_THAT(finding.hosts(), ElementsAre("client"));
  EXPECT_THAT(NumberIn(finding, "TcpExt.TCPSACKReorder"), Ge(10));
}

TEST_F(DiagnoseDisorderTest, SaysNothingOfPacketsInOrder) {
  const v1::DiagnosisReport report = DiagnoseOverTwoQueues("accept");
  ExpectWarnings(report, {});
  EXPECT_FALSE(Names(report, "packet-reordering"));
}

TEST_F(DiagnosePathTest, FindsDamagedSegments) {
  sys::UniqueFd raw;
  ASSERT_THAT(client_->Run([&] {
    raw.Reset(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
    return absl::OkStatus();
  }),
              IsOk());
  tcphdr segment{};
  segment.source = htons(1'234);
  segment.dest = htons(8'080);
  segment.doff = 5;
  segment.ack = 1;
  segment.check = 0xdead;
  const sys::SocketAddress web = sys::ToSocketAddress({web_->ipv4(), 0});
  const v1::DiagnosisReport report = Diagnose("3s", [&] {
    EXPECT_EQ(::sendto(raw.get(), &segment, sizeof(segment), 0, web.get(), web.length),
              static_cast<ssize_t>(sizeof(segment)));
  });
  ExpectWarnings(report, {"web checksum-errors"});
  EXPECT_THAT(NumberIn(FindingOf(report, "checksum-errors"), "Tcp.InCsumErrors"), Ge(10));
}

}  // namespace
}  // namespace tcpfleet::tests
