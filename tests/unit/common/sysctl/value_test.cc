#include "common/sysctl/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::sysctl {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

TEST(Value, FoldsBlanks) {
  EXPECT_EQ(FoldBlanks("4096\t131072\t 33554432\n"), "4096 131072 33554432");
  EXPECT_EQ(FoldBlanks(" \n"), "");
}

TEST(Value, ReadsNumbersAsTheKernelDoes) {
  EXPECT_THAT(ParseNumbers("4096\t131072 33554432"), Optional(ElementsAre(4096, 131072, 33554432)));
  EXPECT_THAT(ParseNumbers("0200 0x80 -1"), Optional(ElementsAre(128, 128, -1)));
  for (const char* text :
       {"", " ", "bbr", "1 two", "128;", "-", "--1", "9223372036854775808", "0x"}) {
    EXPECT_FALSE(ParseNumbers(text).has_value()) << text;
  }
}

TEST(Value, MergesRanges) {
  EXPECT_EQ(*CanonicalRanges("8080,1,2,3-5,9000-9001,9001"), "1-5,8080,9000-9001");
  EXPECT_EQ(*CanonicalRanges("\n"), "");
  EXPECT_EQ(*CanonicalRanges("65535"), "65535");
  for (const char* text : {"1-", "-1", "5-1", "65536", "a", "1-2-3"}) {
    EXPECT_FALSE(CanonicalRanges(text).ok()) << text;
  }
}

TEST(Value, IsTheSameHoweverItIsWritten) {
  EXPECT_EQ(Canonical("net/ipv4/tcp_rmem", "4096 131072  33554432"),
            Canonical("net/ipv4/tcp_rmem", "4096\t131072\t33554432\n"));
  EXPECT_EQ(Canonical("net/core/somaxconn", "0x1000"), "4096");
  EXPECT_EQ(Canonical("net/ipv4/ip_local_reserved_ports", "3,1,2"), "1-3");
  EXPECT_EQ(Canonical("net/ipv4/tcp_congestion_control", "bbr\n"), "bbr");
}

}  // namespace
}  // namespace tcpfleet::sysctl
