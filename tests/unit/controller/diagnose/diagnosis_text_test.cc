#include "controller/diagnose/diagnosis_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/diagnose/judge.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

v1::HostEvidence Overflowing(const std::string& name, uint32_t pid) {
  v1::HostEvidence host = HealthyHost(name);
  Grow(host, "TcpExt.ListenOverflows", 60);
  Grow(host, "TcpExt.ListenDrops", 60);
  AddListener(host, Listener(8080, 5, 4, "app", pid));
  return host;
}

v1::DiagnosisReport Report() {
  v1::HostEvidence client = HealthyHost("lb1");
  for (int i = 0; i < 4; ++i) {
    v1::ConnectionRecord connection =
        Connection("SYN-SENT", "10.77.0.2:4000" + std::to_string(i), "10.77.0.1:8080");
    (*connection.mutable_fields())["timer_retransmits"] = 3;
    AddConnection(client, connection);
  }
  v1::HostEvidence old = HealthyHost("old1");
  Remove(old, "TcpExt.ListenDrops");
  v1::EvidenceBundle bundle;
  for (const v1::HostEvidence& host :
       {Overflowing("web1", 11), Overflowing("web2", 22), Overflowing("web3", 33),
        Overflowing("web4", 44), client, old}) {
    *bundle.add_hosts() = host;
  }
  // Rules of other families come and go; the page shall not.
  return controller::Diagnose(
      bundle, *controller::SelectRules({{"R01", "R02", "R05", "R08", "R09", "R10"}}));
}

TEST(DiagnosisText, SaysWhatIsWrongThenWhatIsFineThenWhatIsNotKnown) {
  std::ostringstream out;
  controller::PrintDiagnosis(out, Report(), /*color=*/false);
  ExpectGolden("report.txt", out.str());
}

TEST(DiagnosisText, HasOneRowPerFindingAndHost) {
  const auto rows = controller::DiagnosisCsvRows(Report());
  ASSERT_EQ(rows.size(), 5U);
  for (const auto& row : rows) EXPECT_EQ(row.size(), controller::DiagnosisCsvHeader().size());
  EXPECT_EQ(rows[3][2], "web4");
  EXPECT_EQ(rows[4][1], "connect-timeout");
}

TEST(DiagnosisText, LeavesNothingThatSteersATerminal) {
  v1::DiagnosisReport report = Report();
  report.mutable_findings(0)->set_subject("\x1b[2J");
  report.mutable_findings(0)->set_hosts(0, "a\nb");
  std::ostringstream out;
  controller::PrintDiagnosis(out, report, /*color=*/false);
  EXPECT_EQ(out.str().find('\x1b'), std::string::npos);
  EXPECT_EQ(out.str().find("a\nb"), std::string::npos);
}

}  // namespace
}  // namespace tcpfleet::tests
