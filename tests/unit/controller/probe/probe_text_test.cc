#include "controller/probe/probe_text.h"

#include <gmock/gmock.h>

#include <sstream>

#include "tests/support/golden.h"
#include "tests/unit/controller/probe/probe_samples.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::ExpectGolden;
using tests::ProbedPath;

void Explain(v1::ProbePath& path, const std::string& cause, const std::string& confidence,
             const std::vector<std::string>& fixes) {
  path.set_cause(cause);
  path.set_confidence(confidence);
  path.mutable_fixes()->Add(fixes.begin(), fixes.end());
}

// Four hosts connect, one with another MSS; two time out; one resolves nothing.
v1::ProbeReport Report() {
  v1::ProbeReport report;
  report.set_target("db.example:5432");
  for (int i = 1; i <= 7; ++i) {
    v1::ProbePath path = ProbedPath(i <= 4 ? "connected" : "timeout");
    path.set_agent("web" + std::to_string(i));
    path.set_resolution_us(300.0 * i);
    if (i <= 4) {
      path.mutable_path_mtu()->set_bytes(1'500);
      path.mutable_path_mtu()->set_confirmed(true);
      path.mutable_connect_latency_us()->set_max(900.0 * i);
    }
    if (i == 4) {
      (*path.mutable_fields())["snd_mss"] = 1'348;
      path.mutable_path_mtu()->set_bytes(1'400);
      path.mutable_path_mtu()->set_confirmed(false);
      path.mutable_path_mtu()->set_detail("10.9.0.1 says that 1400 would fit");
      path.set_syn_retransmits(1);
      Explain(path, "SYNs had to be sent again", "low", {"`tcpfleet diagnose --rules R01`"});
    }
    if (i == 5 || i == 6) {
      path.set_syn_retransmits(10);
      path.set_target_host("db1");
      Explain(path,
              "the accept queue of 0.0.0.0:5432 postgres[99] on db1 is full (129 of 129): the "
              "program does not accept, so the kernel drops SYNs, 30 meanwhile",
              "high", {"make postgres[99] accept faster", "raise the backlog"});
    }
    if (i == 7) {
      path.Clear();
      path.set_agent("web7");
      path.set_resolution_us(10e6);
      path.set_resolution_error("'db.example' does not resolve: try again");
      Explain(path, "the name servers of this host do not answer", "high", {"dig"});
    }
    *report.add_paths() = path;
  }
  return report;
}

std::string Text(const v1::ProbeReport& report, const ProbeLayout& layout) {
  std::ostringstream out;
  PrintProbe(out, report, layout);
  return out.str();
}

TEST(ProbeText, FoldsHostsThatSayTheSame) {
  ExpectGolden("report.txt", Text(Report(), {}));
  ExpectGolden("report_80.txt", Text(Report(), {.width = 80}));
}

TEST(ProbeText, SaysThatAllIsWell) {
  v1::ProbeReport report;
  report.set_target("10.0.0.5:80");
  *report.add_paths() = ProbedPath("connected");
  ExpectGolden("fine.txt", Text(report, {}));
}

TEST(ProbeText, LeavesNothingThatSteersATerminal) {
  v1::ProbeReport report = Report();
  report.set_target("\x1b[2J:80");
  report.mutable_paths(4)->set_cause("a\nb\x1b[2J");
  report.mutable_paths(4)->set_agent("web\x1b");
  EXPECT_THAT(Text(report, {}), Not(HasSubstr("\x1b")));
}

TEST(ProbeText, SaysThatNoHostTried) {
  v1::ProbeReport report;
  report.set_target("10.0.0.5:80");
  EXPECT_EQ(Text(report, {}), "no host tried 10.0.0.5:80\n");
}

TEST(ProbeText, HasOneRowPerTry) {
  std::vector<CsvRow> rows;
  const v1::ProbeReport report = Report();
  for (const v1::ProbePath& path : report.paths()) {
    for (CsvRow& row : ProbeCsvRows(path)) rows.push_back(std::move(row));
  }
  ASSERT_EQ(rows.size(), 6U * 5 + 1);
  for (const CsvRow& row : rows) EXPECT_EQ(row.size(), ProbeCsvHeader().size());
  EXPECT_EQ(rows[0], (CsvRow{"web1", "10.0.0.5", "1", "connected", "200.000", "0", "10.0.0.2:40000",
                             "ts sack wscale:7,7", "180", "1448", "1500", "true", "300.000", "", "",
                             "", ""}));
  EXPECT_EQ(rows.back()[0], "web7");
  EXPECT_EQ(rows.back()[3], "");
}

}  // namespace
}  // namespace tcpfleet::controller
