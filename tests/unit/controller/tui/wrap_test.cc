#include "controller/tui/wrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;

TEST(Wrapped, CutsAtBlanks) {
  EXPECT_THAT(Wrapped("one two three four", 14, 4), ElementsAre("one two three", "    four"));
}

TEST(Wrapped, LeavesWhatFits) { EXPECT_THAT(Wrapped("a  b", 10, 2), ElementsAre("a  b")); }

TEST(Wrapped, LeavesLongWordsWhole) {
  EXPECT_THAT(Wrapped("x aaaaaaaaaaaaaaaaaaaa y", 12, 0),
              ElementsAre("x", "aaaaaaaaaaaaaaaaaaaa", "y"));
}

}  // namespace
}  // namespace tcpfleet::controller
