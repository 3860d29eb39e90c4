#include "controller/campaign/saved_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

#include "common/sys/file.h"
#include "controller/cli/printer.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/campaign/fake_runs.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::FakeReport;
using tests::StatusIs;

class SavedRunTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto created = sys::TemporaryDirectory::Create("saved");
    ASSERT_TRUE(created.ok());
    directory_.emplace(*std::move(created));
  }
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  std::string Written(const std::string& content) const {
    EXPECT_TRUE(sys::WriteFile(Path("run.json"), content).ok());
    return Path("run.json");
  }
  static v1::SavedRun Sample() {
    v1::SavedRun saved;
    *saved.mutable_report() = FakeReport(1'000, 400);
    saved.add_options()->set_name("rate");
    saved.mutable_options(0)->add_values("1k");
    return saved;
  }

 private:
  std::optional<sys::TemporaryDirectory> directory_;
};

TEST_F(SavedRunTest, ReadsWhatItWrote) {
  ASSERT_TRUE(SaveRun(Sample(), Path("run.json")).ok());
  const auto read = ReadSavedRun(Path("run.json"));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->SerializeAsString(), Sample().SerializeAsString());
}

TEST_F(SavedRunTest, ReadsWhatOutputJsonPrints) {
  std::ostringstream report;
  ASSERT_TRUE(WriteJson(report, FakeReport(1'000, 400)).ok());
  const auto run = ReadSavedRun(Written(report.str()));
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_EQ(run->report().verdict(), "PASS");

  v1::CampaignReport campaign;
  campaign.set_kind("repeat");
  campaign.set_verdict("PASS");
  *campaign.add_runs()->mutable_report() = FakeReport(1'000, 400);
  std::ostringstream several;
  ASSERT_TRUE(WriteJson(several, campaign).ok());
  const auto read = ReadSavedRun(Written(several.str()));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->campaign().runs_size(), 1);
}

TEST_F(SavedRunTest, SkipsFieldsOfANewerVersion) {
  EXPECT_TRUE(
      ReadSavedRun(Written(R"({"report": {"verdict": "PASS", "mood": [1]}, "x": 1})")).ok());
}

TEST_F(SavedRunTest, RefusesForeignAndDamagedFiles) {
  for (const char* const content :
       {"", "{}", "[]", "hello", R"({"a": 1})", R"({"report": {"verdict": "PA)",
        R"({"report": {"total": {"attempted": "many"}, "verdict": "PASS"}})"}) {
    EXPECT_THAT(ReadSavedRun(Written(content)).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no saved run")))
        << content;
  }
  std::string deep(100'000, '[');
  EXPECT_FALSE(ReadSavedRun(Written("{\"report\":" + deep)).ok());
}

TEST_F(SavedRunTest, WillNotOverwriteWhatIsNoSavedRun) {
  EXPECT_THAT(CheckSavePath(Written("my notes")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is no saved run")));
  ASSERT_TRUE(SaveRun(Sample(), Path("old.json")).ok());
  EXPECT_TRUE(CheckSavePath(Path("old.json")).ok());
  EXPECT_TRUE(CheckSavePath(Path("new.json")).ok());
  EXPECT_THAT(CheckSavePath(Path("no/where.json")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is no directory")));
  EXPECT_THAT(CheckSavePath(Path("")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is a directory")));
}

std::vector<v1::StressInterval> Intervals(int count, int agents) {
  std::vector<v1::StressInterval> intervals(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    v1::StressInterval& interval = intervals[static_cast<size_t>(i)];
    interval.set_elapsed_seconds(i + 1);
    for (int agent = 0; agent < agents; ++agent) interval.add_agents();
  }
  return intervals;
}

std::vector<double> ElapsedOf(const v1::RunIntervals& run) {
  std::vector<double> elapsed;
  for (const v1::StressInterval& interval : run.intervals()) {
    elapsed.push_back(interval.elapsed_seconds());
  }
  return elapsed;
}

TEST(RunIntervals, AreThoseOfEachRun) {
  v1::SavedRun saved;
  AddRunIntervals(Intervals(3, 2), saved);
  AddRunIntervals({}, saved);
  AddRunIntervals(Intervals(1, 2), saved);
  ASSERT_EQ(saved.run_intervals_size(), 3);
  EXPECT_EQ(ElapsedOf(saved.run_intervals(0)), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(saved.run_intervals(1).intervals_size(), 0);
  EXPECT_EQ(ElapsedOf(saved.run_intervals(2)), (std::vector<double>{1}));
}

TEST(RunIntervals, AreThinnedAlikeWhenThereAreTooMany) {
  v1::SavedRun saved;
  AddRunIntervals(Intervals(99, 1'000), saved);
  AddRunIntervals(Intervals(6, 1'000), saved);
  ASSERT_EQ(saved.run_intervals_size(), 2);
  EXPECT_EQ(saved.run_intervals(0).intervals_size(), 49);
  EXPECT_EQ(ElapsedOf(saved.run_intervals(1)), (std::vector<double>{2, 4, 6}));
}

TEST_F(SavedRunTest, SaysThatADiskIsFull) {
  EXPECT_THAT(SaveRun(Sample(), "/dev/full"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

}  // namespace
}  // namespace tcpfleet::controller
