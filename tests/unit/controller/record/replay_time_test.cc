#include "controller/record/replay_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

constexpr int64_t kBegin = 1'700'000'000'000'000'000;

int64_t UnixNsOf(absl::string_view text) {
  const auto time = ParseReplayTime(text);
  EXPECT_THAT(time, tests::IsOk()) << text;
  return time.ok() ? time->UnixNs(kBegin) : 0;
}

TEST(ReplayTime, IsAMomentOrATimeAfterTheBegin) {
  EXPECT_EQ(UnixNsOf("2023-11-14T22:13:30Z"), kBegin + 10'000'000'000);
  EXPECT_EQ(UnixNsOf("2023-11-14T23:13:30.5+01:00"), kBegin + 10'500'000'000);
  EXPECT_EQ(UnixNsOf("+10m"), kBegin + 600'000'000'000);
  EXPECT_EQ(UnixNsOf("1h30m"), kBegin + 5'400'000'000'000);
  EXPECT_EQ(UnixNsOf("0"), kBegin);
  EXPECT_EQ(UnixNsOf("9999999h"), INT64_MAX);
}

TEST(ReplayTime, SaysWhatWouldBeRight) {
  for (const char* text : {"", "yesterday", "-5m", "2023-11-14", "+"}) {
    EXPECT_THAT(ParseReplayTime(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("write 2026-11-20T")))
        << text;
  }
}

TEST(ReplaySpeed, IsAFactorOrMax) {
  EXPECT_THAT(ParseReplaySpeed("1"), IsOkAndHolds(1.0));
  EXPECT_THAT(ParseReplaySpeed("0.1"), IsOkAndHolds(0.1));
  EXPECT_THAT(ParseReplaySpeed("1000x"), IsOkAndHolds(1000.0));
  EXPECT_THAT(ParseReplaySpeed("max"), IsOkAndHolds(kUnpacedReplay));
  for (const char* text : {"", "0", "-1", "1001", "nan", "inf", "fast", "x"}) {
    EXPECT_THAT(ParseReplaySpeed(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
