#include "controller/diagnose/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using controller::FindingSeverity;
using testing::ElementsAre;

v1::HostEvidence Overflowing(const std::string& name, uint64_t delta, uint32_t pid) {
  v1::HostEvidence host = HealthyHost(name);
  Grow(host, "TcpExt.ListenOverflows", delta);
  AddListener(host, Listener(8080, 5, 4, "app", pid));
  return host;
}

TEST(Judge, FoldsHostsThatSayTheSame) {
  const v1::DiagnosisReport report =
      Diagnose({Overflowing("web1", 60, 11), HealthyHost("web2"), Overflowing("web3", 50, 33)});
  ASSERT_EQ(report.findings_size(), 1) << report.DebugString();
  const v1::Finding& finding = report.findings(0);
  EXPECT_THAT(finding.hosts(), ElementsAre("web1", "web3"));
  EXPECT_EQ(finding.subject(), "0.0.0.0:8080 app");
  EXPECT_EQ(finding.title(), "a listener's accept queue overflows");
  EXPECT_FALSE(finding.cause().empty());
  EXPECT_FALSE(finding.fixes().empty());
  EXPECT_EQ(finding.evidence(0).host(), "web1");
  EXPECT_EQ(finding.evidence(finding.evidence_size() - 1).host(), "web3");
  ASSERT_FALSE(report.fine().empty());
  EXPECT_EQ(report.fine(0).rule(), "accept-queue-overflow");
  EXPECT_THAT(report.fine(0).hosts(), ElementsAre("web2"));
  EXPECT_THAT(report.hosts(), ElementsAre("web1", "web2", "web3"));
}

TEST(Judge, KeepsThePidOfOneHost) {
  const v1::DiagnosisReport report = Diagnose({Overflowing("web1", 60, 11)});
  ASSERT_EQ(report.findings_size(), 1);
  EXPECT_EQ(report.findings(0).subject(), "0.0.0.0:8080 app[11]");
}

TEST(Judge, RanksTheWorstFirst) {
  const v1::DiagnosisReport report =
      Diagnose({Overflowing("web1", 2, 11), Overflowing("web2", 60, 11)});
  ASSERT_EQ(report.findings_size(), 2);
  EXPECT_EQ(report.findings(0).severity(), "crit");
  EXPECT_THAT(report.findings(0).hosts(), ElementsAre("web2"));
  EXPECT_TRUE(HasFinding(report, FindingSeverity::kCrit));
  EXPECT_FALSE(HasFinding(Diagnose({HealthyHost()}), FindingSeverity::kInfo));
}

TEST(Judge, FoldsWhatIsNotKnownByItsReason) {
  v1::HostEvidence first = HealthyHost("web1");
  v1::HostEvidence second = HealthyHost("web2");
  Remove(first, "TcpExt.ListenOverflows");
  Remove(second, "TcpExt.ListenOverflows");
  const v1::DiagnosisReport report = Diagnose({first, second, HealthyHost("web3")});
  ASSERT_FALSE(report.not_evaluated().empty());
  EXPECT_EQ(report.not_evaluated(0).rule(), "accept-queue-overflow");
  EXPECT_EQ(report.not_evaluated(0).why(),
            "TcpExt.ListenOverflows: /proc/net/netstat: was not reported");
  EXPECT_THAT(report.not_evaluated(0).hosts(), ElementsAre("web1", "web2"));
  EXPECT_THAT(report.fine(0).hosts(), ElementsAre("web3"));
}

TEST(Judge, NamesTheNamespaceOfAFinding) {
  v1::HostEvidence host = Overflowing("web1", 60, 11);
  for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
    v1::NamespaceStatistics& statistics = *snapshot.mutable_namespaces(0);
    statistics.set_network_namespace(7);
    statistics.set_name("blue");
    v1::NamespaceStatistics own = HealthyHost().snapshots(0).namespaces(0);
    own.mutable_sockets()->clear_listeners();
    *snapshot.add_namespaces() = own;
    snapshot.mutable_namespaces()->SwapElements(0, 1);
  }
  const v1::DiagnosisReport report = Diagnose({host});
  ASSERT_GE(report.findings_size(), 1) << report.DebugString();
  EXPECT_EQ(report.findings(0).subject(), "blue: 0.0.0.0:8080 app[11]");
}

TEST(Judge, SaysTheSameOfTheSameEvidence) {
  const std::vector<v1::HostEvidence> hosts = {Overflowing("web1", 2, 11), HealthyHost("web2")};
  EXPECT_EQ(Diagnose(hosts).SerializeAsString(), Diagnose(hosts).SerializeAsString());
}

}  // namespace
}  // namespace tcpfleet::tests
