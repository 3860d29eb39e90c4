#include "controller/stress/load_shape.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::StressSpec Spec(v1::StressSpec::Workload workload = v1::StressSpec::WORKLOAD_RR) {
  v1::StressSpec spec;
  spec.set_workload(workload);
  spec.set_connections(8);
  spec.set_warmup_ms(1'000);
  spec.set_duration_ms(10'000);
  return spec;
}

v1::StressSpec Shaped(const std::string& text) {
  v1::StressSpec spec = Spec();
  EXPECT_THAT(ParseShape(text, spec), IsOk()) << text;
  return spec;
}

TEST(LoadShape, RampsOverTheMeasuredTime) {
  const v1::StressSpec spec = Shaped("ramp:100-20k");
  ASSERT_EQ(spec.rate_segments_size(), 2);
  EXPECT_EQ(spec.rate_segments(0).duration_ms(), 1'000u);
  EXPECT_EQ(spec.rate_segments(0).from_per_second(), 100);
  EXPECT_EQ(spec.rate_segments(0).to_per_second(), 100);
  EXPECT_EQ(spec.rate_segments(1).duration_ms(), 10'000u);
  EXPECT_EQ(spec.rate_segments(1).from_per_second(), 100);
  EXPECT_EQ(spec.rate_segments(1).to_per_second(), 20'000);
  EXPECT_EQ(ScheduledOperations(spec), (100 + 20'000) / 2 * 10);
}

TEST(LoadShape, StepsShareTheMeasuredTimeWithoutRemainder) {
  const v1::StressSpec spec = Shaped("steps:10,20,30");
  ASSERT_EQ(spec.rate_segments_size(), 4);
  uint64_t sum_ms = 0;
  for (const v1::RateSegment& segment : spec.rate_segments()) sum_ms += segment.duration_ms();
  EXPECT_EQ(sum_ms, 11'000u);
  EXPECT_NEAR(*ScheduledOperations(spec), 200, 0.1);
}

TEST(LoadShape, CountsTimesFromTheEndOfTheWarmUp) {
  EXPECT_EQ(Shaped("herd").herd_at_ms(), 1'000u);
  EXPECT_EQ(Shaped("herd@2s").herd_at_ms(), 3'000u);
  const v1::StressSpec storm = Shaped("storm@5s,2s");
  ASSERT_EQ(storm.reset_at_ms_size(), 2);
  EXPECT_EQ(storm.reset_at_ms(0), 3'000u);
  EXPECT_EQ(storm.reset_at_ms(1), 6'000u);
}

TEST(LoadShape, RefusesWhatIsNoShape) {
  const std::pair<const char*, const char*> bad[] = {
      {"rmap:1-2", "did you mean 'ramp'?"},
      {"ramp", "ramp:FROM-TO"},
      {"ramp:1", "ramp:FROM-TO"},
      {"ramp:0-0", "starts nothing"},
      {"ramp:1-x", "not a rate"},
      {"ramp@1-2", "ramp:FROM-TO"},
      {"steps:", "not a rate"},
      {"steps:0,0", "start nothing"},
      {"steps:1,,2", "not a rate"},
      {"herd@11s", "out of range"},
      {"herd@x", "not a duration"},
      {"storm", "storm@TIME"},
      {"storm@1s,", "not a duration"},
  };
  for (const auto& [text, complaint] : bad) {
    v1::StressSpec spec = Spec();
    EXPECT_THAT(ParseShape(text, spec),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(complaint)))
        << text;
  }
  v1::StressSpec rated = Spec();
  rated.set_rate_per_second(5);
  for (const char* const text : {"ramp:1-2", "steps:1", "herd"}) {
    EXPECT_THAT(ParseShape(text, rated),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leave --rate out")));
  }
  v1::StressSpec crr = Spec(v1::StressSpec::WORKLOAD_CRR);
  EXPECT_THAT(ParseShape("storm@1s", crr),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("does not apply to crr")));
}

TEST(LoadShape, KnowsWhatWasScheduled) {
  v1::StressSpec spec = Spec();
  EXPECT_FALSE(IsOpenLoop(spec));
  EXPECT_FALSE(ScheduledOperations(spec).has_value());
  spec.set_rate_per_connection(5);
  EXPECT_TRUE(IsOpenLoop(spec));
  EXPECT_EQ(ScheduledOperations(spec), 400);
  spec.set_rate_per_connection(0);
  spec.set_rate_per_second(7);
  EXPECT_EQ(ScheduledOperations(spec), 70);
  spec.set_workload(v1::StressSpec::WORKLOAD_HOLD);  // ends when all connections are open
  EXPECT_FALSE(ScheduledOperations(spec).has_value());
}

TEST(LoadShape, KnowsWhenAClientsFirstOperationIsDue) {
  v1::StressSpec spec = Spec();
  EXPECT_EQ(FirstDueSeconds(spec), 0);
  spec.set_rate_per_second(10);
  EXPECT_EQ(FirstDueSeconds(spec), 0);
  spec.mutable_schedule_share()->set_stride(4);
  spec.mutable_schedule_share()->add_offsets(3);
  EXPECT_DOUBLE_EQ(*FirstDueSeconds(spec), 0.3);
  spec.mutable_arrivals()->set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  EXPECT_FALSE(FirstDueSeconds(spec).has_value());

  v1::StressSpec ramp = Shaped("ramp:0-10");  // 1 s of nothing, then t²/2
  ramp.mutable_schedule_share()->set_stride(4);
  ramp.mutable_schedule_share()->add_offsets(2);
  EXPECT_DOUBLE_EQ(*FirstDueSeconds(ramp), 3);
  EXPECT_EQ(FirstDueSeconds(Shaped("herd@2s")), 3);
}

}  // namespace
}  // namespace tcpfleet::controller
