// Bulk data, in every direction.
#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::IsEmpty;

class EveryDirection : public FleetTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(EveryDirection, MovesTheSameBytesOnBothSides) {
  for (const char* name : {"web1", "web2", "web3"}) AddAgent(name);
  const v1::StressReport report =
      Stress({"stream", "--serve", "web3", "--direction", GetParam(), "--connections", "4",
              "--write-size", "64k", "--duration", "1s", "--warmup", "200ms"});
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_THAT(report.total().failed(), IsEmpty());
  const std::string direction = GetParam();
  const bool sends = direction != "receive";
  const bool receives = direction != "send";
  EXPECT_EQ(report.total().bits_sent_per_second() > 0, sends);
  EXPECT_EQ(report.total().bits_received_per_second() > 0, receives);
  EXPECT_EQ(report.total().bytes_sent() > 0, sends);
  EXPECT_EQ(report.total().bytes_received() > 0, receives);
}

INSTANTIATE_TEST_SUITE_P(Stream, EveryDirection, ::testing::Values("send", "receive", "both"),
                         [](const auto& direction) { return std::string(direction.param); });

}  // namespace
}  // namespace tcpfleet::tests
