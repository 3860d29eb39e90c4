#include "common/base/suggest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tcpfleet::base {
namespace {

const std::vector<std::string> kCommands = {"agents", "snapshot", "stress", "stack", "watch"};

TEST(NearestName, FindsMissingExtraWrongAndSwappedLetters) {
  EXPECT_EQ(NearestName("agnts", kCommands), "agents");
  EXPECT_EQ(NearestName("agentss", kCommands), "agents");
  EXPECT_EQ(NearestName("stresd", kCommands), "stress");
  EXPECT_EQ(NearestName("wacth", kCommands), "watch");
}

TEST(NearestName, SuggestsNothingForDistantWords) {
  EXPECT_EQ(NearestName("frobnicate", kCommands), "");
  EXPECT_EQ(NearestName("xy", kCommands), "");
  EXPECT_EQ(NearestName("agents", {}), "");
}

TEST(DidYouMean, IsTheTailOfASentence) {
  EXPECT_EQ(DidYouMean("stres", kCommands), ", did you mean 'stress'?");
  EXPECT_EQ(DidYouMean("frobnicate", kCommands), "");
}

}  // namespace
}  // namespace tcpfleet::base
