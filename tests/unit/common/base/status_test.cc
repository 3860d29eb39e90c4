#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "common/base/check.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::base {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

absl::StatusOr<std::unique_ptr<int>> Half(int value) {
  if (value % 2 != 0) return absl::InvalidArgumentError("odd");
  return std::make_unique<int>(value / 2);
}

absl::StatusOr<int> Quarter(int value) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(value));
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

absl::Status RequireMultipleOfFour(int value) {
  TF_RETURN_IF_ERROR(Quarter(value).status());
  return absl::OkStatus();
}

TEST(StatusMacros, PassValuesOnAndErrorsUp) {
  EXPECT_THAT(Quarter(8), IsOkAndHolds(2));
  EXPECT_THAT(Quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, "odd"));
  EXPECT_THAT(RequireMultipleOfFour(8), IsOk());
  EXPECT_THAT(RequireMultipleOfFour(7), StatusIs(absl::StatusCode::kInvalidArgument, "odd"));
}

TEST(WithContext, PutsTheContextInFrontAndKeepsTheCode) {
  EXPECT_EQ(WithContext("open x", absl::NotFoundError("gone")),
            absl::NotFoundError("open x: gone"));
  EXPECT_THAT(WithContext("open x", absl::OkStatus()), IsOk());
}

TEST(CheckDeathTest, PrintsBothValues) {
  TF_CHECK(true);
  TF_CHECK_EQ(1, 1);
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int three = 3;
  EXPECT_DEATH(TF_CHECK_EQ(three, 4), "check failed: three == 4: 3 != 4");
  EXPECT_DEATH(TF_CHECK(three == 4), "status_test.cc:[0-9]+: check failed: three == 4");
}

}  // namespace
}  // namespace tcpfleet::base
