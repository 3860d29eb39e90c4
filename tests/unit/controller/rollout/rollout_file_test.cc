#include "controller/rollout/rollout_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "controller/rollout/message_file.h"
#include "controller/rollout/rollout.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/rollout/sample_plan.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

class RolloutFileTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(SaveSysctlPlan(plan_, path_), IsOk());
    v1::RolloutSettings settings;
    settings.add_batches("100%");
    report_ = NewRollout(plan_, settings, "0123456789abcdef").value();
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-rollout");
  const std::string path_ = directory_->path() + "/plan.json";
  const v1::SysctlPlan plan_ = SamplePlan(3);
  v1::RolloutReport report_;
};

TEST_F(RolloutFileTest, IsOfOneControllerAtATime) {
  {
    const absl::StatusOr<RolloutFile> first = RolloutFile::Hold(path_);
    ASSERT_THAT(first, IsOk());
    EXPECT_THAT(RolloutFile::Hold(path_),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("another controller")));
  }
  EXPECT_THAT(RolloutFile::Hold(path_), IsOk());
  EXPECT_THAT(RolloutFile::Hold(path_ + ".not"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RolloutFileTest, ReadsWhatWasWritten) {
  const RolloutFile file = RolloutFile::Hold(path_).value();
  EXPECT_EQ(file.Read(plan_).value(), std::nullopt);
  ASSERT_THAT(file.Write(report_), IsOk());
  EXPECT_EQ(file.Read(plan_).value()->SerializeAsString(), report_.SerializeAsString());
  EXPECT_THAT(file.Read(SamplePlan(2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another plan")));
}

TEST_F(RolloutFileTest, RefusesADamagedState) {
  const RolloutFile file = RolloutFile::Hold(path_).value();
  const auto read = [&](const v1::RolloutReport& report) {
    EXPECT_THAT(SaveMessage(report, file.path()), IsOk());
    return file.Read(plan_).status();
  };
  const auto kRefused = [](const char* why) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why));
  };
  v1::RolloutReport twice = report_;
  *twice.mutable_waves(0)->add_hosts() = twice.waves(0).hosts(0);
  EXPECT_THAT(read(twice), kRefused("not those of its plan"));
  v1::RolloutReport fewer = report_;
  fewer.mutable_waves(0)->mutable_hosts()->RemoveLast();
  EXPECT_THAT(read(fewer), kRefused("not those of its plan"));
  v1::RolloutReport odd = report_;
  odd.mutable_waves(0)->mutable_hosts(0)->set_state("great");
  EXPECT_THAT(read(odd), kRefused("'great'"));
  odd = report_;
  odd.mutable_waves(0)->mutable_hosts(0)->set_transaction("../../x");
  EXPECT_THAT(read(odd), kRefused("transaction"));
  odd = report_;
  odd.set_holder("short");
  EXPECT_THAT(read(odd), kRefused("holder"));
  ASSERT_THAT(sys::WriteFile(file.path(), "{"), IsOk());
  EXPECT_THAT(file.Read(plan_), kRefused("damaged"));
}

}  // namespace
}  // namespace tcpfleet::controller
