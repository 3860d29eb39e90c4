#include "agent/probe/prober.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/probe/collecting_sink.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::PlainServer;
using tests::StatusIs;

class ProberTest : public testing::Test {
 protected:
  absl::Status Run() { return RunProbe(plan_, limits_, *wait_, sink_); }

  const std::unique_ptr<InterruptibleWait> wait_ = InterruptibleWait::Create().value();
  const std::unique_ptr<PlainServer> server_ =
      PlainServer::Create(PlainServer::Behaviour::kHold).value();
  AgentLoadLimits limits_;
  CollectingSink sink_;
  ProbePlan plan_{.host = "127.0.0.1",
                  .port = server_->endpoint().port,
                  .count = 3,
                  .timeout_ns = 20'000'000'000};
};

TEST_F(ProberTest, SaysTheResolutionFirstAndThenEveryTryInOrder) {
  ASSERT_THAT(Run(), IsOk());
  const std::vector<v1::ProbeResponse> responses = sink_.responses();
  ASSERT_EQ(responses.size(), 4u);
  EXPECT_THAT(responses[0].resolution().addresses(), ElementsAre("127.0.0.1"));
  EXPECT_GE(responses[0].resolution().duration_us(), 0);
  for (uint32_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(responses[i].try_().number(), i);
    EXPECT_EQ(responses[i].try_().outcome(), "connected");
  }
}

TEST_F(ProberTest, KeepsTheIntervalBetweenStarts) {
  plan_.interval_ns = 10'000'000;
  const int64_t start_ns = base::MonotonicNowNs();
  ASSERT_THAT(Run(), IsOk());
  EXPECT_GE(base::MonotonicNowNs() - start_ns, 20'000'000);
}

TEST_F(ProberTest, TellsThePathMtuLastWhenAsked) {
  plan_.count = 1;
  plan_.path_mtu = true;
  ASSERT_THAT(Run(), IsOk());
  const std::vector<v1::ProbeResponse> responses = sink_.responses();
  ASSERT_EQ(responses.size(), 3u);
  EXPECT_EQ(responses[2].path_mtu().address(), "127.0.0.1");
  EXPECT_GT(responses[2].path_mtu().bytes(), 0u);
}

TEST_F(ProberTest, TriesEveryAddressOfANameInTurns) {
  plan_.host = "localhost";
  plan_.count = 2;
  ASSERT_THAT(Run(), IsOk());
  const std::vector<v1::ProbeResponse> responses = sink_.responses();
  const auto& addresses = responses[0].resolution().addresses();
  ASSERT_FALSE(addresses.empty());
  ASSERT_EQ(responses.size(), 1u + 2u * static_cast<size_t>(addresses.size()));
  for (size_t i = 1; i < responses.size(); ++i) {
    const size_t turn = i - 1;
    const auto count = static_cast<size_t>(addresses.size());
    EXPECT_EQ(responses[i].try_().address(), addresses[static_cast<int>(turn % count)]);
    EXPECT_EQ(responses[i].try_().number(), turn / count + 1);
  }
}

TEST_F(ProberTest, TakesAMappedAddressForTheIpv4AddressThatItIs) {
  plan_.host = "::ffff:127.0.0.1";
  plan_.family = base::IpAddress::Family::kV4;
  ASSERT_THAT(Run(), IsOk());
  EXPECT_THAT(sink_.responses()[0].resolution().addresses(), ElementsAre("127.0.0.1"));
  EXPECT_EQ(sink_.responses()[1].try_().outcome(), "connected");
}

TEST_F(ProberTest, SaysThatANameDoesNotResolveAndNothingMore) {
  plan_.host = "no such host";
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(sink_.responses().size(), 1u);
  const v1::ProbeResolution resolution = sink_.responses()[0].resolution();
  EXPECT_THAT(resolution.error(), HasSubstr("'no such host' does not resolve"));
  EXPECT_EQ(resolution.addresses_size(), 0);
}

TEST_F(ProberTest, SaysThatThereIsNoAddressOfTheFamily) {
  plan_.family = base::IpAddress::Family::kV6;
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(sink_.responses().size(), 1u);
  EXPECT_EQ(sink_.responses()[0].resolution().error(), "'127.0.0.1' has no IPv6 address");
}

TEST_F(ProberTest, LeavesOutLinkLocalAddresses) {
  plan_.host = "fe80::1%lo";
  ASSERT_THAT(Run(), IsOk());
  ASSERT_EQ(sink_.responses().size(), 1u);
  EXPECT_EQ(sink_.responses()[0].resolution().error(),
            "'fe80::1%lo' has no IPv6 address but link-local ones, another host on each link: give "
            "one that is routed");
}

TEST_F(ProberTest, RefusesAddressesThatTheAgentMayNotLoad) {
  limits_.allowed_targets = {{base::IpNetwork::Parse("10.0.0.0/8").value()}, "--allow-target"};
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kPermissionDenied,
                              HasSubstr("this agent may probe (--allow-target): 10.0.0.0/8")));
  EXPECT_TRUE(sink_.responses().empty());
  EXPECT_EQ(server_->counters().accepted, 0u);
}

TEST_F(ProberTest, EndsWhenInterrupted) {
  wait_->Interrupt();
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace tcpfleet::agent
