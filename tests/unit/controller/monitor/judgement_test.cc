#include "controller/monitor/judgement.h"

#include <gtest/gtest.h>

#include <string>

namespace tcpfleet::controller {
namespace {

v1::Finding& AddFinding(v1::DiagnosisReport& report, const std::string& severity,
                        const std::string& subject) {
  v1::Finding& finding = *report.add_findings();
  finding.set_rule("accept-queue-overflow");
  finding.set_severity(severity);
  finding.set_title("connections are refused a place");
  finding.set_subject(subject);
  return finding;
}

TEST(Judgements, AreOfEachHostAndRule) {
  v1::DiagnosisReport report;
  v1::Finding& finding = AddFinding(report, "crit", ":80");
  for (const char* host : {"web1", "web2"}) {
    finding.add_hosts(host);
    finding.add_evidence()->set_host(host);
    finding.add_sockets()->set_host(host);
  }
  v1::RuleVerdict& fine = *report.add_fine();
  fine.set_rule("syn-queue-drop");
  fine.add_hosts("web1");
  v1::RuleVerdict& unknown = *report.add_not_evaluated();
  unknown.set_rule("syn-queue-drop");
  unknown.set_why("counter reset");
  unknown.add_hosts("web2");

  const std::vector<RuleJudgement> judgements = JudgementsOf(report, nullptr);
  ASSERT_EQ(judgements.size(), 4u);
  EXPECT_EQ(judgements[0].host, "web1");
  EXPECT_EQ(judgements[0].rule, "accept-queue-overflow");
  ASSERT_EQ(judgements[0].symptoms.size(), 1u);
  const Symptom& symptom = judgements[0].symptoms[0];
  EXPECT_EQ(symptom.subject, ":80");
  EXPECT_EQ(symptom.level, AlertLevel::kCrit);
  EXPECT_EQ(symptom.held, AlertLevel::kCrit);
  ASSERT_TRUE(symptom.finding.has_value());
  EXPECT_EQ(symptom.finding->hosts_size(), 1);
  ASSERT_EQ(symptom.finding->evidence_size(), 1);
  EXPECT_EQ(symptom.finding->evidence(0).host(), "web1");
  EXPECT_EQ(symptom.finding->sockets_size(), 1);
  EXPECT_EQ(judgements[1].rule, "syn-queue-drop");
  EXPECT_TRUE(judgements[1].symptoms.empty());
  EXPECT_EQ(judgements[1].unknown, "");
  EXPECT_EQ(judgements[3].host, "web2");
  EXPECT_EQ(judgements[3].unknown, "counter reset");
}

TEST(Judgements, OfTheClearingThresholdsAreHeld) {
  v1::DiagnosisReport report;
  AddFinding(report, "warn", ":80").add_hosts("web1");
  v1::DiagnosisReport clearing;
  AddFinding(clearing, "crit", ":80").add_hosts("web1");
  AddFinding(clearing, "warn", ":443").add_hosts("web1");
  const std::vector<RuleJudgement> judgements = JudgementsOf(report, &clearing);
  ASSERT_EQ(judgements.size(), 1u);
  ASSERT_EQ(judgements[0].symptoms.size(), 2u);
  EXPECT_EQ(judgements[0].symptoms[0].level, AlertLevel::kWarn);
  EXPECT_EQ(judgements[0].symptoms[0].held, AlertLevel::kCrit);
  EXPECT_EQ(judgements[0].symptoms[1].level, AlertLevel::kNone);
  EXPECT_EQ(judgements[0].symptoms[1].held, AlertLevel::kWarn);
}

TEST(Judgements, OfAnUnknownSeverityCountAsWarnings) {
  v1::DiagnosisReport report;
  AddFinding(report, "dire", "").add_hosts("web1");
  EXPECT_EQ(JudgementsOf(report, nullptr)[0].symptoms[0].level, AlertLevel::kWarn);
}

}  // namespace
}  // namespace tcpfleet::controller
