// `report`, `rerun` and the files of `stress`, on files alone.
#include <gmock/gmock.h>

#include <optional>

#include "common/sys/file.h"
#include "controller/campaign/saved_run.h"
#include "tests/unit/controller/campaign/fake_runs.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::FakeReport;

class ReportCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = sys::TemporaryDirectory::Create("report");
    ASSERT_TRUE(created.ok());
    directory_.emplace(*std::move(created));
  }
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  std::string Saved(const std::string& name, double rate) const {
    v1::SavedRun saved;
    *saved.mutable_report() = FakeReport(rate, 400);
    EXPECT_TRUE(SaveRun(saved, Path(name)).ok());
    return Path(name);
  }
  static CommandRun Run(const std::vector<std::string>& words) {
    FakeFleet fleet(0);
    return RunOn(fleet, words);
  }
  std::string Content(const std::string& name) const { return *sys::ReadFile(Path(name)); }

 private:
  std::optional<sys::TemporaryDirectory> directory_;
};

TEST_F(ReportCommandTest, PrintsTheRunAndWritesThePageBesideIt) {
  const CommandRun run = Run({"report", Saved("run.json", 1'000)});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("verdict    PASS"));
  EXPECT_THAT(run.err, HasSubstr("wrote " + Path("run.html")));
  EXPECT_THAT(Content("run.html"), HasSubstr("<!doctype html>"));
}

TEST_F(ReportCommandTest, WritesOnlyWhatItIsAskedFor) {
  const CommandRun run = Run({"report", Saved("run.json", 1'000), "--junit", Path("a.xml"), "--csv",
                              Path("a.csv"), "--output", "json"});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(Content("a.xml"), HasSubstr("<testsuites>"));
  EXPECT_THAT(Content("a.csv"), HasSubstr("ratePerSecond"));
  EXPECT_FALSE(sys::ReadFile(Path("run.html")).ok());
  EXPECT_THAT(run.out, HasSubstr("\"verdict\": \"PASS\""));
}

TEST_F(ReportCommandTest, ComparesTwoFiles) {
  const CommandRun run =
      Run({"report", "--compare", Saved("a.json", 1'000), Saved("b.json", 2'000)});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("2.000"));
  EXPECT_THAT(run.out, HasSubstr("NOT CONCLUSIVE: needs 2 runs of each"));
}

TEST_F(ReportCommandTest, RefusesWhatItCannotReportInOneLine) {
  ASSERT_TRUE(sys::WriteFile(Path("notes"), "buy milk").ok());
  const CommandRun foreign = Run({"report", Path("notes")});
  EXPECT_EQ(foreign.exit_code, kUsage);
  EXPECT_THAT(foreign.err, HasSubstr("notes: is no saved run"));
  EXPECT_EQ(Run({"report"}).exit_code, kUsage);
  const std::string saved = Saved("a.json", 1'000);
  EXPECT_EQ(Run({"report", saved, "--compare", saved, saved}).exit_code, kUsage);
  EXPECT_THAT(Run({"rerun", saved}).err, HasSubstr("tells no options"));
}

TEST_F(ReportCommandTest, SaysThatItsFileCouldNotBeWritten) {
  const CommandRun run = Run({"report", Saved("a.json", 1'000), "--html", "/dev/full"});
  EXPECT_EQ(run.exit_code, kPartial);
  EXPECT_THAT(run.out, HasSubstr("verdict    PASS"));
  EXPECT_THAT(run.err, HasSubstr("/dev/full"));
}

TEST_F(ReportCommandTest, StressRefusesAFileThatIsNoSavedRunBeforeItRuns) {
  ASSERT_TRUE(sys::WriteFile(Path("notes"), "buy milk").ok());
  const CommandRun run = Run({"stress", "crr", "--target", "a:1", "--save", Path("notes")});
  EXPECT_EQ(run.exit_code, kRefused);
  EXPECT_THAT(run.err, HasSubstr("will not be overwritten"));
  EXPECT_EQ(Content("notes"), "buy milk");
}

TEST_F(ReportCommandTest, OptionsOfTheCommandLineWinOverThePlan) {
  ASSERT_TRUE(sys::WriteFile(Path("plan.yaml"), "workload: crr\ntarget: [a:1]\nrate: fast\n").ok());
  EXPECT_THAT(Run({"stress", "--plan", Path("plan.yaml")}).err, HasSubstr("--rate: 'fast'"));
  EXPECT_THAT(Run({"stress", "--plan", Path("plan.yaml"), "--rate", "quick"}).err,
              HasSubstr("--rate: 'quick'"));
}

}  // namespace
}  // namespace tcpfleet::controller
