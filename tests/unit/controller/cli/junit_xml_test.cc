#include "controller/cli/junit_xml.h"

#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

TEST(JUnitDocument, CountsWhatFailedAndWhatDoesNotApply) {
  const std::vector<JUnitCase> cases = {{"a<b", 2, "failure", "say \"no\" & \x1b[2J"},
                                        {"c", 1, "", ""},
                                        {"d", 0, "error", "gone"},
                                        {"e", 0, "skipped", "no host"}};
  EXPECT_EQ(JUnitDocument("suite", "tcpfleet.x", absl::FromUnixSeconds(0), cases),
            R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="suite" tests="4" failures="1" errors="1" skipped="1" time="2.000" timestamp="1970-01-01T00:00:00">
    <testcase classname="tcpfleet.x" name="a&lt;b" time="2.000">
      <failure message="say &quot;no&quot; &amp; ?[2J"/>
    </testcase>
    <testcase classname="tcpfleet.x" name="c" time="1.000"/>
    <testcase classname="tcpfleet.x" name="d" time="0.000">
      <error message="gone"/>
    </testcase>
    <testcase classname="tcpfleet.x" name="e" time="0.000">
      <skipped message="no host"/>
    </testcase>
  </testsuite>
</testsuites>
)");
}

}  // namespace
}  // namespace tcpfleet::controller
