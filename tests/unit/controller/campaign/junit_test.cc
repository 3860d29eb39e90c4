#include "controller/campaign/junit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::FakeReport;

TEST(JUnitXml, HasACasePerThresholdAndTheVerdict) {
  v1::SavedRun saved;
  *saved.mutable_report() = FakeReport(1'000, 400);
  v1::ThresholdResult& broken = *saved.mutable_report()->add_thresholds();
  broken.set_expression("failedPercent<1");
  broken.set_observed(8);
  v1::ThresholdResult& held = *saved.mutable_report()->add_thresholds();
  held.set_expression("ratePerSecond>10");
  held.set_observed(1'000);
  held.set_passed(true);
  saved.mutable_report()->set_verdict("FAIL");
  EXPECT_EQ(JUnitXml(saved),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="tcpfleet stress crr" tests="3" failures="2" errors="0" time="10.000" timestamp="1970-01-01T00:00:00">
    <testcase classname="tcpfleet.stress" name="failedPercent&lt;1" time="10.000">
      <failure message="observed 8"/>
    </testcase>
    <testcase classname="tcpfleet.stress" name="ratePerSecond&gt;10" time="10.000"/>
    <testcase classname="tcpfleet.stress" name="verdict" time="10.000">
      <failure message="FAIL: every agent finished"/>
    </testcase>
  </testsuite>
</testsuites>
)");
}

TEST(JUnitXml, ARunThatSaysNothingIsAnError) {
  v1::SavedRun saved;
  *saved.mutable_report() = FakeReport(1'000, 400);
  saved.mutable_report()->set_verdict("INVALID");
  EXPECT_THAT(JUnitXml(saved), HasSubstr("errors=\"1\""));
}

TEST(JUnitXml, HasACasePerRepeatedRunButNotPerSearchedRate) {
  v1::SavedRun saved;
  saved.mutable_campaign()->set_kind("repeat");
  saved.mutable_campaign()->set_verdict("PASS");
  for (int i = 0; i < 2; ++i) {
    *saved.mutable_campaign()->add_runs()->mutable_report() = FakeReport(1'000, 400);
  }
  EXPECT_THAT(JUnitXml(saved), HasSubstr("tests=\"3\""));
  saved.mutable_campaign()->set_kind("find-max");
  EXPECT_THAT(JUnitXml(saved), HasSubstr("tests=\"1\""));
}

TEST(JUnitXml, EscapesWhatAgentsSay) {
  v1::SavedRun saved;
  *saved.mutable_report() = FakeReport(1'000, 400);
  saved.mutable_report()->set_verdict("PARTIAL");
  saved.mutable_report()->set_verdict_reason("<a href=\"x\">&'\x1b[31m\n\x01 \xff");
  const std::string xml = JUnitXml(saved);
  EXPECT_THAT(xml, HasSubstr("&lt;a href=&quot;x&quot;&gt;&amp;'?[31m?? ?"));
  EXPECT_THAT(xml, Not(HasSubstr("\x01")));
}

}  // namespace
}  // namespace tcpfleet::controller
