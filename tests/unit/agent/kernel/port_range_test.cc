#include "agent/kernel/port_range.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using tests::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParsePortRange, TakesTwoOrderedPorts) {
  EXPECT_EQ(ParsePortRange("32768\t60999\n")->first, 32768);
  EXPECT_EQ(ParsePortRange("32768\t60999\n")->last, 60999);
  EXPECT_EQ(ParsePortRange("5000 5000")->last, 5000);
  for (const char* text : {"", "1", "9 8", "0 5", "1 65536", "a b", "1 2 3", "-1 5"}) {
    EXPECT_THAT(ParsePortRange(text), StatusIs(kInvalid)) << text;
  }
}

TEST(ParsePortList, TakesPortsAndRanges) {
  const PortSet ports = ParsePortList("1,8080,65534-65535\n").value();
  EXPECT_EQ(ports.count(), 4u);
  EXPECT_TRUE(ports[1] && ports[8080] && ports[65534] && ports[65535]);
  EXPECT_TRUE(ParsePortList("\n")->none());
  for (const char* text : {"a", "1-", "-1", "2-1", "65536", "1-65536", "1,x"}) {
    EXPECT_THAT(ParsePortList(text), StatusIs(kInvalid)) << text;
  }
}

}  // namespace
}  // namespace tcpfleet::agent
