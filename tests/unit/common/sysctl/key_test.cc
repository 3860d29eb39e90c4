#include "common/sysctl/key.h"

#include <gtest/gtest.h>

namespace tcpfleet::sysctl {
namespace {

TEST(Key, MayBeWrittenWithDotsOrSlashes) {
  for (const char* text :
       {"net.ipv4.tcp_rmem", "net/ipv4/tcp_rmem", "/proc/sys/net/ipv4/tcp_rmem"}) {
    EXPECT_EQ(*ParseKey(text), "net/ipv4/tcp_rmem") << text;
  }
  EXPECT_EQ(DottedKey("net/ipv4/tcp_rmem"), "net.ipv4.tcp_rmem");
}

TEST(Key, KeepsTheDotOfAnInterfaceName) {
  const char* const path = "net/ipv4/conf/eth0.100/rp_filter";
  EXPECT_EQ(*ParseKey("net.ipv4.conf.eth0/100.rp_filter"), path);
  EXPECT_EQ(*ParseKey(path), path);
  EXPECT_EQ(DottedKey(path), "net.ipv4.conf.eth0/100.rp_filter");
}

TEST(Key, NamesNothingOutsideProcSys) {
  const std::string nul("net.ipv4\0.tcp_rmem", 18);
  for (const std::string& text :
       {std::string(), std::string("../../etc/passwd"), std::string("net/../../etc/passwd"),
        std::string("/etc/passwd"), std::string("net..ipv4"), std::string("net.ipv4."),
        std::string("net/./ipv4"), std::string("net.ipv4 tcp_rmem"), std::string("net.ipv4\n"), nul,
        std::string(256, 'a')}) {
    EXPECT_FALSE(ParseKey(text).ok()) << text;
  }
}

TEST(Key, MatchesPatternsWithinOneLevel) {
  EXPECT_TRUE(GlobMatches("net/ipv4/tcp_*mem", "net/ipv4/tcp_rmem"));
  EXPECT_TRUE(GlobMatches("net/ipv4/conf/*/rp_filter", "net/ipv4/conf/eth0.100/rp_filter"));
  EXPECT_FALSE(GlobMatches("net/*", "net/ipv4/tcp_rmem"));
  EXPECT_TRUE(IsGlob("net/ipv4/conf/[el]*"));
  EXPECT_FALSE(IsGlob("net/ipv4/tcp_rmem"));
}

}  // namespace
}  // namespace tcpfleet::sysctl
