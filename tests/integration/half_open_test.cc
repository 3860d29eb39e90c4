// `tcpfleet diagnose` proves from both ends that connections are half open, and says nothing where
// it cannot see both.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/diagnose/bundle.h"
#include "tests/integration/diagnose_fixture.h"
#include "tests/integration/routed_path.h"
#include "tests/support/plain_client.h"

namespace tcpfleet::tests {
namespace {

using ::testing::IsSupersetOf;

constexpr absl::string_view kRule = "half-open-confirmed";
constexpr uint32_t kIdleMs = 3'100;  // connections count as idle after 3 s
constexpr uint16_t kPort = 8080;

// Connections that it resets end without a word.
void Mute(const Host& host) {
  const std::string rules =
      "table ip mute { chain leaving { type filter hook output priority 0; "
      "tcp flags & rst == rst drop; }; }";
  ASSERT_EQ(host.Command({"nft", rules}).value().exit_code, 0);
}

void Forget(sys::UniqueFd& socket) {
  ASSERT_THAT(sys::SetLingerReset(socket.get()), IsOk());
  socket.Reset();
}

// These agents read the tables of every host on this machine, also of other tests', whose hosts
// have the same addresses; so connections are between addresses that only hosts of this process
// have.
TEST_F(DiagnoseTest, ProvesFromBothEndsWhichConnectionsAreHalfOpen) {
  constexpr int kAll = 200;
  constexpr int kGone = 20;
  const auto pid = static_cast<uint32_t>(::getpid());
  const auto address = [&](uint8_t host) {
    return base::IpAddress::V4(
        {10, static_cast<uint8_t>(pid >> 8), static_cast<uint8_t>(pid), host});
  };
  for (const auto& [host, number] : {std::pair(web_, uint8_t{1}), std::pair(client_, uint8_t{2})}) {
    Set(*host, "net.ipv4.ip_forward", "0");
    Command(*host, {"ip", "address", "add", absl::StrCat(address(number).ToString(), "/24"), "dev",
                    "eth0"});
  }
  Mute(*client_);
  const sys::UniqueFd listener = Listen(kAll, kPort);
  std::vector<sys::UniqueFd> sockets;
  std::vector<sys::UniqueFd> accepted;
  for (int i = 0; i < kAll; ++i) {
    sockets.push_back(ConnectTo({address(1), kPort}, &client_->network()).value());
    accepted.push_back(AcceptOne(listener));
  }
  for (size_t i = 0; i < kGone; ++i) Forget(sockets[i]);

  WaitUntilSilent(accepted.back(), kIdleMs);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {"web half-open-confirmed"});
  EXPECT_EQ(NumberIn(FindingOf(report, std::string(kRule)), "half_open"), kGone);
}

// Agents that see the processes of their own host alone, and so no network namespace but its own.
class HalfOpenTest : public DiagnoseTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    web_ = &AddSecludedAgent("web");
    client_ = &AddSecludedAgent("client");
  }

  Host& AddSecludedAgent(const std::string& name) {
    Host& host = AddHost(name);
    agents_.push_back(std::make_unique<TestAgent>(TestAgent{
        &host, StartAgent(host, {}, {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}),
        absl::StrCat(host.ipv4().ToString(), ":7117")}));
    Set(host, "net.ipv4.ip_forward", "0");
    return host;
  }

  static sys::UniqueFd ListenOn(const Host& host) {
    absl::StatusOr<sys::UniqueFd> listener;
    EXPECT_THAT(host.Run([&] {
      listener = sys::ListenTcp(kPort, 128);
      return listener.status();
    }),
                IsOk());
    return std::move(listener).value();
  }

  // Established, with both its ends.
  static Pairs Pair(int count, const Host& from, const Host& to, const sys::UniqueFd& listener) {
    Pairs pairs;
    for (int i = 0; i < count; ++i) {
      absl::StatusOr<sys::UniqueFd> socket = ConnectTo({to.ipv4(), kPort}, &from.network());
      EXPECT_THAT(socket, IsOk());
      pairs.clients.push_back(std::move(socket).value());
      pairs.servers.push_back(AcceptOne(listener));
    }
    return pairs;
  }

  // Hosts of which the rule says that it could not be evaluated.
  static std::set<std::string> NotEvaluated(const v1::DiagnosisReport& report) {
    std::set<std::string> hosts;
    for (const v1::RuleVerdict& verdict : report.not_evaluated()) {
      if (verdict.rule() == std::string(kRule)) {
        hosts.insert(verdict.hosts().begin(), verdict.hosts().end());
      }
    }
    return hosts;
  }
};

// Idle connections in one direction between two hosts, by processes of their own, which may have
// descriptors enough.
class Crowd {
 public:
  Crowd(const Host& from, const Host& to, int count)
      : server_(StartProgram(to, {TCPFLEET_SOCKET_CROWD_PROGRAM, "serve", to.ipv4().ToString()})) {
    EXPECT_TRUE(EventuallyTrue([&] { return IsReady(server_); }));
    const std::string out = server_.out.Text();
    const std::string endpoint =
        absl::StrCat(to.ipv4().ToString(), ":", out.substr(0, out.find('\n')));
    client_ = StartProgram(
        from, {TCPFLEET_SOCKET_CROWD_PROGRAM, "connect", endpoint, absl::StrCat("e", count)});
  }

  bool IsComplete() const { return IsReady(*client_); }

 private:
  static bool IsReady(const RunningProgram& program) {
    return absl::StrContains(program.out.Text(), "ready\n");
  }

  RunningProgram server_;
  std::optional<RunningProgram> client_;
};

// Ends of connections that are half open.
struct Planted {
  std::set<std::pair<std::string, uint64_t>> sockets;                // host and cookie
  std::map<std::pair<std::string, std::string>, double> by_subject;  // host and "with OTHER"

  void Add(const Host& host, const Host& other, const sys::UniqueFd& socket) {
    sockets.emplace(host.name(), sys::SocketCookie(socket.get()));
    ++by_subject[{host.name(), absl::StrCat("with ", other.name())}];
  }
};

std::set<std::pair<std::string, uint64_t>> NotFoundIn(const v1::EvidenceBundle& bundle) {
  std::set<std::pair<std::string, uint64_t>> sockets;
  for (const v1::HostEvidence& host : bundle.hosts()) {
    for (const v1::PeerLookup& lookup : host.peer_lookups()) {
      EXPECT_EQ(lookup.unknown(), "") << host.name();
      if (lookup.found() == 0) sockets.emplace(host.name(), lookup.cookie());
    }
  }
  return sockets;
}

std::map<std::pair<std::string, std::string>, double> CountsIn(const v1::DiagnosisReport& report) {
  std::map<std::pair<std::string, std::string>, double> counts;
  for (const v1::Finding& finding : report.findings()) {
    for (const v1::FindingEvidence& evidence : finding.evidence()) {
      if (finding.rule() == std::string(kRule) && evidence.name() == "half_open") {
        counts[{evidence.host(), finding.subject()}] += evidence.after();
      }
    }
  }
  return counts;
}

TEST_F(HalfOpenTest, FindsHundredAmongTenThousandAndNoOthers) {
  constexpr int kEachCrowd = 3'290;
  constexpr int kWhole = 10;
  Host& db = AddSecludedAgent("db");
  const std::vector<std::pair<const Host*, const Host*>> ways = {
      {web_, client_}, {client_, &db}, {&db, web_}};
  std::vector<Crowd> crowds;
  std::vector<sys::UniqueFd> listeners;
  for (const auto& [from, to] : ways) {
    crowds.emplace_back(*from, *to, kEachCrowd);
    listeners.push_back(ListenOn(*to));
    Mute(*from);
  }
  Planted planted;
  std::vector<Pairs> pairs;
  for (size_t way = 0; way < ways.size(); ++way) {
    const auto& [from, to] = ways[way];
    const int gone = way == 0 ? 34 : 33;
    Pairs& some = pairs.emplace_back(Pair(gone + kWhole, *from, *to, listeners[way]));
    for (size_t i = 0; i < static_cast<size_t>(gone); ++i) {
      const bool by_client = i % 2 == 0;
      Forget(by_client ? some.clients[i] : some.servers[i]);
      if (by_client) {
        planted.Add(*to, *from, some.servers[i]);
      } else {
        planted.Add(*from, *to, some.clients[i]);
      }
    }
  }
  ASSERT_EQ(planted.sockets.size(), 100u);
  for (const Crowd& crowd : crowds) {
    ASSERT_TRUE(EventuallyTrue([&] { return crowd.IsComplete(); }, absl::Seconds(60)));
  }
  // The last of the crowds have been silent for as long as a connection that begins now.
  const Pairs last = Pair(1, *web_, *client_, listeners[0]);
  WaitUntilSilent(last.clients[0], kIdleMs);

  const std::string path = absl::StrCat(directory_->path(), "/evidence");
  const v1::DiagnosisReport report = Diagnose("6s", [] {}, {"--rules", "R17", "--bundle", path});
  ExpectWarnings(
      report, {"web half-open-confirmed", "client half-open-confirmed", "db half-open-confirmed"});
  EXPECT_EQ(CountsIn(report), planted.by_subject);
  const absl::StatusOr<v1::EvidenceBundle> bundle = controller::ReadBundle(path);
  ASSERT_THAT(bundle, IsOk());
  EXPECT_EQ(NotFoundIn(*bundle), planted.sockets);
  int lookups = 0;
  for (const v1::HostEvidence& host : bundle->hosts()) lookups += host.peer_lookups_size();
  EXPECT_GE(lookups, 2 * 10'000 - 100);
}

TEST_F(HalfOpenTest, SaysNothingBehindAddressTranslation) {
  RoutedPath path(AddHost("router"));
  for (Host* host : {client_, web_}) {
    ASSERT_THAT(path.Attach(*host), IsOk());
    Mute(*host);
  }
  Command(path.router(), {"nft",
                          "table ip nat { chain leaving { type nat hook postrouting priority 100; "
                          "oifname to_web masquerade; }; }"});
  const sys::UniqueFd listener = ListenOn(*web_);
  Pairs pairs = Pair(30, *client_, *web_, listener);
  ASSERT_NE(sys::PeerEndpoint(pairs.servers[0].get())->address, client_->ipv4());
  for (size_t i = 0; i < 5; ++i) {
    Forget(pairs.clients[i]);
    Forget(pairs.servers[5 + i]);
  }
  WaitUntilSilent(pairs.servers.back(), kIdleMs);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {});
  EXPECT_THAT(NotEvaluated(report), IsSupersetOf({"web", "client"}));
}

TEST_F(HalfOpenTest, SaysNothingOfPortsThatAreRedirected) {
  Command(*web_, {"nft",
                  "table ip nat { chain arriving { type nat hook prerouting priority -100; "
                  "tcp dport 80 redirect to :8080; }; }"});
  const sys::UniqueFd listener = ListenOn(*web_);
  std::vector<sys::UniqueFd> clients;
  std::vector<sys::UniqueFd> servers;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(ConnectTo({web_->ipv4(), 80}, &client_->network()).value());
    servers.push_back(AcceptOne(listener));
  }
  WaitUntilSilent(servers.back(), kIdleMs);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {});
  EXPECT_THAT(NotEvaluated(report), IsSupersetOf({"client"}));
}

TEST_F(HalfOpenTest, SaysNothingOfNetworkNamespacesThatNoAgentSees) {
  const Host& container = AddHost("container");
  Mute(container);
  const sys::UniqueFd listener = ListenOn(*web_);
  Pairs pairs = Pair(10, container, *web_, listener);
  for (size_t i = 0; i < 5; ++i) Forget(pairs.clients[i]);
  WaitUntilSilent(pairs.servers.back(), kIdleMs);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {});
  EXPECT_THAT(NotEvaluated(report), IsSupersetOf({"web"}));
}

}  // namespace
}  // namespace tcpfleet::tests
