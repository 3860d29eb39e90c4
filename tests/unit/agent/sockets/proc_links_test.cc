#include "agent/sockets/proc_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tcpfleet::agent {
namespace {

using ::testing::IsEmpty;

TEST(ProcLinks, ReadsTheInodeOfItsKindOnly) {
  EXPECT_EQ(ParseInodeLink("socket:[4711]", "socket"), 4711u);
  EXPECT_EQ(ParseInodeLink("net:[18446744073709551615]", "net"), 18446744073709551615u);
  for (const char* link :
       {"", "socket", "socket:", "socket:[", "socket:[]", "socket:[-1]", "socket:[1", "socket:[1]x",
        "xsocket:[1]", "pipe:[1]", "socket:[18446744073709551616]"}) {
    EXPECT_EQ(ParseInodeLink(link, "socket"), std::nullopt) << link;
  }
}

TEST(ProcLinks, ListsNothingWhereThereIsNoProc) {
  EXPECT_THAT(ListProcesses("/nonexistent"), IsEmpty());
}

TEST(ProcLinks, KeepsReadableText) {
  for (const char* text : {"", "nginx: worker", "größe", "\u20ac", "\U0001f600"}) {
    EXPECT_EQ(Readable(text), text);
  }
}

TEST(ProcLinks, MasksControlCharacters) {
  EXPECT_EQ(Readable("a\nb\x1b[2J\x7f"), "a?b?[2J?");
  EXPECT_EQ(Readable("\xc2\x9b"
                     "31m"),
            "?31m")
      << "the 8-bit form of ESC [";
  EXPECT_EQ(Readable(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(Readable("cut \xc2"), "cut ?");  // the kernel cuts names at 15 bytes
}

TEST(ProcLinks, MasksBytesThatAreNoUtf8) {
  EXPECT_EQ(Readable("\x80 \xc3"), "? ?");
  EXPECT_EQ(Readable("\xc0\xaf"), "??") << "overlong";
  EXPECT_EQ(Readable("\xe0\x80\xaf"), "???") << "overlong";
  EXPECT_EQ(Readable("\xf0\x80\x80\xaf"), "????") << "overlong";
  EXPECT_EQ(Readable("\xed\xa0\x80"), "???") << "half of a surrogate pair";
  EXPECT_EQ(Readable("\xf4\x90\x80\x80"), "????") << "beyond U+10FFFF";
  EXPECT_EQ(Readable("\xe2\x82"), "??") << "cut off";
}

}  // namespace
}  // namespace tcpfleet::agent
