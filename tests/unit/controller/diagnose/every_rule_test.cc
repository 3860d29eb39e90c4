// What must hold for each rule there is.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "controller/diagnose/judge.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using controller::AllRules;
using controller::DiagnosisRule;

// "fine", "finding" or why it was not evaluated.
std::string VerdictOf(const DiagnosisRule& rule, const v1::DiagnosisReport& report) {
  const std::string id(rule.id);
  for (const v1::RuleVerdict& verdict : report.not_evaluated()) {
    if (verdict.rule() == id) return verdict.why();
  }
  for (const v1::Finding& finding : report.findings()) {
    if (finding.rule() == id) return "finding";
  }
  for (const v1::RuleVerdict& verdict : report.fine()) {
    if (verdict.rule() == id) return "fine";
  }
  return "no verdict";
}

// The other end's host as well, for rules that look at several.
std::vector<v1::HostEvidence> Healthy() {
  static const auto& hosts = *new std::vector{HealthyHost("web1"), HealthyHost("web2")};
  return hosts;
}

// Of this rule alone.
std::string VerdictOf(const DiagnosisRule& rule, const std::vector<v1::HostEvidence>& hosts) {
  v1::EvidenceBundle bundle;
  bundle.mutable_hosts()->Add(hosts.begin(), hosts.end());
  return VerdictOf(
      rule, controller::Diagnose(bundle, *controller::SelectRules({{std::string(rule.id)}})));
}

std::vector<absl::string_view> NeedsOf(const DiagnosisRule& rule) {
  std::vector<absl::string_view> needs = rule.needs;
  if (!rule.rests.empty()) needs.push_back("resting");
  return needs;
}

TEST(EveryRule, FindsNothingOnAHealthyHost) {
  const v1::DiagnosisReport report = Diagnose(Healthy());
  for (const DiagnosisRule& rule : AllRules()) {
    EXPECT_EQ(VerdictOf(rule, report), "fine") << std::string(rule.id);
  }
}

TEST(EveryRule, IsNotEvaluatedWithoutWhatItNeeds) {
  for (const DiagnosisRule& rule : AllRules()) {
    ASSERT_FALSE(rule.needs.empty()) << std::string(rule.id);
    for (const absl::string_view need : NeedsOf(rule)) {
      std::vector<v1::HostEvidence> hosts = Healthy();
      for (v1::HostEvidence& host : hosts) Remove(host, need);
      EXPECT_NE(VerdictOf(rule, hosts), "fine")
          << std::string(rule.id) << " without " << std::string(need);
    }
  }
}

TEST(EveryRule, DoesWithoutWhatOnlyHelps) {
  for (const DiagnosisRule& rule : AllRules()) {
    for (const absl::string_view help : rule.helps) {
      std::vector<v1::HostEvidence> hosts = Healthy();
      for (v1::HostEvidence& host : hosts) Remove(host, help);
      EXPECT_EQ(VerdictOf(rule, hosts), "fine")
          << std::string(rule.id) << " without " << std::string(help);
    }
  }
}

// Else a rule could use what the collector does not ask for on its behalf.
TEST(EveryRule, SaysAllItNeeds) {
  std::set<absl::string_view> everything;
  for (const DiagnosisRule& rule : AllRules()) {
    const std::vector<absl::string_view> needs = NeedsOf(rule);
    everything.insert(needs.begin(), needs.end());
    everything.insert(rule.helps.begin(), rule.helps.end());
  }
  for (const absl::string_view source : everything) {
    std::vector<v1::HostEvidence> hosts = Healthy();
    for (v1::HostEvidence& host : hosts) Remove(host, source);
    const v1::DiagnosisReport report = Diagnose(hosts);
    for (const DiagnosisRule& rule : AllRules()) {
      const std::vector<absl::string_view> needs = NeedsOf(rule);
      if (std::count(needs.begin(), needs.end(), source) > 0) continue;
      // What counts sockets also lists qdiscs of interfaces, and so on.
      if (source == "host" || source == "interfaces") continue;
      EXPECT_EQ(VerdictOf(rule, report), "fine")
          << std::string(rule.id) << " without " << std::string(source);
    }
  }
}

TEST(EveryRule, DoesWithTwoLooksAtAHealthyHost) {
  std::vector<v1::HostEvidence> hosts = Healthy();
  for (v1::HostEvidence& host : hosts) LookTwice(host);
  const v1::DiagnosisReport report = Diagnose(hosts);
  for (const DiagnosisRule& rule : AllRules()) {
    EXPECT_EQ(VerdictOf(rule, report), "fine") << std::string(rule.id);
  }
}

TEST(EveryRule, AsksForRestsInSecondsOfItsParameters) {
  for (const DiagnosisRule& rule : AllRules()) {
    for (const absl::string_view rest : rule.rests) {
      const auto found =
          std::find_if(rule.parameters.begin(), rule.parameters.end(),
                       [&](const controller::RuleParameter& one) { return one.name == rest; });
      ASSERT_NE(found, rule.parameters.end()) << std::string(rule.id) << " " << std::string(rest);
      EXPECT_EQ(found->unit, "s");
    }
  }
}

TEST(EveryRule, IsNotEvaluatedWithoutEvidence) {
  v1::HostEvidence nothing;
  nothing.set_name("web1");
  const v1::DiagnosisReport report = Diagnose({nothing});
  EXPECT_TRUE(report.fine().empty()) << report.DebugString();
  EXPECT_TRUE(report.findings().empty()) << report.DebugString();
}

TEST(EveryRule, IsNotFineWhenTheHostWasRestarted) {
  std::vector<v1::HostEvidence> hosts = {HealthyHost("web1")};
  hosts[0].mutable_snapshots()->rbegin()->set_boot_id("another");
  const v1::DiagnosisReport report = Diagnose(hosts);
  for (const DiagnosisRule& rule : AllRules()) {
    for (const absl::string_view need : rule.needs) {
      if (hosts[0].snapshots(0).namespaces(0).counters().contains(std::string(need))) {
        EXPECT_NE(VerdictOf(rule, report), "fine") << std::string(rule.id);
      }
    }
  }
}

TEST(EveryRule, TellsAPersonWhatToDo) {
  std::set<std::string> ids;
  std::set<std::string> numbers;
  for (const DiagnosisRule& rule : AllRules()) {
    const std::string id(rule.id);
    EXPECT_TRUE(ids.insert(id).second) << id;
    EXPECT_TRUE(numbers.insert(std::string(rule.number)).second) << id;
    EXPECT_THAT(std::string(rule.number), testing::MatchesRegex("R[0-9][0-9]")) << id;
    EXPECT_THAT(id, testing::MatchesRegex("[a-z0-9-]+"));
    for (const absl::string_view text :
         {rule.title, rule.symptom, rule.cause, rule.false_positives, rule.kernel, rule.link}) {
      EXPECT_FALSE(text.empty()) << id;
      EXPECT_EQ(std::string(text).find('\n'), std::string::npos) << id;
    }
    EXPECT_FALSE(rule.fixes.empty()) << id;
    EXPECT_FALSE(rule.commands.empty()) << id;
    EXPECT_NE(rule.evaluate == nullptr, rule.evaluate_fleet == nullptr) << id;
    for (const controller::RuleParameter& parameter : rule.parameters) {
      EXPECT_FALSE(parameter.unit.empty()) << id << " " << std::string(parameter.name);
      EXPECT_FALSE(parameter.reason.empty()) << id << " " << std::string(parameter.name);
    }
  }
}

}  // namespace
}  // namespace tcpfleet::tests
