#include "agent/probe/probes.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/agent/probe/collecting_sink.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::PlainServer;
using tests::StatusIs;

class ProbesTest : public testing::Test {
 protected:
  // A try that takes a minute.
  ProbePlan Endless() const {
    return {.host = "127.0.0.1",
            .port = server_->endpoint().port,
            .count = 1,
            .timeout_ns = 60'000'000'000};
  }
  static std::shared_ptr<CollectingSink> NewSink() { return std::make_shared<CollectingSink>(); }

  const std::unique_ptr<PlainServer> server_ =
      PlainServer::Create(PlainServer::Behaviour::kFullBacklog).value();
  Probes probes_{AgentLoadLimits()};
};

TEST_F(ProbesTest, RunsAProbeToItsEnd) {
  const auto sink = NewSink();
  ProbePlan plan = Endless();
  plan.timeout_ns = 1'000'000;
  ASSERT_THAT(probes_.Start(plan, sink), IsOk());
  EXPECT_THAT(sink->WaitForEnd(), IsOk());
  EXPECT_EQ(sink->responses().size(), 2u);
}

TEST_F(ProbesTest, AreFourAtATime) {
  std::vector<std::shared_ptr<InterruptibleWait>> waits;
  std::vector<std::shared_ptr<CollectingSink>> sinks;
  for (size_t i = 0; i < kMostProbes; ++i) {
    sinks.push_back(NewSink());
    const auto wait = probes_.Start(Endless(), sinks.back());
    ASSERT_THAT(wait, IsOk());
    waits.push_back(*wait);
  }
  EXPECT_THAT(probes_.Start(Endless(), NewSink()),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4 probes already")));
  sinks[2]->WaitForResponse();
  waits[2]->Interrupt();
  EXPECT_THAT(sinks[2]->WaitForEnd(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(tests::EventuallyTrue([&] { return probes_.Start(Endless(), NewSink()).ok(); }));
  EXPECT_FALSE(sinks[0]->status().has_value());
}

TEST_F(ProbesTest, EndWithTheAgent) {
  const auto sink = NewSink();
  ASSERT_THAT(probes_.Start(Endless(), sink), IsOk());
  probes_.StopAll();
  EXPECT_THAT(sink->WaitForEnd(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the agent is stopping")));
  EXPECT_THAT(probes_.Start(Endless(), NewSink()), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(ProbesTest, EndAlsoWhileTheirCallerTakesNothing) {
  const auto sink = std::make_shared<CollectingSink>(1);
  const auto wait = probes_.Start(
      {.host = "127.0.0.1", .port = 1, .count = 2, .timeout_ns = 60'000'000'000}, sink);
  ASSERT_THAT(wait, IsOk());
  sink->WaitForResponse();
  (*wait)->Interrupt();
  EXPECT_THAT(sink->WaitForEnd(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(sink->responses().size(), 1u);
}

}  // namespace
}  // namespace tcpfleet::agent
