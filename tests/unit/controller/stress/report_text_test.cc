#include "controller/stress/report_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/stress/report_csv.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/stress/sample_report.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string TextOf(const v1::StressReport& report, bool color = false) {
  std::ostringstream out;
  PrintReport(out, report, 0, color);
  return out.str();
}

TEST(ReportText, ShowsAGoodRun) {
  tests::ExpectGolden("report.txt", TextOf(tests::SampleReport()));
}

TEST(ReportText, ShowsTroubleWithHints) {
  tests::ExpectGolden("report_troubled.txt", TextOf(tests::TroubledReport()));
}

TEST(ReportText, LeavesResponsesOutWhereThereAreNone) {
  v1::StressReport report = tests::SampleReport();
  report.mutable_run()->mutable_spec()->set_workload(v1::StressSpec::WORKLOAD_HOLD);
  EXPECT_THAT(TextOf(report), Not(HasSubstr("RESPONSE")));
}

TEST(ReportText, ShowsARunThatDidNotStart) {
  v1::StressReport report = tests::SampleReport();
  report.clear_agents();
  report.clear_total();
  report.set_verdict("INVALID");
  report.set_verdict_reason("nothing ran: no client was ready");
  EXPECT_THAT(TextOf(report), HasSubstr("achieved   nothing was measured\n"));
  EXPECT_THAT(TextOf(report), HasSubstr("verdict    INVALID  nothing ran: no client was ready\n"));
}

TEST(ReportText, HandsNoControlCharactersToTheTerminal) {
  EXPECT_THAT(TextOf(tests::TroubledReport()), Not(HasSubstr("\x1b")));
}

TEST(ReportText, ColoursTheVerdict) {
  EXPECT_THAT(TextOf(tests::SampleReport(), true), HasSubstr("\x1b[32mPASS\x1b[0m"));
}

TEST(ReportText, FitsEightyColumnsWithoutTables) {
  std::ostringstream out;
  PrintReport(out, tests::SampleReport(), 80, false);
  EXPECT_THAT(out.str(), HasSubstr("verdict    PASS"));
}

TEST(StressCsv, HasOneRowPerAgentAndTheTotal) {
  std::ostringstream out;
  WriteCsv(out, StressCsvHeader(), StressCsvRows(tests::TroubledReport()));
  tests::ExpectGolden("report.csv", out.str());
}

}  // namespace
}  // namespace tcpfleet::controller
