#include "controller/stress/progress.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tcpfleet/v1/report.pb.h"
#include "tests/unit/controller/stress/view_fixture.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using tests::ViewFixture;

auto CountLines(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }

TEST(RedrawnBlock, OverwritesItsLines) {
  std::ostringstream out;
  RedrawnBlock block(out);
  block.Draw({"one", "two"}, 80);
  EXPECT_EQ(out.str(), "one\x1b[K\ntwo\x1b[K\n\x1b[J");
  out.str("");
  block.Draw({"three"}, 80);
  EXPECT_EQ(out.str(), "\x1b[2A\rthree\x1b[K\n\x1b[J");
}

TEST(RedrawnBlock, GoesUpOverLinesThatANarrowerTerminalHasWrapped) {
  std::ostringstream out;
  RedrawnBlock block(out);
  block.Draw({std::string(79, 'x'), ""}, 80);
  out.str("");
  block.Draw({"y"}, 40);
  EXPECT_THAT(out.str(), StartsWith("\x1b[3A\r"));
}

TEST(RunProgress, WritesPlainLinesWhereThereIsNoTerminal) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  std::ostringstream talk;
  RunProgress progress(talk, {});
  progress.OnInterval(fixture.view());
  progress.OnInterval(fixture.view());
  EXPECT_THAT(talk.str(), Not(HasSubstr("\x1b")));
  EXPECT_EQ(CountLines(talk.str()), 2);
}

TEST(RunProgress, AsksForTheTerminalsSizeEveryTime) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  std::ostringstream talk;
  int asked = 0;
  RunProgress::Options options;
  options.terminal_size = [&asked] {
    ++asked;
    return TerminalSize();
  };
  RunProgress progress(talk, options);
  progress.OnInterval(fixture.view());
  progress.OnInterval(fixture.view());
  EXPECT_EQ(asked, 2);
  EXPECT_THAT(talk.str(), HasSubstr("\x1b[4A\r"));
}

TEST(RunProgress, WritesOneJsonObjectPerInterval) {
  ViewFixture fixture;
  fixture.Report(fixture.Add("web01"), 5'000, 120'000);
  std::ostringstream talk;
  std::ostringstream data;
  RunProgress::Options options;
  options.jsonl = &data;
  RunProgress(talk, options).OnInterval(fixture.view());
  v1::StressInterval interval;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(data.str(), &interval).ok())
      << data.str();
  EXPECT_EQ(interval.elapsed_seconds(), 3.25);
  EXPECT_EQ(interval.total().succeeded(), 5'000u);
  EXPECT_EQ(interval.agents(0).name(), "web01");
  EXPECT_EQ(CountLines(data.str()), 1);
}

}  // namespace
}  // namespace tcpfleet::controller
