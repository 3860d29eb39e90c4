#include "controller/rollout/nearest_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/sysctl/value.h"
#include "controller/audit/evaluate.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

Rule Exactly(const std::string& value, bool never_lower = false) {
  Rule rule;
  rule.key = "net/core/somaxconn";
  rule.equals = value;
  rule.never_lower = never_lower;
  return rule;
}

Rule OneOf(std::vector<std::string> values) {
  Rule rule;
  rule.key = "net/ipv4/tcp_tw_reuse";
  rule.one_of = std::move(values);
  return rule;
}

Rule Within(std::vector<Bounds> elements, bool ordered = false) {
  Rule rule;
  rule.key = "net/ipv4/tcp_rmem";
  rule.elements = std::move(elements);
  rule.ordered = ordered;
  return rule;
}

const Bounds kAny = {};
Bounds AtLeast(int64_t least) { return {least, {}}; }
Bounds AtMost(int64_t most) { return {{}, most}; }

TEST(NearestWanted, ExactValuesAreTaken) {
  EXPECT_THAT(NearestWanted(Exactly("4096"), "128"), IsOkAndHolds("4096"));
  EXPECT_THAT(NearestWanted(Exactly("4096"), "65535"), IsOkAndHolds("4096"));
  EXPECT_THAT(NearestWanted(Exactly("bbr"), "cubic"), IsOkAndHolds("bbr"));
}

TEST(NearestWanted, NeverLowerKeepsWhatIsHigherNumberByNumber) {
  EXPECT_THAT(NearestWanted(Exactly("4096", true), "65535"), IsOkAndHolds("65535"));
  EXPECT_THAT(NearestWanted(Exactly("4096", true), "128"), IsOkAndHolds("4096"));
  EXPECT_THAT(NearestWanted(Exactly("4096 131072 6291456", true), "8192 87380 33554432"),
              IsOkAndHolds("8192 131072 33554432"));
}

TEST(NearestWanted, LowerBoundsRaiseAndNeverLower) {
  EXPECT_THAT(NearestWanted(Within({AtLeast(4096)}), "128"), IsOkAndHolds("4096"));
  EXPECT_THAT(NearestWanted(Within({AtLeast(4096)}), "65535"), IsOkAndHolds("65535"));
  EXPECT_THAT(NearestWanted(Within({AtLeast(4096), AtLeast(131072), AtLeast(6291456)}, true),
                            "4096 16384 33554432"),
              IsOkAndHolds("4096 131072 33554432"));
}

TEST(NearestWanted, RangesTakeTheNearestEnd) {
  EXPECT_THAT(NearestWanted(Within({{10, 60}}), "5"), IsOkAndHolds("10"));
  EXPECT_THAT(NearestWanted(Within({{10, 60}}), "600"), IsOkAndHolds("60"));
  EXPECT_THAT(NearestWanted(Within({AtMost(7200)}), "99999"), IsOkAndHolds("7200"));
}

TEST(NearestWanted, OrderIsMadeByRaising) {
  EXPECT_THAT(NearestWanted(Within({kAny, kAny, kAny}, true), "9000 100 50"),
              IsOkAndHolds("9000 9000 9000"));
  EXPECT_THAT(NearestWanted(Within({kAny, AtMost(100)}, true), "200 50"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no value near it")));
}

TEST(NearestWanted, OneOfTakesTheNearestNumberElseTheFirst) {
  EXPECT_THAT(NearestWanted(OneOf({"1", "2"}), "0"), IsOkAndHolds("1"));
  EXPECT_THAT(NearestWanted(OneOf({"1", "2"}), "7"), IsOkAndHolds("2"));
  EXPECT_THAT(NearestWanted(OneOf({"0", "2"}), "1"), IsOkAndHolds("0"));
  EXPECT_THAT(NearestWanted(OneOf({"fq", "fq_codel"}), "pfifo_fast"), IsOkAndHolds("fq"));
}

TEST(NearestWanted, SaysWhyThereIsNone) {
  EXPECT_THAT(NearestWanted(Exactly("8192"), "4096 87380 6291456"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("has 3 numbers on this host, 1 is wanted")));
  EXPECT_THAT(NearestWanted(Exactly("many"), "128"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'many' is none")));
  EXPECT_THAT(NearestWanted(Within({AtLeast(1)}), "cubic"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no number")));
  EXPECT_THAT(NearestWanted(Within({AtLeast(1), AtLeast(1)}), "4"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 1 number")));
  Rule absent;
  absent.absent = true;
  EXPECT_THAT(NearestWanted(absent, "1"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NearestWanted, IsWantedAndNoLowerBoundLowersAnything) {
  std::mt19937 random(7);  // NOLINT: the same every time
  std::uniform_int_distribution<int64_t> number(-10, 100);
  for (int i = 0; i < 2'000; ++i) {
    const bool ordered = i % 2 == 0;
    const Rule rule = Within(
        {AtLeast(number(random)), AtLeast(number(random)), AtLeast(number(random))}, ordered);
    const std::vector<int64_t> has = {number(random), number(random), number(random)};
    const auto value = NearestWanted(rule, absl::StrCat(has[0], " ", has[1], " ", has[2]));
    ASSERT_TRUE(value.ok()) << value.status();
    EXPECT_TRUE(IsWanted(rule, *value)) << *value;
    const auto numbers = sysctl::ParseNumbers(*value);
    for (size_t j = 0; j < 3; ++j) EXPECT_GE((*numbers)[j], has[j]);
    EXPECT_EQ(NearestWanted(rule, *value).value(), *value);
  }
}

}  // namespace
}  // namespace tcpfleet::controller
