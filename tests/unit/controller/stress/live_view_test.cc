#include "controller/stress/live_view.h"

#include <absl/strings/str_join.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/cli/text.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/stress/view_fixture.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using tests::ViewFixture;

void AddUsualCast(ViewFixture& fixture) {
  fixture.Add("web03", v1::StressSpec::ROLE_SERVER);
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  Participant& dead = fixture.Add("a-very-long-name-of-a-host.dc1");
  fixture.Report(dead, 4'000, 4'560'000);
  dead.HandleEnd(absl::UnavailableError("Socket closed"));
}

TEST(LiveBlock, ShowsEveryAgentAndTheTotal) {
  ViewFixture fixture;
  AddUsualCast(fixture);
  tests::ExpectGolden("live_block.txt",
                      absl::StrJoin(LiveBlock(fixture.view(), true, 120, 24), "\n") + "\n");
}

TEST(LiveBlock, SurvivesNarrowTerminals) {
  ViewFixture fixture;
  AddUsualCast(fixture);
  for (const int columns : {1, 20, 40, 79}) {
    for (const std::string& line : LiveBlock(fixture.view(), true, columns, 24)) {
      EXPECT_LE(DisplayWidth(line), columns) << line;
    }
  }
}

TEST(LiveBlock, FitsEightyColumnsWithUsualNames) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01.dc1"), 5'000, 123'400);
  fixture.Report(fixture.Add("web02.dc1"), 5'000, 123'400);
  const std::vector<std::string> lines = LiveBlock(fixture.view(), false, 79, 24);
  EXPECT_THAT(lines[0], HasSubstr("RETRANS"));
}

TEST(LiveBlock, CountsTheAgentsThatDoNotFit) {
  ViewFixture fixture;
  for (int i = 0; i < 30; ++i) fixture.Report(fixture.Add("web" + std::to_string(i)), 10, 1'000);
  const std::vector<std::string> lines = LiveBlock(fixture.view(), false, 100, 10);
  ASSERT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines[7], "… and 24 more");
  EXPECT_THAT(lines[8], HasSubstr("total"));
  EXPECT_EQ(LiveBlock(fixture.view(), false, 100, 1).size(), 4u);
}

TEST(LiveBlock, SaysThatItIsTheWarmUp) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 10, 1'000, false);
  EXPECT_EQ(LiveBlock(fixture.view(), false, 100, 10).back(), "3 s elapsed, 8 s to go (warm-up)");
}

TEST(LiveBlock, ShowsWhatIsUnknownAsUnknown) {
  ViewFixture fixture;
  fixture.Add("web01");
  const std::string row = LiveBlock(fixture.view(), true, 100, 10)[1];
  EXPECT_EQ(row.find_first_of("0123456789", 5), std::string::npos) << row;
}

TEST(LiveLine, SaysThatNothingIsKnownYet) {
  ViewFixture fixture;
  fixture.Add("web01");
  EXPECT_THAT(LiveLine(fixture.view(), false), HasSubstr("no client has reported yet"));
}

TEST(LiveLine, SumsUpTheInterval) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  fixture.Report(fixture.Add("web02"), 5'000, 120'000);
  EXPECT_EQ(LiveLine(fixture.view(), false),
            "3 s elapsed, 8 s to go: 5.00k/s, 64 active, 6 failed, connect 120µs/120µs, rtt -, 8 "
            "retransmits");
}

TEST(LiveBlock, ShowsStreamsInBitsPerSecond) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  RunView view = fixture.view();
  view.workload = v1::StressSpec::WORKLOAD_STREAM;
  EXPECT_THAT(LiveBlock(view, false, 120, 24).front(), HasSubstr("SENT BIT/S  RECV BIT/S"));
  EXPECT_THAT(LiveLine(view, false), HasSubstr("bit/s sent, "));
}

TEST(LiveBlock, ShowsLatenessThatMatters) {
  ViewFixture fixture;
  Participant& participant = fixture.Add("web01");
  fixture.Report(participant, 5'000, 120'000, /*measured=*/true, /*lateness_ns=*/900'000);
  EXPECT_THAT(LiveBlock(fixture.view(), true, 120, 24).front(), Not(HasSubstr("LATE")));
  fixture.Report(participant, 6'000, 120'000, /*measured=*/true, /*lateness_ns=*/3'000'000);
  EXPECT_THAT(LiveBlock(fixture.view(), true, 120, 24).front(), HasSubstr("LATE P50/P99"));
  EXPECT_THAT(LiveLine(fixture.view(), true), HasSubstr(", sent late by "));
}

}  // namespace
}  // namespace tcpfleet::controller
