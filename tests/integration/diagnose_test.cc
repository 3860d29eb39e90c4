// `tcpfleet diagnose` on symptoms provoked in namespaces: each rule finds its own, names the right
// subject, and nothing else of warning or worse but what goes with it.
#include <string>
#include <vector>

#include "tests/integration/diagnose_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(DiagnoseTest, IsSilentAboutHealthyTraffic) {
  const sys::UniqueFd listener = Listen(128, 8080);
  const v1::DiagnosisReport report = Diagnose("4s", [&] { OpenAndClose(20, listener, 8080); });
  EXPECT_THAT(WarningsOf(report), IsEmpty()) << report.DebugString();
  EXPECT_FALSE(report.fine().empty());
  EXPECT_TRUE(report.failures().empty());
}

TEST_F(DiagnoseTest, FindsTheAcceptQueueThatOverflowsAndItsClients) {
  const sys::UniqueFd listener = Listen(4, 8080);
  const std::vector<sys::UniqueFd> sockets = Connect(20, 8080);
  const v1::DiagnosisReport report = Diagnose();
  ExpectWarnings(report, {"web accept-queue-overflow", "client connect-timeout"});
  EXPECT_THAT(FindingOf(report, "accept-queue-overflow").subject(),
              HasSubstr(":8080 diagnose_test"));
  EXPECT_THAT(FindingOf(report, "connect-timeout").subject(), StartsWith(At(8080)));
}

TEST_F(DiagnoseTest, FindsTheAcceptQueueThatIsNearlyFull) {
  const sys::UniqueFd listener = Listen(16, 8080);
  const std::vector<sys::UniqueFd> sockets = Connect(14, 8080);
  const v1::DiagnosisReport report = Diagnose();
  ExpectWarnings(report, {"web accept-queue-near-full"});
  EXPECT_THAT(FindingOf(report, "accept-queue-near-full").subject(), HasSubstr(":8080"));
}

TEST_F(DiagnoseTest, FindsTheBacklogThatIsCapped) {
  Set(*web_, "net.core.somaxconn", "64");
  const sys::UniqueFd listener = Listen(65'535, 8080);
  const v1::DiagnosisReport report = Diagnose("2s");
  EXPECT_THAT(FindingOf(report, "listen-backlog-capped").subject(), HasSubstr(":8080"));
  ExpectWarnings(report, {});
}

TEST_F(DiagnoseTest, FindsTheWorkerThatDoesNotAccept) {
  const sys::UniqueFd stuck = Listen(4, 8080);
  const sys::UniqueFd good = Listen(4, 8080);
  const std::vector<sys::UniqueFd> sockets = Connect(40, 8080);
  std::vector<sys::UniqueFd> accepted;
  const v1::DiagnosisReport report = Diagnose("4s", [&] {
    for (int fd = sys::Accept(good.get()); fd >= 0; fd = sys::Accept(good.get())) {
      accepted.emplace_back(fd);
    }
  });
  ExpectWarnings(report, {"web reuseport-listener-skew", "web accept-queue-overflow"},
                 {"client connect-timeout"});
}

TEST_F(DiagnoseTest, FindsSynsThatAreDroppedWithoutCookies) {
  Set(*web_, "net.ipv4.tcp_syncookies", "0");
  Set(*web_, "net.ipv4.tcp_max_syn_backlog", "8");
  const sys::UniqueFd listener = Listen(1024, 8080);
  LoseSynAcks();
  const std::vector<sys::UniqueFd> sockets = Connect(40, 8080);
  const v1::DiagnosisReport report = Diagnose();
  ExpectWarnings(report, {"web syn-queue-drop", "client connect-timeout"},
                 {"web synack-retransmit"});
  EXPECT_THAT(FindingOf(report, "syn-queue-drop").subject(), HasSubstr(":8080"));
}

TEST_F(DiagnoseTest, FindsSynCookies) {
  Set(*web_, "net.ipv4.tcp_syncookies", "1");
  const sys::UniqueFd listener = Listen(8, 8080);
  LoseSynAcks();
  const std::vector<sys::UniqueFd> sockets = Connect(40, 8080);
  const v1::DiagnosisReport report = Diagnose();
  EXPECT_EQ(FindingOf(report, "syn-cookies-active").hosts(0), "web");
  ExpectWarnings(report, {"client connect-timeout"},
                 {"web synack-retransmit", "web syn-cookies-active"});
}

TEST_F(DiagnoseTest, FindsHandshakesThatClientsDoNotComplete) {
  const sys::UniqueFd listener = Listen(1024, 8080);
  LoseSynAcks();
  const std::vector<sys::UniqueFd> sockets = Connect(8, 8080);
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {"web synack-retransmit", "client connect-timeout"});
  EXPECT_THAT(FindingOf(report, "synack-retransmit").subject(), HasSubstr(":8080"));
}

TEST_F(DiagnoseTest, FindsThePeerThatDoesNotAnswer) {
  const std::string rules =
      "table ip deaf { chain arriving { type filter hook input priority 0; tcp dport 8080 drop; }; "
      "}";
  ASSERT_EQ(web_->Command({"nft", rules}).value().exit_code, 0);
  const std::vector<sys::UniqueFd> sockets = Connect(10, 8080);
  const v1::DiagnosisReport report = Diagnose();
  ExpectWarnings(report, {"client connect-timeout"});
  EXPECT_THAT(FindingOf(report, "connect-timeout").subject(), StartsWith(At(8080)));
}

TEST_F(DiagnoseTest, FindsConnectsThatAreRefused) {
  const v1::DiagnosisReport report = Diagnose("3s", [&] { Connect(5, 9'999); });
  ExpectWarnings(report, {"client connection-refused-burst"}, {"web reset-burst"});
}

TEST_F(DiagnoseTest, FindsTheDestinationWhosePortsRunOut) {
  Set(*client_, "net.ipv4.ip_local_port_range", "40000 40019");
  Set(*client_, "net.ipv4.tcp_tw_reuse", "0");
  const sys::UniqueFd listener = Listen(64, 8080);
  OpenAndClose(19, listener, 8080);
  const v1::DiagnosisReport report = Diagnose("2s");
  ExpectWarnings(report, {"client ephemeral-port-exhaustion"});
  const v1::Finding finding = FindingOf(report, "ephemeral-port-exhaustion");
  EXPECT_THAT(finding.subject(), StartsWith(At(8080)));
  EXPECT_EQ(finding.severity(), "crit");
}

TEST_F(DiagnoseTest, FindsTheTableOfTimeWaitsThatIsTooSmall) {
  Set(*client_, "net.ipv4.tcp_max_tw_buckets", "10");
  const sys::UniqueFd listener = Listen(64, 8080);
  const v1::DiagnosisReport report = Diagnose("3s", [&] { OpenAndClose(5, listener, 8080); });
  ExpectWarnings(report, {"client time-wait-bucket-overflow"},
                 {"client reset-burst", "web reset-burst"});
}

TEST_F(DiagnoseTest, FindsAConnectionForEveryRequest) {
  const sys::UniqueFd listener = Listen(128, 8080);
  // As fast as a busy test machine can be relied on to be.
  const v1::DiagnosisReport report = Diagnose(
      "3s", [&] { OpenAndClose(20, listener, 8080); },
      Thresholds("  short-connection-churn: "
                 "{per_second: 2, destination_per_second: 2, lifetime: 10}\n"));
  ExpectWarnings(report, {});
  EXPECT_THAT(FindingOf(report, "short-connection-churn").subject(), StartsWith(At(8080)));
}

TEST_F(DiagnoseTest, FindsTheListenerWhosePortConnectionsMayTake) {
  const sys::UniqueFd listener = Listen(16, 40'000);
  const v1::DiagnosisReport report = Diagnose("2s");
  EXPECT_THAT(FindingOf(report, "listener-inside-ephemeral-range").subject(), HasSubstr(":40000"));
  ExpectWarnings(report, {});
}

TEST_F(DiagnoseTest, JudgesKeptEvidenceAlike) {
  const sys::UniqueFd listener = Listen(4, 8080);
  const std::vector<sys::UniqueFd> sockets = Connect(20, 8080);
  const std::string path = absl::StrCat(directory_->path(), "/evidence");
  const CommandResult live =
      Controller({"--output", "json", "diagnose", "--for", "3s", "--bundle", path});
  EXPECT_EQ(live.exit_code, 1) << live.err;
  const CommandResult kept = Controller({"--output", "json", "diagnose", "--from", path});
  EXPECT_EQ(kept.exit_code, 1) << kept.err;
  EXPECT_EQ(kept.out, live.out);
  EXPECT_EQ(
      Controller({"diagnose", "--from", path, "--fail-on", "crit", "--rules", "R03"}).exit_code, 0);
}

TEST_F(DiagnoseTest, ExplainsASysctlWithWhatTheHostsHave) {
  Set(*client_, "net.core.somaxconn", "77");
  const CommandResult result = Controller({"explain", "net.core.somaxconn"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("client: 77"));
}

}  // namespace
}  // namespace tcpfleet::tests
