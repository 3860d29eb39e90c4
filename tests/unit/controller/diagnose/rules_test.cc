#include "controller/diagnose/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

TEST(Rules, AreFoundByNumberAndId) {
  ASSERT_NE(FindRule("r01"), nullptr);
  EXPECT_EQ(FindRule("r01"), FindRule("accept-queue-overflow"));
  EXPECT_EQ(FindRule("R99"), nullptr);
}

TEST(Rules, AreSelectedInTheirOrderAndOnce) {
  const auto selection = SelectRules({{"R02", "accept-queue-overflow", "R01"}});
  ASSERT_THAT(selection, IsOk());
  ASSERT_EQ(selection->rules.size(), 2U);
  EXPECT_EQ(selection->rules[0]->number, "R01");
}

TEST(Rules, SuggestTheNearest) {
  EXPECT_THAT(SelectRules({{"accept-queue-overflw"}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("did you mean 'accept-queue-overflow'?")));
}

TEST(RuleSettings, ChangeNumbersAndLeaveRulesOut) {
  RuleSelection selection = DefaultRules();
  const size_t all = selection.rules.size();
  ASSERT_THAT(ApplyRuleSettings("rules.yaml",
                                "rules:\n"
                                "  accept-queue-overflow: {crit_per_second: 7.5}\n"
                                "  accept-queue-near-full: off\n",
                                selection),
              IsOk());
  EXPECT_EQ(selection.settings.at("accept-queue-overflow")["crit_per_second"], 7.5);
  EXPECT_EQ(selection.rules.size(), all - 1);
}

TEST(RuleSettings, RefuseWhatNoRuleHas) {
  const auto apply = [](absl::string_view yaml) {
    RuleSelection selection = DefaultRules();
    return ApplyRuleSettings("rules.yaml", yaml, selection);
  };
  EXPECT_THAT(apply("rules:\n  accept-queue-overflw: off\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rules.yaml:2: ")));
  EXPECT_THAT(apply("rules:\n  accept-queue-overflow: {crit: 1}\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rules.yaml:2: ")));
  for (const char* value : {"-1", "nan", "inf", "much", "[1]"}) {
    EXPECT_THAT(
        apply(std::string("rules:\n  accept-queue-overflow: {crit_per_second: ") + value + "}\n"),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a number")))
        << value;
  }
  EXPECT_THAT(apply("rules: off\n"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(apply("[]"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::controller
