#include "controller/tui/console_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using Code = Key::Code;
using Request = ConsoleModel::Request;
using ::testing::HasSubstr;
using ::testing::Not;

class ConsoleModelTest : public ::testing::Test {
 protected:
  void SetUp() override { Play(story_, 5, table_); }

  std::string Drawn(int width = 100, int height = 30) {
    Canvas canvas(width, height);
    model_.Draw(canvas, table_, {.shown_unix_ns = table_.now_unix_ns()});
    return canvas.Text();
  }
  void Type(const std::string& text) {
    for (const char letter : text) EXPECT_EQ(model_.OnKey(Letter(letter)), Request::kNone);
  }
  Request Press(Code code) { return model_.OnKey({.code = code}); }

  tests::FleetStory story_{{}};
  FleetTable table_;
  ConsoleModel model_{ConsoleSettings()};
};

TEST_F(ConsoleModelTest, ShowsHostsAndConnections) {
  const std::string text = Drawn();
  EXPECT_THAT(text, HasSubstr("LIVE"));
  EXPECT_THAT(text, HasSubstr("web1 up"));
  EXPECT_THAT(text, HasSubstr("web9 DOWN"));
  EXPECT_THAT(text, HasSubstr("198.18.255.1:5432"));
  EXPECT_THAT(text, HasSubstr("? help"));
}

TEST_F(ConsoleModelTest, HandsOnWhatMovesInTime) {
  EXPECT_EQ(model_.OnKey(Letter('q')), Request::kQuit);
  EXPECT_EQ(model_.OnKey(Control('c')), Request::kQuit);
  EXPECT_EQ(model_.OnKey(Control('l')), Request::kRedraw);
  EXPECT_EQ(model_.OnKey(Letter(' ')), Request::kPause);
  EXPECT_EQ(model_.OnKey(Letter('[')), Request::kBackOne);
  EXPECT_EQ(model_.OnKey(Letter(']')), Request::kForwardOne);
  EXPECT_EQ(model_.OnKey(Letter('{')), Request::kBackTen);
  EXPECT_EQ(model_.OnKey(Letter('}')), Request::kForwardTen);
  EXPECT_EQ(model_.OnKey(Letter('+')), Request::kFaster);
  EXPECT_EQ(model_.OnKey(Letter('-')), Request::kSlower);
  EXPECT_EQ(Press(Code::kEnd), Request::kToEnd);
}

TEST_F(ConsoleModelTest, FiltersWhileTyping) {
  Type("/sport = :5432");
  EXPECT_THAT(Drawn(), HasSubstr("(4 of 20)"));
  Type(" q");  // not a command here
  EXPECT_THAT(Drawn(), HasSubstr("column 15"));
  EXPECT_THAT(Drawn(), HasSubstr("(4 of 20)"));
  Press(Code::kEscape);
  EXPECT_THAT(Drawn(), Not(HasSubstr("(4 of 20)")));
  EXPECT_THAT(Drawn(), HasSubstr("? help"));
}

TEST_F(ConsoleModelTest, CtrlCQuitsAlsoWhileTyping) {
  Type("/x");
  EXPECT_EQ(model_.OnKey(Control('c')), Request::kQuit);
}

TEST_F(ConsoleModelTest, OpensAConnectionAndComesBack) {
  Drawn();
  Press(Code::kDown);
  Press(Code::kEnter);
  EXPECT_THAT(Drawn(), HasSubstr("FIELDS"));
  EXPECT_EQ(model_.OnKey(Letter('q')), Request::kQuit) << "also from here";
  Press(Code::kEscape);
  EXPECT_THAT(Drawn(), Not(HasSubstr("FIELDS")));
}

TEST_F(ConsoleModelTest, SortsByAnyColumn) {
  Type("s");
  EXPECT_THAT(Drawn(), HasSubstr("Sort by"));
  Type("rttvar");
  Press(Code::kEnter);
  EXPECT_THAT(Drawn(), HasSubstr("sort: rttvar ▼"));
}

TEST_F(ConsoleModelTest, GroupsAndUngroups) {
  Type("ghost");
  Type(" ");
  Press(Code::kEnter);
  EXPECT_THAT(Drawn(), HasSubstr("group: host"));
  EXPECT_THAT(Drawn(), HasSubstr("▸ db1"));
  Type("ghost ");
  Press(Code::kEnter);
  EXPECT_THAT(Drawn(), Not(HasSubstr("group:")));
}

TEST_F(ConsoleModelTest, ChoosesColumns) {
  Type("cpeer ");
  Press(Code::kEnter);
  EXPECT_THAT(Drawn(), HasSubstr("PEER"));
  EXPECT_THAT(Drawn(), Not(HasSubstr("LOCAL")));
}

TEST_F(ConsoleModelTest, ShowsHostsOnAPageOfTheirOwn) {
  Type("h");
  EXPECT_THAT(Drawn(), HasSubstr("Linux 6.1.0-30-amd64"));
  Press(Code::kEscape);
  EXPECT_THAT(Drawn(), Not(HasSubstr("Linux 6.1.0-30-amd64")));
}

TEST_F(ConsoleModelTest, HelpScrollsAndAnyOtherKeyLeavesIt) {
  Type("?");
  EXPECT_THAT(Drawn(), HasSubstr("fold or unfold the group"));
  Press(Code::kDown);
  EXPECT_THAT(Drawn(100, 10), HasSubstr("any key: back"));
  EXPECT_EQ(model_.OnKey(Letter('q')), Request::kNone);
  EXPECT_THAT(Drawn(), HasSubstr("LOCAL"));
}

TEST_F(ConsoleModelTest, SaysThatTheScreenIsTooSmall) {
  EXPECT_THAT(Drawn(39, 24), HasSubstr("too small: 39x24"));
  EXPECT_THAT(Drawn(80, 9), HasSubstr("too small"));
  EXPECT_THAT(Drawn(40, 10), Not(HasSubstr("too small")));
  EXPECT_EQ(Drawn(0, 0), "");
}

TEST_F(ConsoleModelTest, AnyKeysOnAnySizeAreHarmless) {
  std::vector<Key> keys;
  for (int letter = 0x20; letter < 0x7f; ++letter)
    keys.push_back(Letter(static_cast<char>(letter)));
  for (int code = 1; code <= static_cast<int>(Code::kResize); ++code) {
    keys.push_back({.code = static_cast<Code>(code), .text = "a", .x = 3, .y = 7});
  }
  // A walk through everywhere; the seed makes it the same one every time.
  std::mt19937 random(1);
  for (int step = 0; step < 4'000; ++step) {
    model_.OnKey(keys[random() % keys.size()]);
    if (step % 40 != 0) continue;
    Canvas canvas(81, 25);
    model_.Draw(canvas, table_, {});
    Canvas tiny(41, 11);
    model_.Draw(tiny, table_, {});
  }
  Play(story_, 1, table_);
  model_.TableChanged(table_);
  EXPECT_NE(Drawn(), "");
}

}  // namespace
}  // namespace tcpfleet::controller
