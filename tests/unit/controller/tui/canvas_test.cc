#include "controller/tui/canvas.h"

#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

TEST(Canvas, DrawsWhereItIsTold) {
  Canvas canvas(10, 2);
  EXPECT_EQ(canvas.Put(2, 1, "abc"), 5);
  EXPECT_EQ(canvas.Text(), "\n  abc\n");
}

TEST(Canvas, ShortensWhatDoesNotFitAndSaysSo) {
  Canvas canvas(5, 1);
  canvas.Put(0, 0, "abcdefgh");
  EXPECT_EQ(canvas.Text(), "abcd…\n");
}

TEST(Canvas, ShortensToTheRoomGiven) {
  Canvas canvas(10, 1);
  EXPECT_EQ(canvas.Put(0, 0, "abcdefgh", {}, 4), 4);
  EXPECT_EQ(canvas.Text(), "abc…\n");
}

TEST(Canvas, DrawsNothingOutside) {
  Canvas canvas(4, 1);
  canvas.Put(0, 1, "below");
  canvas.Put(0, -1, "above");
  canvas.Put(4, 0, "right");
  canvas.Put(-2, 0, "abcd");
  EXPECT_EQ(canvas.Text(), "cd\n");
}

TEST(Canvas, GivesWideLettersTwoColumns) {
  Canvas canvas(6, 1);
  EXPECT_EQ(canvas.Put(0, 0, "日本x"), 5);
  EXPECT_EQ(canvas.at(1, 0).letter, "");
  EXPECT_EQ(canvas.at(4, 0).letter, "x");
}

TEST(Canvas, KeepsMarksWithTheirLetter) {
  Canvas canvas(4, 1);
  canvas.Put(0, 0, "e\u0301x");
  EXPECT_EQ(canvas.at(0, 0).letter, "e\u0301");
  EXPECT_EQ(canvas.at(1, 0).letter, "x");
}

TEST(Canvas, DrawsWhatSteersTerminalsAsQuestionMarks) {
  Canvas canvas(10, 1);
  canvas.Put(0, 0, "a\x1b[2Jb\n");
  EXPECT_EQ(canvas.Text(), "a?[2Jb?\n");
}

TEST(Canvas, EndsRightAlignedTextBeforeItsColumn) {
  Canvas canvas(10, 1);
  canvas.PutRight(8, 0, "123");
  EXPECT_EQ(canvas.Text(), "     123\n");
}

TEST(Canvas, LooksReachTheWholeLine) {
  Canvas canvas(3, 2);
  canvas.SetLineLook(1, kTitleLook);
  EXPECT_EQ(canvas.at(2, 1).look, kTitleLook);
  EXPECT_EQ(canvas.at(2, 0).look, kPlainLook);
}

TEST(Canvas, MayBeEmpty) {
  Canvas canvas(0, 0);
  canvas.Put(0, 0, "x");
  canvas.SetLineLook(0, kTitleLook);
  EXPECT_EQ(canvas.Text(), "");
}

TEST(AsciiLetter, HasOneForEveryLetterOfTheConsole) {
  for (const char* const letter : {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█", "▲", "▼",
                                   "▸", "▾", "─", "│", "┌", "┐", "└", "┘", "…", "µ"}) {
    const std::string ascii(AsciiLetter(letter));
    EXPECT_EQ(ascii.size(), 1) << letter;
    EXPECT_NE(ascii, "?") << letter;
  }
}

TEST(AsciiLetter, SaysThatALetterIsUnknown) {
  EXPECT_EQ(AsciiLetter("日"), "?");
  EXPECT_EQ(AsciiLetter("a"), "a");
}

}  // namespace
}  // namespace tcpfleet::controller
