#include "controller/tui/chooser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using Code = Key::Code;
using Outcome = Chooser::Outcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void Type(Chooser& chooser, const std::string& text) {
  for (const char letter : text) chooser.OnKey(Letter(letter));
}

TEST(Chooser, TakesTheOneUnderTheCursor) {
  Chooser chooser("Sort by", {"host", "rtt", "rttvar"}, {"host"}, false);
  EXPECT_EQ(chooser.OnKey({.code = Code::kDown}), Outcome::kOpen);
  EXPECT_EQ(chooser.OnKey({.code = Code::kEnter}), Outcome::kAccepted);
  EXPECT_THAT(chooser.chosen(), ElementsAre("rtt"));
}

TEST(Chooser, StartsAtTheChosenOne) {
  Chooser chooser("Sort by", {"host", "rtt", "rttvar"}, {"rttvar"}, false);
  chooser.OnKey({.code = Code::kEnter});
  EXPECT_THAT(chooser.chosen(), ElementsAre("rttvar"));
}

TEST(Chooser, FindsByTyping) {
  Chooser chooser("Sort by", {"host", "min_rtt", "rtt"}, {"host"}, false);
  Type(chooser, "rtt");
  chooser.OnKey({.code = Code::kEnter});
  EXPECT_THAT(chooser.chosen(), ElementsAre("rtt"));
}

TEST(Chooser, StaysOpenWhenNothingMatches) {
  Chooser chooser("Sort by", {"host"}, {"host"}, false);
  Type(chooser, "xyz");
  EXPECT_EQ(chooser.OnKey({.code = Code::kEnter}), Outcome::kOpen);
  EXPECT_EQ(chooser.OnKey({.code = Code::kDown}), Outcome::kOpen);
}

TEST(Chooser, MarksSeveralInOrder) {
  Chooser chooser("Group by", {"host", "peer", "state"}, {}, true);
  chooser.OnKey({.code = Code::kEnd});
  chooser.OnKey(Letter(' '));
  chooser.OnKey({.code = Code::kHome});
  chooser.OnKey(Letter(' '));
  Canvas canvas(60, 20);
  chooser.Draw(canvas);
  EXPECT_THAT(canvas.Text(), HasSubstr("[1] state"));
  EXPECT_THAT(canvas.Text(), HasSubstr("[2] host"));
  EXPECT_EQ(chooser.OnKey({.code = Code::kEnter}), Outcome::kAccepted);
  EXPECT_THAT(chooser.chosen(), ElementsAre("state", "host"));
}

TEST(Chooser, UnmarksToNothing) {
  Chooser chooser("Group by", {"host", "peer"}, {"host"}, true);
  chooser.OnKey(Letter(' '));
  chooser.OnKey({.code = Code::kEnter});
  EXPECT_THAT(chooser.chosen(), IsEmpty());
}

TEST(Chooser, GoesBackOnEscape) {
  Chooser chooser("Group by", {"host"}, {}, true);
  EXPECT_EQ(chooser.OnKey({.code = Code::kEscape}), Outcome::kCancelled);
}

TEST(Chooser, ShowsTheCursorInALongList) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back("name" + std::to_string(i));
  Chooser chooser("Columns", names, {}, false);
  chooser.OnKey({.code = Code::kEnd});
  Canvas canvas(40, 10);
  chooser.Draw(canvas);
  EXPECT_THAT(canvas.Text(), HasSubstr("name99"));
}

}  // namespace
}  // namespace tcpfleet::controller
