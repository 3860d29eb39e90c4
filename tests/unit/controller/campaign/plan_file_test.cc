#include "controller/campaign/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::StatusIs;

void ExpectRefused(const std::string& yaml, const std::string& message) {
  EXPECT_THAT(ParsePlan("plan.yaml", yaml).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)))
      << yaml;
}

TEST(ParsePlan, ReadsOptionsByTheirNames) {
  const auto plan = ParsePlan("plan.yaml",
                              "workload: crr\n"
                              "target: web01:80\n"
                              "rate: 5k\n"
                              "threshold:\n"
                              "  - connectLatencyUs.p99<50000\n"
                              "  - failedPercent<1\n"
                              "find-max: [responseLatencyUs.p99<2000]\n");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->Get("workload"), ElementsAre("crr"));
  EXPECT_THAT(plan->Get("target"), ElementsAre("web01:80"));
  EXPECT_THAT(plan->Get("rate"), ElementsAre("5k"));
  EXPECT_THAT(plan->Get("threshold"), ElementsAre("connectLatencyUs.p99<50000", "failedPercent<1"));
  EXPECT_THAT(plan->Get("find-max"), ElementsAre("responseLatencyUs.p99<2000"));
}

TEST(ParsePlan, NamesTheLineOfWhatIsWrong) {
  ExpectRefused("workload: crr\nconections: 5\n",
                "plan.yaml:2: unknown key 'conections', did you mean 'connections'?");
  ExpectRefused("rate: 5\nrate: 6\n", "plan.yaml:2: key 'rate' comes twice");
  ExpectRefused("workload: crr\nrate: [1, 2]\n", "plan.yaml:2: rate: must be");
  ExpectRefused("threshold: []\n", "plan.yaml:1: threshold: the list is empty");
  ExpectRefused("threshold: [[a]]\n", "plan.yaml:1: threshold: an element must be a word");
  ExpectRefused("rate: {a: b}\n", "plan.yaml:1: rate: must be");
  ExpectRefused("rate:\n", "plan.yaml:1: rate: must be");
  ExpectRefused("[1, 2]: 3\n", "plan.yaml:1: a key must be a word");
}

TEST(ParsePlan, RefusesWhatIsNoPlan) {
  ExpectRefused("", "a plan is a mapping");
  ExpectRefused("- crr\n", "plan.yaml:1: a plan is a mapping");
  ExpectRefused("a: [", "plan.yaml:");
  ExpectRefused("a: &a [*a, *a]\n", "plan.yaml");
  ExpectRefused(std::string("\x00\x01\xff", 3), "plan.yaml");
}

TEST(ReadPlan, RefusesAFileThatIsNotThere) {
  EXPECT_THAT(ReadPlan("/nowhere/plan.yaml").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/nowhere/plan.yaml")));
}

TEST(ReadPlan, RefusesAFileThatIsTooLarge) {
  const auto directory = sys::TemporaryDirectory::Create("plan");
  ASSERT_TRUE(directory.ok());
  const std::string path = directory->path() + "/plan.yaml";
  ASSERT_TRUE(sys::WriteFile(path, std::string(2 << 20, '#')).ok());
  EXPECT_THAT(ReadPlan(path).status(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("plan.yaml")));
}

}  // namespace
}  // namespace tcpfleet::controller
