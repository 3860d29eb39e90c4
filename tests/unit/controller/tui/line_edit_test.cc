#include "controller/tui/line_edit.h"

#include <gtest/gtest.h>

#include "tests/unit/controller/tui/story_table.h"

namespace tcpfleet::controller {
namespace {

using Code = Key::Code;

TEST(LineEdit, TypesAtTheCursor) {
  LineEdit edit("rt > 1");
  edit.OnKey({.code = Code::kHome});
  edit.OnKey({.code = Code::kRight});
  edit.OnKey({.code = Code::kRight});
  edit.OnKey(Letter('t'));
  EXPECT_EQ(edit.text(), "rtt > 1");
  EXPECT_EQ(edit.cursor(), 3);
}

TEST(LineEdit, ErasesWholeLetters) {
  LineEdit edit("aµ");
  edit.OnKey({.code = Code::kBackspace});
  EXPECT_EQ(edit.text(), "a");
  edit.OnKey({.code = Code::kHome});
  edit.OnKey({.code = Code::kDelete});
  EXPECT_EQ(edit.text(), "");
  EXPECT_FALSE(edit.OnKey({.code = Code::kBackspace}));
}

TEST(LineEdit, KnowsTheKeysOfAShell) {
  LineEdit edit("dport = :443");
  edit.OnKey(Control('w'));
  EXPECT_EQ(edit.text(), "dport = ");
  edit.OnKey(Control('a'));
  EXPECT_EQ(edit.cursor(), 0);
  edit.OnKey(Control('e'));
  EXPECT_EQ(edit.cursor(), 8);
  edit.OnKey({.code = Code::kLeft});
  edit.OnKey(Control('k'));
  EXPECT_EQ(edit.text(), "dport =");
  edit.OnKey(Control('u'));
  EXPECT_EQ(edit.text(), "");
}

TEST(LineEdit, TakesNoMoreThanItsBound) {
  LineEdit edit(std::string(LineEdit::kMostBytes, 'x'));
  EXPECT_FALSE(edit.OnKey(Letter('y')));
  EXPECT_EQ(edit.text().size(), LineEdit::kMostBytes);
}

TEST(LineEdit, IgnoresOtherKeys) {
  LineEdit edit("a");
  EXPECT_FALSE(edit.OnKey({.code = Code::kPageUp}));
  EXPECT_FALSE(edit.OnKey(Control('q')));
  EXPECT_EQ(edit.text(), "a");
}

}  // namespace
}  // namespace tcpfleet::controller
