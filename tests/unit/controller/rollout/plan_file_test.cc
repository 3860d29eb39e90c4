#include "controller/rollout/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "common/sysctl/change_set.h"
#include "controller/rollout/message_file.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/rollout/sample_plan.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class PlanFile : public testing::Test {
 protected:
  std::string Path() const { return directory_->path() + "/plan.json"; }
  // What reading it says once `change` was made to a good plan without sealing it again.
  template <class Change>
  absl::Status ReadAltered(Change change) const {
    v1::SysctlPlan plan = SamplePlan(2);
    change(plan);
    EXPECT_THAT(SaveMessage(plan, Path()), IsOk());
    return ReadSysctlPlan(Path()).status();
  }
  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-plan");
};

TEST_F(PlanFile, ReadsWhatWasSaved) {
  const v1::SysctlPlan plan = SamplePlan(3);
  ASSERT_THAT(SaveSysctlPlan(plan, Path()), IsOk());
  const absl::StatusOr<v1::SysctlPlan> read = ReadSysctlPlan(Path());
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->SerializeAsString(), plan.SerializeAsString());
  EXPECT_THAT(SaveSysctlPlan(SamplePlan(1), Path()), IsOk());
}

TEST_F(PlanFile, OverwritesNothingElse) {
  ASSERT_THAT(sys::WriteFile(Path(), "root:x:0:0\n"), IsOk());
  EXPECT_THAT(SaveSysctlPlan(SamplePlan(1), Path()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no plan")));
  EXPECT_EQ(sys::ReadFile(Path()).value(), "root:x:0:0\n");
}

TEST_F(PlanFile, EveryAlterationIsSeen) {
  const auto kRefused = [](const char* why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  EXPECT_THAT(ReadAltered([](auto&) {}), IsOk());
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.mutable_created_at()->set_seconds(1); }),
              kRefused("another plan"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.set_author("eve"); }), kRefused("another plan"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.set_persist(false); }), kRefused("another plan"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.set_profile("x"); }), kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.add_unchanged("a3"); }), kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.add_obstacles()->set_name("a3"); }),
              kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.mutable_hosts(0)->set_address("evil:1"); }),
              kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.mutable_hosts()->RemoveLast(); }),
              kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.mutable_hosts()->SwapElements(0, 1); }),
              kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) { *plan.add_hosts() = plan.hosts(0); }),
              kRefused("'a1' stands there twice"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.mutable_hosts(1)->clear_name(); }),
              kRefused("no name"));
  EXPECT_THAT(ReadAltered([](auto& plan) { plan.clear_id(); }), kRefused("is no plan"));
  EXPECT_THAT(ReadAltered([](auto& plan) {
                plan.mutable_hosts(0)->mutable_set()->mutable_changes(0)->set_new_value("1");
              }),
              kRefused("hash is another"));
  // Also when the set's own hash was made to fit.
  EXPECT_THAT(ReadAltered([](auto& plan) {
                v1::SysctlChangeSet& set = *plan.mutable_hosts(0)->mutable_set();
                set.mutable_changes(0)->set_new_value("1");
                set.set_hash(sysctl::HashOf(set));
              }),
              kRefused("altered"));
  EXPECT_THAT(ReadAltered([](auto& plan) {
                v1::SysctlChangeSet& set = *plan.mutable_hosts(0)->mutable_set();
                set.mutable_changes(0)->set_key("net/../../etc/passwd");
                SealPlan(plan);
              }),
              kRefused("a1"));
}

TEST_F(PlanFile, AWholePlanWithFailuresIsTheSamePlan) {
  v1::SysctlPlan plan = SamplePlan(1);
  plan.add_failures()->set_name("a9");
  EXPECT_THAT(CheckPlan(plan), IsOk());
}

TEST_F(PlanFile, RefusesWhatIsNoPlan) {
  for (const std::string& text : {std::string(), std::string("{}"), std::string("[]"),
                                  std::string("{\"id\":"), std::string("{\"nonsense\": 1}"),
                                  std::string("\xff\xfe{\0}\0", 6), std::string(1 << 20, '[')}) {
    ASSERT_THAT(sys::WriteFile(Path(), text), IsOk());
    EXPECT_THAT(ReadSysctlPlan(Path()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(Path())));
  }
  EXPECT_THAT(ReadSysctlPlan(Path() + ".not"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("No such file")));
}

TEST_F(PlanFile, PlansGrowOldAndAreNotOfTheFuture) {
  const v1::SysctlPlan plan = SamplePlan(1);
  const absl::Time made = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_THAT(CheckPlanAge(plan, made + kPlanLife), IsOk());
  EXPECT_THAT(CheckPlanAge(plan, made + kPlanLife + absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("make a new one")));
  EXPECT_THAT(CheckPlanAge(plan, made - absl::Minutes(6)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("clock")));
}

}  // namespace
}  // namespace tcpfleet::controller
