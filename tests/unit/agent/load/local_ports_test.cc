#include "agent/load/local_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using tests::IsOk;

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
