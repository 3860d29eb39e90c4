#include "controller/diagnose/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "common/sockets/field.h"
#include "controller/diagnose/glossary.h"
#include "controller/diagnose/rules.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using testing::Contains;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

std::string KindOf(absl::string_view what) {
  const auto report = Explain(what);
  return report.ok() ? report->kind() : std::string(report.status().message());
}

TEST(Explain, KnowsRulesSysctlsCountersAndFields) {
  EXPECT_EQ(KindOf("r10"), "rule");
  EXPECT_EQ(KindOf("ephemeral-port-exhaustion"), "rule");
  EXPECT_EQ(KindOf("net.core.somaxconn"), "sysctl");
  EXPECT_EQ(KindOf("net/core/somaxconn"), "sysctl");
  EXPECT_EQ(KindOf("TcpExt.ListenOverflows"), "counter");
  EXPECT_EQ(KindOf("TcpExtListenOverflows"), "counter");
  EXPECT_EQ(KindOf("listenoverflows"), "counter");
  EXPECT_EQ(KindOf("rtt"), "field");
}

TEST(Explain, FindsRulesByWhatProgramsPrint) {
  const auto report = Explain("dial tcp: connect: cannot assign requested address");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->kind(), "error");
  EXPECT_THAT(report->rules(), Contains(HasSubstr("R10 ephemeral-port-exhaustion")));
  EXPECT_THAT(Explain("Connection refused")->rules(), Contains(HasSubstr("R09")));
}

TEST(Explain, TellsWhichRulesReadSomething) {
  EXPECT_THAT(Explain("ListenOverflows")->rules(), Contains(HasSubstr("R01")));
  EXPECT_THAT(Explain("net.core.somaxconn")->rules(), Contains(HasSubstr("R03")));
  EXPECT_THAT(Explain("timer_retransmits")->rules(), Contains(HasSubstr("R08")));
}

TEST(Explain, ListsAllRules) {
  EXPECT_EQ(static_cast<size_t>(Explain("rules")->rules_size()), AllRules().size());
}

TEST(Explain, SuggestsWhatIsNearest) {
  EXPECT_THAT(Explain("net.core.somaxcon"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean 'net.core.somaxconn'?")));
  EXPECT_THAT(Explain("qqqqqqqqqqqq"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("explain rules")));
  EXPECT_THAT(Explain(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Explain, PrintsARuleWholeWithoutAnEmptyLabel) {
  std::ostringstream out;
  PrintExplanation(out, *Explain("R01"), /*color=*/false);
  for (const char* part : {"R01 accept-queue-overflow", "symptom", "cause", "fix", "look",
                           "crit_per_second = 1 1/s", "more"}) {
    EXPECT_THAT(out.str(), HasSubstr(part));
  }
}

TEST(Glossary, HasEveryFieldAndNoOther) {
  std::set<std::string> fields;
  for (const sockets::FieldInfo& info : sockets::AllFields()) fields.emplace(info.name);
  std::set<std::string> explained;
  for (const GlossaryEntry& entry : FieldGlossary()) explained.emplace(entry.name);
  EXPECT_EQ(fields, explained);
}

TEST(Glossary, HasEveryCounterAndSysctlOfTheRules) {
  std::set<absl::string_view> counters;
  for (const GlossaryEntry& entry : CounterGlossary()) counters.insert(entry.name);
  std::set<absl::string_view> sysctls;
  for (const GlossaryEntry& entry : SysctlGlossary()) sysctls.insert(entry.name);
  for (const DiagnosisRule& rule : AllRules()) {
    for (const auto& names : {rule.needs, rule.helps}) {
      for (const absl::string_view name : names) {
        if (name.find('/') != absl::string_view::npos) {
          EXPECT_TRUE(sysctls.contains(name)) << std::string(name);
        } else if (name.substr(0, 7) == "TcpExt." || name.substr(0, 4) == "Tcp.") {
          EXPECT_TRUE(counters.contains(name)) << std::string(name);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tcpfleet::controller
