#include "controller/cli/text.h"

#include <gtest/gtest.h>

#include "controller/cli/color.h"

namespace tcpfleet::controller {
namespace {

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(DisplayWidth("12 µs"), 5);
  EXPECT_EQ(DisplayWidth("日本"), 4);
  EXPECT_EQ(DisplayWidth("e\xcc\x81"), 1);  // e and a combining accent
  EXPECT_EQ(DisplayWidth("\xff"), 1);
}

TEST(DisplayWidth, LeavesStylesOut) {
  EXPECT_EQ(DisplayWidth(Styled(Style::kRed, "12 µs", true)), 5);
  EXPECT_EQ(DisplayWidth("\x1b[31"), 4);    // no whole sequence
  EXPECT_EQ(DisplayWidth("\x1b[2Kab"), 6);  // not of a style
}

TEST(Shortened, CutsBetweenLetters) {
  EXPECT_EQ(Shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(Shortened("abcdefg", 6), "abcde…");
  EXPECT_EQ(Shortened("日本語", 5), "日本…");
  EXPECT_EQ(Shortened("日本語", 4), "日…");
}

TEST(Printable, KeepsEscapeSequencesFromTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\n\x7f"), "a?[31mb??");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "?31m");  // C1 control
  EXPECT_EQ(Printable("a\xe2\x80\xae"
                      "b"),
            "a?b");                                             // right-to-left override
  EXPECT_EQ(Printable("\xc0\x80 \xed\xa0\x80 ü"), "?? ??? ü");  // overlong, surrogate
}

}  // namespace
}  // namespace tcpfleet::controller
