#include "controller/tui/filter_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using Code = Key::Code;
using Outcome = FilterLine::Outcome;
using ::testing::HasSubstr;

void Type(FilterLine& line, const std::string& text) {
  for (const char letter : text) line.OnKey(Letter(letter));
}

TEST(FilterLine, HoldsAsSoonAsItIsRight) {
  FilterLine line(std::nullopt);
  Type(line, "dport = :443");
  ASSERT_TRUE(line.filter().has_value());
  EXPECT_EQ(line.filter()->text(), "dport = :443");
  EXPECT_EQ(line.OnKey({.code = Code::kEnter}), Outcome::kAccepted);
}

TEST(FilterLine, KeepsTheLastRightOneWhileItIsWrongAndShowsTheMistake) {
  FilterLine line(std::nullopt);
  Type(line, "dport = :443 and nonsense");
  ASSERT_TRUE(line.filter().has_value());
  EXPECT_EQ(line.OnKey({.code = Code::kEnter}), Outcome::kOpen);
  Canvas canvas(100, 3);
  line.Draw(canvas, 0);
  EXPECT_THAT(LineOf(canvas, 0), HasSubstr("dport = :443 and nonsense"));
  EXPECT_THAT(LineOf(canvas, 1), HasSubstr("column 18"));
}

TEST(FilterLine, EscapeRestoresWhatWas) {
  const auto before = filter::Filter::Parse("sport = :22");
  FilterLine line(*before);
  line.OnKey(Control('u'));
  EXPECT_FALSE(line.filter().has_value());
  Type(line, "dport = :443");
  EXPECT_EQ(line.OnKey({.code = Code::kEscape}), Outcome::kCancelled);
  EXPECT_EQ(line.filter()->text(), "sport = :22");
}

TEST(FilterLine, EmptyIsNoFilter) {
  FilterLine line(*filter::Filter::Parse("sport = :22"));
  line.OnKey(Control('u'));
  EXPECT_EQ(line.OnKey({.code = Code::kEnter}), Outcome::kAccepted);
  EXPECT_FALSE(line.filter().has_value());
}

TEST(FilterLine, KeepsTheCursorInSight) {
  FilterLine line(std::nullopt);
  Type(line, std::string(200, 'x'));
  Canvas canvas(40, 3);
  line.Draw(canvas, 0);
  EXPECT_LT(canvas.cursor_x, 40);
  EXPECT_EQ(canvas.cursor_y, 0);
}

}  // namespace
}  // namespace tcpfleet::controller
