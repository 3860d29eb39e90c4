// Campaigns as a user types them, over agents on hosts of their own: what comes out is checked by
// its structure, as numbers differ every time.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <csignal>

#include "common/base/clock.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"

namespace tcpfleet::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

template <class Message>
Message FromJson(const std::string& json) {
  Message message;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message);
  EXPECT_TRUE(parsed.ok()) << parsed.ToString() << "\n" << json;
  return message;
}

const v1::NumberComparison& ComparisonOf(const v1::CampaignReport& report, absl::string_view name) {
  for (const v1::NumberComparison& comparison : report.comparisons()) {
    if (comparison.name() == name) return comparison;
  }
  ADD_FAILURE() << "no " << std::string(name) << " in\n" << report.DebugString();
  return v1::NumberComparison::default_instance();
}

std::vector<std::string> LabelsOf(const v1::CampaignReport& report) {
  std::vector<std::string> labels;
  for (const v1::CampaignRun& run : report.runs()) labels.push_back(run.label());
  return labels;
}

// What another program makes of a file.
void ExpectPythonReads(const std::string& script, const std::string& path) {
  const CommandResult read = RunCommand({"python3", "-c", script, path}).value();
  EXPECT_EQ(read.exit_code, 0) << path << ": " << read.err;
}

void ExpectWellFormedXml(const std::string& path) {
  ExpectPythonReads("import sys, xml.dom.minidom as m; m.parse(sys.argv[1])", path);
}

void ExpectEvenCsv(const std::string& path, int rows) {
  ExpectPythonReads(absl::StrCat("import csv, sys\nrows = list(csv.reader(open(sys.argv[1])))\n"
                                 "assert len(rows) == ",
                                 rows, ", rows\nassert len(set(map(len, rows))) == 1, rows"),
                    path);
}

class CampaignTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    AddAgent("web1");
    AddAgent("web2");
    Host& plain = AddHost("plain");
    server_ =
        PlainServer::Create(PlainServer::Behaviour::kEcho, {plain.ipv4(), 0}, &plain.network())
            .value();
  }

  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  std::string Read(const std::string& name) const { return sys::ReadFile(Path(name)).value(); }
  v1::SavedRun Saved(const std::string& name) const { return FromJson<v1::SavedRun>(Read(name)); }

  // `tcpfleet stress rr` of a short run against the plain server.
  std::vector<std::string> Stress(std::vector<std::string> more) const {
    std::vector<std::string> arguments = {
        "stress",        "rr",   "--target", server_->endpoint().ToString(),
        "--connections", "4",    "--warmup", "0s",
        "--duration",    "300ms"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  CommandResult Run(std::vector<std::string> arguments, int expected_exit_code) {
    CommandResult result = Controller(std::move(arguments));
    EXPECT_EQ(result.exit_code, expected_exit_code) << result.out << result.err;
    return result;
  }
  v1::CampaignReport RunCampaign(std::vector<std::string> arguments, int expected_exit_code = 0) {
    arguments.insert(arguments.begin(), {"--output", "json"});
    return FromJson<v1::CampaignReport>(Run(std::move(arguments), expected_exit_code).out);
  }

  std::unique_ptr<PlainServer> server_;
};

TEST_F(CampaignTest, RunIsKeptWhole) {
  const CommandResult result =
      Run(Stress({"--save", Path("a.json"), "--report", Path("a.html"), "--junit", Path("a.xml"),
                  "--csv", Path("a.csv"), "--threshold", "failedPercent<1"}),
          0);
  for (const char* const name : {"a.json", "a.html", "a.xml", "a.csv"}) {
    EXPECT_THAT(result.err, HasSubstr(absl::StrCat("wrote ", Path(name))));
  }
  const v1::SavedRun saved = Saved("a.json");
  EXPECT_EQ(saved.report().verdict(), "PASS");
  EXPECT_THAT(saved.report().agents(), SizeIs(2));
  EXPECT_THAT(saved.hosts(), SizeIs(2));
  EXPECT_EQ(saved.hosts(0).settings().count("net.ipv4.tcp_rmem"), 1u)
      << saved.hosts(0).DebugString();
  EXPECT_GT(saved.histograms_size(), 0);
  ExpectWellFormedXml(Path("a.xml"));
  EXPECT_THAT(Read("a.xml"), AllOf(HasSubstr("tests=\"2\" failures=\"0\" errors=\"0\""),
                                   HasSubstr("name=\"failedPercent&lt;1\"")));
  ExpectEvenCsv(Path("a.csv"), /*rows=*/4);  // header, two agents, total
}

TEST_F(CampaignTest, CampaignIsKeptWithTheIntervalsOfEveryRun) {
  std::vector<std::string> arguments = Stress({"--repeat", "2", "--save", Path("a.json")});
  arguments.insert(arguments.begin(), {"--output", "json"});
  std::replace(arguments.begin(), arguments.end(), std::string("300ms"), std::string("2500ms"));
  EXPECT_THAT(Run(std::move(arguments), 0).out, Not(HasSubstr("elapsedSeconds")));
  const v1::SavedRun saved = Saved("a.json");
  ASSERT_EQ(saved.run_intervals_size(), saved.campaign().runs_size());
  for (int i = 0; i < saved.run_intervals_size(); ++i) {
    const v1::RunIntervals& run = saved.run_intervals(i);
    ASSERT_GT(run.intervals_size(), 0);
    EXPECT_GT(run.intervals(run.intervals_size() - 1).total().attempted(), 0u);
    EXPECT_THAT(run.intervals(0).agents(), SizeIs(2));
  }
}

TEST_F(CampaignTest, PageLoadsNothing) {
  Run(Stress({"--repeat", "2", "--save", Path("a.json")}), 0);
  const CommandResult result = Run({"report", Path("a.json")}, 0);
  EXPECT_THAT(result.err, HasSubstr(absl::StrCat("wrote ", Path("a.html"))));
  const std::string page = Read("a.html");
  EXPECT_THAT(page, AllOf(HasSubstr("default-src 'none'"), HasSubstr("\"kind\":\"repeat\""),
                          HasSubstr("</html>")));
  for (const char* const load :
       {"src=", "href=", "url(", "@import", "import(", "fetch(", "XMLHttpRequest", "https://"}) {
    EXPECT_THAT(page, Not(HasSubstr(load)));
  }
}

TEST_F(CampaignTest, RerunRepeatsASavedRunAndTellsWhatHasChanged) {
  Run(Stress({"--save", Path("a.json"), "--threshold", "failedPercent<1"}), 0);
  const CommandResult same = Run({"rerun", Path("a.json"), "--save", Path("b.json")}, 0);
  EXPECT_THAT(same.err, HasSubstr("the hosts are as they were then"));
  const v1::SavedRun a = Saved("a.json");
  const v1::SavedRun b = Saved("b.json");
  ASSERT_EQ(a.options_size(), b.options_size());
  for (int i = 0; i < a.options_size(); ++i) {
    EXPECT_EQ(a.options(i).ShortDebugString(), b.options(i).ShortDebugString());
  }
  ASSERT_TRUE(agent("web1").host->SetSysctl("net.ipv4.tcp_slow_start_after_idle", "0").ok());
  EXPECT_THAT(Run({"rerun", Path("a.json")}, 0).err,
              HasSubstr("differs: web1: net.ipv4.tcp_slow_start_after_idle: 1 before, 0 now"));
}

TEST_F(CampaignTest, RerunExitsAsTheRunDoes) {
  Run(Stress({"--save", Path("a.json"), "--threshold", "failedPercent<1"}), 0);
  TestAgent& gone = agent("web2");
  gone.program.process.Signal(SIGTERM);
  ASSERT_EQ(gone.program.process.Wait(), 0);
  EXPECT_THAT(Run({"rerun", Path("a.json")}, 3).out, HasSubstr("PARTIAL"));
  server_.reset();
  const CommandResult refused = Run({"rerun", Path("a.json"), "--junit", Path("a.xml")}, 1);
  EXPECT_THAT(refused.out, AllOf(HasSubstr("FAIL"), HasSubstr("failedPercent<1")));
  ExpectWellFormedXml(Path("a.xml"));
  EXPECT_THAT(Read("a.xml"), HasSubstr("<failure message="));
}

TEST_F(CampaignTest, RepeatShowsMedianAndSpread) {
  const v1::CampaignReport report =
      RunCampaign(Stress({"--repeat", "3", "--csv", Path("r.csv"), "--junit", Path("r.xml")}));
  EXPECT_EQ(report.kind(), "repeat");
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_EQ(LabelsOf(report), (std::vector<std::string>{"run", "run", "run"}));
  ASSERT_GT(report.numbers_size(), 0);
  EXPECT_EQ(report.numbers(0).name(), "ratePerSecond");
  for (const v1::NumberSpread& number : report.numbers()) {
    EXPECT_EQ(number.runs(), 3u);
    EXPECT_LE(number.min(), number.median());
    EXPECT_LE(number.median(), number.max());
  }
  EXPECT_GT(report.numbers(0).min(), 0);
  ExpectEvenCsv(Path("r.csv"), /*rows=*/4);  // header, runs
  ExpectWellFormedXml(Path("r.xml"));
}

TEST_F(CampaignTest, RepeatPrintsEveryRunAsALine) {
  std::vector<std::string> arguments = Stress({"--repeat", "2"});
  arguments.insert(arguments.begin(), {"--output", "jsonl"});
  const std::vector<std::string> lines =
      absl::StrSplit(Run(std::move(arguments), 0).out, '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(FromJson<v1::CampaignRun>(lines[1]).report().verdict(), "PASS");
  const v1::CampaignReport rest = FromJson<v1::CampaignReport>(lines[2]);
  EXPECT_EQ(rest.kind(), "repeat");
  EXPECT_EQ(rest.runs_size(), 0);
}

TEST_F(CampaignTest, AbComparesInTurnsWithAnInterval) {
  const v1::CampaignReport report =
      RunCampaign(Stress({"--ab", "--think-time 2ms", "--think-time 30ms", "--repeat", "6"}));
  EXPECT_EQ(report.kind(), "ab");
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_EQ(LabelsOf(report),
            (std::vector<std::string>{"A", "B", "B", "A", "A", "B", "B", "A", "A", "B", "B", "A"}));
  const v1::NumberComparison& rate = ComparisonOf(report, "ratePerSecond");
  EXPECT_EQ(rate.pairs(), 6u);
  EXPECT_LT(rate.ratio(), 1);
  EXPECT_LE(rate.ratio_low(), rate.ratio());
  EXPECT_GE(rate.ratio_high(), rate.ratio());
  EXPECT_GE(rate.confidence_percent(), 95);
  EXPECT_TRUE(rate.conclusive());
  ASSERT_THAT(report.differences(), SizeIs(1));
  EXPECT_EQ(report.differences(0).what(), "--think-time");
}

// 4 connections that are answered after 20 ms carry 200 requests a second and no more.
TEST_F(CampaignTest, FindMaxFindsTheRateThatTheServerLimits) {
  const v1::CampaignReport report =
      RunCampaign({"stress", "rr", "--serve", "web2", "--server-behavior", "reply-delay=20ms",
                   "--connections", "4", "--warmup", "0s", "--duration", "1s", "--rate", "160",
                   "--find-max", "responseLatencyUs.p99<10000000"});
  EXPECT_EQ(report.kind(), "find-max");
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  const v1::FoundMaximum& maximum = report.maximum();
  EXPECT_GT(maximum.rate_per_second(), 0);
  EXPECT_LT(maximum.rate_per_second(), 220);  // 95 % of what is asked for is achieved
  EXPECT_GT(maximum.refuted_rate_per_second(), maximum.rate_per_second());
  if (!maximum.exhausted()) {  // a busy machine may need all runs to come so far
    EXPECT_GT(maximum.confirmations(), 0u);
    EXPECT_GT(2 * maximum.held(), maximum.confirmations());
  }
  for (const v1::CampaignRun& run : report.runs()) {
    EXPECT_TRUE(run.has_holds());
    EXPECT_TRUE(run.holds() || !run.note().empty()) << run.note();
  }
}

TEST_F(CampaignTest, FindMaxSaysThatNoRateHolds) {
  const v1::CampaignReport report =
      RunCampaign(Stress({"--rate", "2", "--find-max", "responseLatencyUs.p99<0.001"}), 1);
  EXPECT_EQ(report.verdict(), "FAIL");
  EXPECT_FALSE(report.maximum().has_rate_per_second());
  EXPECT_THAT(report.verdict_reason(), HasSubstr("no rate holds responseLatencyUs.p99<0.001"));
}

TEST_F(CampaignTest, PlanIsTheSameAsTypedOptionsWhichWin) {
  ASSERT_TRUE(sys::WriteFile(Path("plan.yaml"),
                             absl::StrCat("# A short one\nworkload: rr\ntarget: ",
                                          server_->endpoint().ToString(),
                                          "\nconnections: 9\nwarmup: 0s\nduration: 300ms\n"
                                          "threshold:\n  - failedPercent<1\n  - succeeded>0\n"))
                  .ok());
  Run({"stress", "--plan", Path("plan.yaml"), "--connections", "4", "--save", Path("planned.json")},
      0);
  Run(Stress({"--threshold", "failedPercent<1", "--threshold", "succeeded>0", "--save",
              Path("typed.json")}),
      0);
  const v1::SavedRun planned = Saved("planned.json");
  const v1::SavedRun typed = Saved("typed.json");
  ASSERT_EQ(planned.options_size(), typed.options_size());
  for (int i = 0; i < typed.options_size(); ++i) {
    EXPECT_EQ(planned.options(i).ShortDebugString(), typed.options(i).ShortDebugString());
  }
  EXPECT_THAT(planned.report().thresholds(), SizeIs(2));
}

TEST_F(CampaignTest, ReportComparesSavedRuns) {
  Run(Stress({"--repeat", "3", "--think-time", "2ms", "--save", Path("a.json")}), 0);
  Run(Stress({"--repeat", "3", "--think-time", "30ms", "--save", Path("b.json")}), 0);
  const v1::CampaignReport compared = RunCampaign(
      {"report", "--compare", Path("a.json"), Path("b.json"), "--html", Path("ab.html")});
  EXPECT_EQ(compared.kind(), "compare");
  const v1::NumberComparison& rate = ComparisonOf(compared, "ratePerSecond");
  EXPECT_EQ(rate.runs_a(), 3u);
  EXPECT_EQ(rate.runs_b(), 3u);
  EXPECT_LT(rate.ratio(), 1);
  EXPECT_TRUE(rate.has_ratio_low());
  EXPECT_THAT(compared.differences(), SizeIs(1));
  EXPECT_THAT(Read("ab.html"), HasSubstr("\"kind\":\"compare\""));

  Run(Stress({"--save", Path("one.json")}), 0);
  EXPECT_THAT(Run({"report", "--compare", Path("one.json"), Path("one.json")}, 0).out,
              HasSubstr("too few runs to tell a difference from chance"));
}

TEST_F(CampaignTest, InterruptedCampaignPrintsWhatHasArrived) {
  std::vector<std::string> arguments = Stress({"--repeat", "100"});
  arguments.insert(arguments.begin(), {"--output", "json"});
  RunningProgram campaign = StartController(std::move(arguments));
  ASSERT_TRUE(EventuallyTrue([&] { return absl::StrContains(campaign.err.Text(), "run 1 "); }));
  campaign.process.Signal(SIGINT);
  EXPECT_EQ(campaign.process.WaitUntil(base::MonotonicNowNs() + 20'000'000'000), 5)
      << campaign.err.Text();
  const auto report = FromJson<v1::CampaignReport>(campaign.out.Text());
  EXPECT_EQ(report.verdict(), "PARTIAL");
  EXPECT_GE(report.runs_size(), 1);
  EXPECT_LT(report.runs_size(), 100);
}

}  // namespace
}  // namespace tcpfleet::tests
