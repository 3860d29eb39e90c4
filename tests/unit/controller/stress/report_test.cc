#include "controller/stress/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "controller/cli/printer.h"
#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/stress/sample_report.h"
#include "tests/unit/controller/stress/view_fixture.h"

namespace tcpfleet::controller {
namespace {

using tests::IsOk;
using tests::ViewFixture;

StressOptions OptionsWith(const std::string& threshold) {
  StressOptions options;
  options.spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
  options.thresholds.push_back(*ParseThreshold(threshold));
  return options;
}

TEST(StressReport, NamesAgentsThatDidNotGetAsFarAsTheRun) {
  RunOutcome outcome;
  outcome.end = RunEnd::kNoClient;
  outcome.start_time = absl::FromUnixSeconds(1'700'000'000);
  v1::AgentFailure missing;
  missing.set_name("web01");
  missing.set_kind("unreachable");
  const v1::StressReport report = BuildReport(OptionsWith("failedPercent<1"), outcome, {missing});
  EXPECT_EQ(report.failures(0).name(), "web01");
  EXPECT_EQ(report.verdict(), "INVALID");
  EXPECT_EQ(JudgeRun(outcome, report).exit_code, kPartial);
  EXPECT_EQ(report.run().thresholds(0), "failedPercent<1");
  EXPECT_FALSE(report.thresholds(0).passed());
  EXPECT_EQ(report.run().start().seconds(), 1'700'000'000);
  EXPECT_FALSE(report.run().controller_version().empty());
}

TEST(StressReport, KeepsServersOutOfTheTotalButForWhatOnlyTheyCount) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("client"), 100, 1'000);
  Participant& server = fixture.Add("server", v1::StressSpec::ROLE_SERVER);
  v1::RunResponse response;
  v1::RunCounters& counters = *response.mutable_progress()->mutable_counters();
  response.mutable_progress()->set_measured(true);
  counters.set_attempted(7);
  counters.set_succeeded(7);
  counters.set_connections_accepted(103);
  (*counters.mutable_accept_failed())["localFd"] = 2;
  server.Handle(response, 4);
  const v1::RunResult total = TotalOf(fixture.view().participants, 32);
  EXPECT_EQ(total.succeeded(), 100u);
  EXPECT_EQ(total.connections_accepted(), 103u);
  EXPECT_EQ(total.accept_failed().at("localFd"), 2u);
  EXPECT_EQ(total.active(), 32u);
  EXPECT_FALSE(total.has_name());
  EXPECT_FALSE(total.has_role());
}

TEST(StressReport, HasTheDocumentedJson) {
  v1::StressReport report = tests::TroubledReport();
  // The order of a map's entries is not fixed.
  for (v1::RunResult* const result : {report.mutable_agents(1), report.mutable_total()}) {
    result->clear_failed();
    (*result->mutable_failed())["refused"] = 12;
  }
  std::ostringstream out;
  ASSERT_THAT(WriteJson(out, report), IsOk());
  tests::ExpectGolden("report.json", out.str());
}

}  // namespace
}  // namespace tcpfleet::controller
