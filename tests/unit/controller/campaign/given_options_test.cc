#include "controller/campaign/given_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::Options;
using tests::StatusIs;

TEST(GivenOptions, BecomesArguments) {
  const StressArguments arguments = Options({{"threshold", {"failedPercent<1", "ratePerSecond>9"}},
                                             {"workload", {"rr"}},
                                             {"rate", {"5k"}},
                                             {"repeat", {"3"}}})
                                        .ToArguments();
  EXPECT_EQ(arguments.workload, "rr");
  EXPECT_EQ(arguments.rate, "5k");
  EXPECT_EQ(arguments.connections, StressArguments().connections);
  EXPECT_THAT(arguments.thresholds, ElementsAre("failedPercent<1", "ratePerSecond>9"));
}

TEST(GivenOptions, StrongerOptionsReplaceOrExtend) {
  GivenOptions replaced = Options({{"rate", {"1"}}, {"threshold", {"a"}}});
  GivenOptions extended = replaced;
  const GivenOptions stronger = Options({{"rate", {"2"}}, {"threshold", {"b"}}});
  replaced.ReplaceBy(stronger);
  extended.ExtendBy(stronger);
  EXPECT_THAT(replaced.Get("rate"), ElementsAre("2"));
  EXPECT_THAT(replaced.Get("threshold"), ElementsAre("b"));
  EXPECT_THAT(extended.Get("rate"), ElementsAre("2"));
  EXPECT_THAT(extended.Get("threshold"), ElementsAre("a", "b"));
}

TEST(GivenOptions, RefusesWhatNoOptionIs) {
  GivenOptions options;
  EXPECT_THAT(options.Set("conections", {"1"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'connections'?")));
  EXPECT_THAT(options.Set("rate", {"1", "2"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("takes one value")));
  EXPECT_THAT(options.Set("rate", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("missing")));
}

TEST(ParseOptionLine, ReadsWordsAndQuotes) {
  const auto options = ParseOptionLine("--rate=5k  --threshold 'failedPercent < 1' --close fin");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_THAT(options->Get("rate"), ElementsAre("5k"));
  EXPECT_THAT(options->Get("threshold"), ElementsAre("failedPercent < 1"));
  EXPECT_THAT(options->Get("close"), ElementsAre("fin"));
  EXPECT_TRUE(ParseOptionLine("").ok());
}

TEST(ParseOptionLine, RefusesWhatIsNoOption) {
  EXPECT_THAT(ParseOptionLine("rate 5k").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("'rate' is no option")));
  EXPECT_THAT(
      ParseOptionLine("--rate").status(),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--rate: a value is missing")));
  EXPECT_THAT(ParseOptionLine("--rate '5k").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not closed")));
  EXPECT_THAT(ParseOptionLine("--repeat 3").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not possible here")));
}

TEST(OptionDifferences, NamesWhatIsNotGivenAlike) {
  const auto differences =
      OptionDifferences(Options({{"rate", {"1"}}, {"close", {"fin"}}}), Options({{"rate", {"2"}}}));
  ASSERT_EQ(differences.size(), 2);
  EXPECT_EQ(differences[0].what(), "--rate");
  EXPECT_EQ(differences[1].what(), "--close");
  EXPECT_EQ(differences[1].b(), "");
}

}  // namespace
}  // namespace tcpfleet::controller
