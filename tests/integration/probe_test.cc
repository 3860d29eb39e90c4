// `tcpfleet probe` between real agents: what works, and what each way to fail is put down to.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tcpfleet/v1/probe.pb.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/integration/routed_path.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Behaviour = PlainServer::Behaviour;

// web serves, client tries.
class ProbeTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    web_ = AddAgent("web").host;
    client_ = AddAgent("client").host;
  }

  std::unique_ptr<PlainServer> Serve(Behaviour behaviour, base::Endpoint address) const {
    return PlainServer::Create(behaviour, address, &web_->network()).value();
  }
  std::unique_ptr<PlainServer> Serve(Behaviour behaviour) const {
    return Serve(behaviour, {web_->ipv4(), 0});
  }

  v1::ProbeReport Probe(const std::string& target, int expected_exit_code,
                        const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"--output", "json", "--timeout", "20s", "probe", target};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const CommandResult result = Controller(std::move(arguments));
    EXPECT_EQ(result.exit_code, expected_exit_code) << result.err << result.out;
    v1::ProbeReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
        << result.out;
    return report;
  }

  static v1::ProbePath PathFrom(const v1::ProbeReport& report, const std::string& agent) {
    for (const v1::ProbePath& path : report.paths()) {
      if (path.agent() == agent) return path;
    }
    ADD_FAILURE() << "nothing from " << agent << " in " << report.DebugString();
    return {};
  }

  // Busy test machines take a second for a handshake at times, and that is explained.
  static void ExpectNothingToExplain(const v1::ProbePath& path) {
    if (path.syn_retransmits() > 0) return;
    EXPECT_THAT(path.cause(), IsEmpty());
  }

  std::string At(uint16_t port) const { return base::Endpoint{web_->ipv4(), port}.ToString(); }

  // A port of web that nobody listens on.
  uint16_t UnusedPort() const { return Serve(Behaviour::kHold)->endpoint().port; }

  Host* web_ = nullptr;
  Host* client_ = nullptr;
};

TEST_F(ProbeTest, MeasuresWhatWorks) {
  const auto server = Serve(Behaviour::kHold);
  const v1::ProbeReport report = Probe(At(server->endpoint().port), 0, {"--count", "3"});
  EXPECT_EQ(report.paths_size(), 2);
  EXPECT_THAT(report.failures(), IsEmpty());
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.address(), web_->ipv4().ToString());
  EXPECT_EQ(path.target_host(), "web");
  EXPECT_EQ(path.tries(), 3U);
  EXPECT_EQ(path.connected(), 3U);
  EXPECT_EQ(path.single_tries_size(), 3);
  EXPECT_EQ(path.connect_latency_us().count(), 3U);
  EXPECT_GT(path.connect_latency_us().min(), 0);
  EXPECT_TRUE(path.fields().contains("rtt")) << path.DebugString();
  EXPECT_THAT(path.options(), AllOf(Contains("ts"), Contains("sack")));
  EXPECT_EQ(path.path_mtu().bytes(), 1'500U) << path.DebugString();
  ExpectNothingToExplain(path);
  ExpectNothingToExplain(PathFrom(report, "web"));
}

TEST_F(ProbeTest, FindsThatThePathIsNarrow) {
  RoutedPath path(AddHost("router"));
  ASSERT_THAT(path.Attach(*client_), IsOk());
  ASSERT_THAT(path.Attach(*web_), IsOk());
  const std::vector<std::string> narrow = {"ip",  "link", "set", "dev", RoutedPath::DeviceTo(*web_),
                                           "mtu", "1400"};
  ASSERT_EQ(path.router().Command(narrow).value().exit_code, 0);
  const auto server = Serve(Behaviour::kHold);
  const v1::ProbePath found =
      PathFrom(Probe(At(server->endpoint().port), 0, {"--count", "1"}), "client");
  EXPECT_EQ(found.path_mtu().bytes(), 1'400U) << found.DebugString();
  EXPECT_THAT(found.cause(), HasSubstr("the path takes packets of 1400 bytes, the interface of "
                                       "this host 1500"));
}

TEST_F(ProbeTest, SaysThatLargePacketsVanish) {
  RoutedPath path(AddHost("router"));
  ASSERT_THAT(path.Attach(*client_), IsOk());
  ASSERT_THAT(path.Attach(*web_), IsOk());
  const std::vector<std::string> narrow = {"ip",  "link", "set", "dev", RoutedPath::DeviceTo(*web_),
                                           "mtu", "1300"};
  const std::vector<std::string> mute = {
      "nft",
      "table ip mute { chain leaving { type filter hook output priority 0; ip protocol icmp "
      "drop; }; }"};
  for (const std::vector<std::string>& command : {narrow, mute}) {
    ASSERT_EQ(path.router().Command(command).value().exit_code, 0);
  }
  const auto server = Serve(Behaviour::kHold);
  const v1::ProbePath found =
      PathFrom(Probe(At(server->endpoint().port), 0, {"--count", "1"}), "client");
  EXPECT_EQ(found.path_mtu().bytes(), 1'300U) << found.DebugString();
  EXPECT_THAT(found.cause(), HasSubstr("more than 1300 bytes vanish on the way"));
}

TEST_F(ProbeTest, TriesIpv6) {
  const auto server = Serve(Behaviour::kHold, {web_->ipv6(), 0});
  const v1::ProbeReport report = Probe(server->endpoint().ToString(), 0, {"--count", "2", "-6"});
  EXPECT_EQ(PathFrom(report, "client").connected(), 2U);
  EXPECT_EQ(PathFrom(report, "client").target_host(), "web");
}

TEST_F(ProbeTest, TriesEveryAddressOfAName) {
  const auto server = Serve(Behaviour::kHold);
  const std::string hosts = absl::StrCat(directory_->path(), "/hosts");
  ASSERT_THAT(sys::WriteFile(hosts, absl::StrCat(web_->ipv4().ToString(), " db.invalid\n",
                                                 web_->ipv6().ToString(), " db.invalid\n")),
              IsOk());
  Host& host = AddHost("named");
  const std::string with_hosts = absl::StrCat("mount --bind ", hosts, " /etc/hosts && exec \"$@\"");
  agents_.push_back(std::make_unique<TestAgent>(
      TestAgent{&host, StartAgent(host, {}, {"unshare", "--mount", "sh", "-c", with_hosts, "sh"}),
                absl::StrCat(host.ipv4().ToString(), ":7117")}));
  const v1::ProbeReport report = Probe(absl::StrCat("db.invalid:", server->endpoint().port), 1,
                                       {"--count", "1", "--no-path-mtu"});
  ASSERT_EQ(report.paths_size(), 4) << report.DebugString();
  const v1::ProbePath unresolved = PathFrom(report, "client");
  EXPECT_THAT(unresolved.address(), IsEmpty());
  EXPECT_THAT(unresolved.cause(), HasSubstr("other hosts resolve it"));
  for (const v1::ProbePath& path : report.paths()) {
    if (path.agent() != "named") continue;
    EXPECT_EQ(path.target_host(), "web");
    EXPECT_EQ(path.connected(), path.address() == web_->ipv4().ToString() ? 1U : 0U);
    if (path.connected() > 0) continue;
    EXPECT_THAT(path.cause(), HasSubstr(absl::StrCat("only at ", server->endpoint().ToString())));
    EXPECT_THAT(path.fixes(), Contains(HasSubstr("other addresses of the name work")));
  }
}

TEST_F(ProbeTest, GivesEveryAgentItsOwnLoopback) {
  const auto server = Serve(Behaviour::kHold, {base::IpAddress::V4({127, 0, 0, 1}), 0});
  const v1::ProbeReport report =
      Probe(server->endpoint().ToString(), 1, {"--count", "2", "--no-path-mtu"});
  EXPECT_EQ(PathFrom(report, "web").connected(), 2U);
  EXPECT_EQ(PathFrom(report, "web").target_host(), "web");
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.target_host(), "client");
  EXPECT_THAT(path.cause(), HasSubstr("of this host"));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsThatNobodyListens) {
  const auto other = Serve(Behaviour::kHold);
  const v1::ProbeReport report = Probe(At(UnusedPort()), 1, {"--count", "2", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.failed().at("refused"), 2U);
  EXPECT_EQ(path.target_host(), "web");
  EXPECT_THAT(path.cause(),
              AllOf(HasSubstr("nothing listens on port"), HasSubstr("of web"),
                    HasSubstr(other->endpoint().ToString()), HasSubstr(":7117 tcpfleet-agent[")));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsTheListenerThatIsBoundToLoopback) {
  const auto server = Serve(Behaviour::kHold, {base::IpAddress::V4({127, 0, 0, 1}), 0});
  const v1::ProbeReport report =
      Probe(At(server->endpoint().port), 1, {"--count", "2", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_THAT(path.cause(),
              HasSubstr(absl::StrCat("only at ", server->endpoint().ToString(), " probe_test[")));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsTheListenerThatIsDeafToIpv6) {
  const auto server = Serve(Behaviour::kHold, {base::IpAddress(), 0});
  const base::Endpoint target = {web_->ipv6(), server->endpoint().port};
  const v1::ProbeReport report = Probe(target.ToString(), 1, {"--count", "1", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_THAT(path.cause(),
              AllOf(HasSubstr(absl::StrCat("only at ", server->endpoint().ToString())),
                    HasSubstr("so not over IPv6")));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsTheFullAcceptQueue) {
  const auto server = Serve(Behaviour::kFullBacklog);
  const v1::ProbeReport report =
      Probe(At(server->endpoint().port), 1,
            {"--count", "2", "--connect-timeout", "1500ms", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.failed().at("timeout"), 2U);
  EXPECT_GE(path.syn_retransmits(), 2U);
  EXPECT_THAT(path.cause(),
              AllOf(HasSubstr(absl::StrCat("the accept queue of ", server->endpoint().ToString(),
                                           " probe_test[")),
                    HasSubstr("on web is full"), HasSubstr("meanwhile")));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsThatPacketsAreFiltered) {
  const auto server = Serve(Behaviour::kHold);
  const uint16_t port = server->endpoint().port;
  const std::string rules = absl::StrCat(
      "table ip deaf { chain arriving { type filter hook input priority 0; iifname != "
      "\"lo\" tcp dport ",
      port, " drop; }; }");
  ASSERT_EQ(web_->Command({"nft", rules}).value().exit_code, 0);
  const v1::ProbeReport report =
      Probe(At(port), 1, {"--count", "2", "--connect-timeout", "1500ms", "--no-path-mtu"});
  EXPECT_EQ(PathFrom(report, "web").connected(), 2U);
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_THAT(path.cause(), AllOf(HasSubstr("a firewall of web or on the way drops the packets"),
                                  HasSubstr("its queue has room"), HasSubstr("other hosts")));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsThatAnswersAreLost) {
  const auto server = Serve(Behaviour::kHold);
  const std::string rules =
      "table ip lossy { chain arriving { type filter hook input priority 0; "
      "tcp sport != 7117 tcp flags & (syn | ack) == syn | ack drop; }; }";
  ASSERT_EQ(client_->Command({"nft", rules}).value().exit_code, 0);
  const v1::ProbeReport report =
      Probe(At(server->endpoint().port), 1,
            {"--count", "2", "--connect-timeout", "3500ms", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_THAT(path.cause(), AllOf(HasSubstr("SYNs reach web, but handshakes with"),
                                  HasSubstr(server->endpoint().ToString())));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsThatPortsAreUsedUp) {
  const auto server = Serve(Behaviour::kHold);
  ASSERT_THAT(client_->SetSysctl("net.ipv4.ip_local_port_range", "40000 40003"), IsOk());
  std::vector<sys::UniqueFd> held;
  ASSERT_THAT(client_->Run([&] {
    for (int i = 0; i < 4; ++i) {
      held.emplace_back(sys::NewTcpSocket(AF_INET));
      EXPECT_THAT(sys::Connect(held.back().get(), sys::ToSocketAddress(server->endpoint())),
                  AnyOf(0, EINPROGRESS));
    }
    return absl::OkStatus();
  }),
              IsOk());
  const v1::ProbeReport report =
      Probe(At(server->endpoint().port), 1, {"--count", "1", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.failed().at("localPort"), 1U);
  EXPECT_THAT(path.cause(), HasSubstr("uses 4 of its 4 ports for connections to"));
  EXPECT_EQ(path.confidence(), "high");
}

TEST_F(ProbeTest, FindsThatAFirewallRejects) {
  const auto server = Serve(Behaviour::kHold);
  const uint16_t port = server->endpoint().port;
  const std::string rules = absl::StrCat(
      "table ip rude { chain arriving { type filter hook input priority 0; iifname != "
      "\"lo\" tcp dport ",
      port, " reject with tcp reset; }; }");
  ASSERT_EQ(web_->Command({"nft", rules}).value().exit_code, 0);
  const v1::ProbeReport report = Probe(At(port), 1, {"--count", "2", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_THAT(path.cause(), AllOf(HasSubstr("listens on web"), HasSubstr("rejects")));
  EXPECT_EQ(path.confidence(), "low");
}

TEST_F(ProbeTest, FindsThatNobodyIsThere) {
  const v1::ProbeReport report =
      Probe("198.18.0.250:80", 1, {"--count", "1", "--connect-timeout", "6s", "--no-path-mtu"});
  const v1::ProbePath path = PathFrom(report, "client");
  EXPECT_EQ(path.failed().at("unreachable"), 1U) << path.DebugString();
  EXPECT_THAT(path.cause(), HasSubstr("ARP"));
  EXPECT_THAT(path.target_host(), IsEmpty());
  const v1::ProbePath foreign =
      PathFrom(Probe("10.99.99.99:80", 1, {"--count", "1", "--no-path-mtu"}), "client");
  EXPECT_THAT(foreign.cause(), HasSubstr("no route to 10.99.99.99"));
  EXPECT_EQ(foreign.confidence(), "high");
}

TEST_F(ProbeTest, SaysThatTheTargetsAgentIsSilentToo) {
  const std::string target = At(8080);
  ASSERT_THAT(web_->CutLink(), IsOk());
  const CommandResult result =
      Controller({"--timeout", "2s", "--output", "csv", "probe", target, "--count", "1",
                  "--connect-timeout", "1500ms", "--no-path-mtu"});
  EXPECT_EQ(result.exit_code, 3) << result.err;
  EXPECT_THAT(result.out,
              AllOf(HasSubstr("client,"), HasSubstr(",timeout,"),
                    HasSubstr("web has that address and its agent says nothing either")));
  EXPECT_THAT(result.err, HasSubstr("web: "));
}

TEST_F(ProbeTest, GoesOnWithoutAnAgentThatWasKilled) {
  AddAgent("gone");
  TestAgent& gone = agent("gone");
  gone.program.process.Signal(SIGKILL);
  gone.program.process.Wait();
  const auto server = Serve(Behaviour::kHold);
  const v1::ProbeReport report =
      Probe(At(server->endpoint().port), 3, {"--count", "1", "--no-path-mtu"});
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).name(), "gone");
  EXPECT_EQ(PathFrom(report, "client").connected(), 1U);
}

TEST_F(ProbeTest, PrintsATable) {
  const auto server = Serve(Behaviour::kHold);
  const CommandResult result =
      Controller({"probe", At(server->endpoint().port), "--count", "2", "--no-path-mtu"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr("CONNECTED"), HasSubstr(web_->ipv4().ToString()),
                                HasSubstr("from 2 hosts: 2 connected every time, 0 did not\n")));
}

}  // namespace
}  // namespace tcpfleet::tests
