#include "controller/stress/report_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "controller/stress/kernel_notes.h"
#include "controller/stress/report_csv.h"
#include "controller/stress/slow_cause.h"
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

TEST(ReportText, ShowsAScheduleThatWasNotKept) {
  tests::ExpectGolden("report_scheduled.txt", TextOf(tests::ScheduledReport()));
}

TEST(ReportText, ShowsAMeshAsMatrices) {
  tests::ExpectGolden("report_mesh.txt", TextOf(tests::MeshReport(3)));
}

TEST(ReportText, ShowsTheExtremesOfALargeMesh) {
  const std::string text = TextOf(tests::MeshReport(13));
  EXPECT_THAT(text, HasSubstr("paths      156: 13 clients, 13 targets\n"
                              "           BIT/S: median 143M, worst 76.9M a13 -> a1,"));
  EXPECT_THAT(text, HasSubstr("CONNECT P99: median 350 µs, worst 650 µs a1 -> a13,"));
  EXPECT_THAT(text, Not(HasSubstr("from a1")));
}

TEST(ReportText, ListsTheTargetsOfOneClient) {
  v1::StressReport report = tests::MeshReport(3);
  report.mutable_paths()->DeleteSubrange(2, 4);
  const std::string text = TextOf(report);
  EXPECT_THAT(text, HasSubstr("CLIENT  TARGET  BIT/S  FAILED  CONNECT P99  RTT P50\n"
                              "a1      a2      1.00G       0       100 µs  2.00 µs\n"));
}

TEST(ReportText, ShowsBlockersOnceForAnAgentInBothRoles) {
  v1::StressReport report = tests::SampleReport();
  for (v1::RunResult& agent : *report.mutable_agents()) {
    agent.set_name("web01");
    agent.add_blockers("too few ports");
  }
  EXPECT_THAT(TextOf(report), HasSubstr("blocker    web01: too few ports\n"));
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

v1::SlowOperation Slow(double response_us, double service_us,
                       const std::map<std::string, uint64_t>& fields) {
  v1::SlowOperation slow;
  slow.set_response_latency_us(response_us);
  slow.set_service_latency_us(service_us);
  slow.mutable_fields()->insert(fields.begin(), fields.end());
  return slow;
}

TEST(SlowCause, SaysWhatTcpInfoTells) {
  EXPECT_EQ(SlowCause(Slow(10'000, 4'000, {})), "waited 6.00 ms for its start");
  EXPECT_EQ(SlowCause(Slow(10'000, 10'000, {})), "-");
  EXPECT_EQ(SlowCause(Slow(1e6, 1e6, {{"total_retrans", 1}})), "SYN retransmitted");
  EXPECT_EQ(SlowCause(Slow(1e6, 1e6, {{"total_retrans", 3}, {"bytes_retrans", 99}})),
            "3 retransmits");
  EXPECT_EQ(SlowCause(Slow(1e6, 1e6, {{"probes", 2}})), "zero window at the peer");
  EXPECT_EQ(SlowCause(Slow(1'000, 1'000, {{"rwnd_limited", 600}})), "receive window of the peer");
  EXPECT_EQ(SlowCause(Slow(1'000, 1'000, {{"sndbuf_limited", 600}})), "own send buffer");
  EXPECT_EQ(SlowCause(Slow(1'000, 1'000, {{"rtt", 900}})), "RTT 900 µs");
  EXPECT_EQ(SlowCause(Slow(1'000, 1'000, {{"rtt", 90}})), "no trouble in TCP");
}

TEST(KernelCounterNote, IsSilentAboutWhatResetsAlwaysMove) {
  v1::StressSpec spec;
  spec.set_close_mode(v1::StressSpec::CLOSE_MODE_RST);
  EXPECT_TRUE(KernelCounterNote("Tcp.OutRsts", spec).empty());
  spec.set_close_mode(v1::StressSpec::CLOSE_MODE_FIN);
  EXPECT_FALSE(KernelCounterNote("Tcp.OutRsts", spec).empty());
  EXPECT_FALSE(KernelCounterNote("ListenOverflows", spec).empty());
  EXPECT_TRUE(KernelCounterNote("InSegs", spec).empty());
}

TEST(StressCsv, HasOneRowPerAgentAndTheTotal) {
  std::ostringstream out;
  WriteCsv(out, StressCsvHeader(), StressCsvRows(tests::TroubledReport()));
  tests::ExpectGolden("report.csv", out.str());
}

}  // namespace
}  // namespace tcpfleet::controller
