#include "agent/load/local_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using tests::IsOk;
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

TEST(UsablePorts, LeavesOutReservedAndListeningOnes) {
  PortSet reserved, listening;
  for (const size_t port : {12, 9}) reserved.set(port);
  for (const size_t port : {12, 14, 16}) listening.set(port);
  const LocalPorts ports = UsablePorts({10, 15}, reserved, listening);
  EXPECT_THAT(ports.usable, ElementsAre(10, 11, 13, 15));
  EXPECT_EQ(ports.reserved, 1u);
  EXPECT_EQ(ports.listening, 1u);
}

TEST(ReadLocalPorts, ReadsThisHost) {
  const absl::StatusOr<LocalPorts> ports = ReadLocalPorts();
  ASSERT_THAT(ports, IsOk());
  EXPECT_EQ(ports->usable.size() + ports->reserved + ports->listening,
            size_t{ports->range.last} - ports->range.first + 1);
}

}  // namespace
}  // namespace tcpfleet::agent
