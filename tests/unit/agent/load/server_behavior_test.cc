#include "agent/load/server_behavior.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;
using Spec = v1::StressSpec;

Spec Of(Spec::Workload workload, Spec::CloseMode close = Spec::CLOSE_MODE_FIN) {
  Spec spec;
  spec.set_workload(workload);
  spec.set_role(Spec::ROLE_SERVER);
  spec.set_close_mode(close);
  return spec;
}

TEST(ServerBehavior, FollowsTheWorkload) {
  EXPECT_TRUE(ServerBehavior(Of(Spec::WORKLOAD_CRR)).answers);
  EXPECT_TRUE(ServerBehavior(Of(Spec::WORKLOAD_RR)).answers);
  EXPECT_FALSE(ServerBehavior(Of(Spec::WORKLOAD_CONNECT)).answers);
  Spec hold = Of(Spec::WORKLOAD_HOLD);
  EXPECT_FALSE(ServerBehavior(hold).echoes);
  hold.set_heartbeat_ms(1000);
  EXPECT_TRUE(ServerBehavior(hold).echoes);
  Spec stream = Of(Spec::WORKLOAD_STREAM);
  stream.set_direction(Spec::DIRECTION_SEND);
  EXPECT_FALSE(ServerBehavior(stream).sends_without_end);
  stream.set_direction(Spec::DIRECTION_BOTH);
  EXPECT_TRUE(ServerBehavior(stream).sends_without_end);
}

TEST(ServerBehavior, ClosesFirstWhenAskedTo) {
  constexpr auto kServerFin = Spec::CLOSE_MODE_SERVER_FIN;
  EXPECT_TRUE(ServerBehavior(Of(Spec::WORKLOAD_CONNECT, kServerFin)).closes_at_once);
  EXPECT_FALSE(ServerBehavior(Of(Spec::WORKLOAD_CONNECT)).closes_at_once);
  EXPECT_TRUE(ServerBehavior(Of(Spec::WORKLOAD_CRR, kServerFin)).closes_after_answer);
  EXPECT_FALSE(ServerBehavior(Of(Spec::WORKLOAD_CRR)).closes_after_answer);
}

TEST(ServerBehavior, SortsResets) {
  Spec spec = Of(Spec::WORKLOAD_HOLD);
  spec.mutable_behavior()->add_reset_at_ms(2000);
  spec.mutable_behavior()->add_reset_at_ms(1000);
  EXPECT_THAT(ServerBehavior(spec).reset_at_ns, ElementsAre(1'000'000'000, 2'000'000'000));
}

TEST(ServerBehavior, RefusesContradictionsAndExcess) {
  const auto refused = [](const char* part) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part));
  };
  Spec spec = Of(Spec::WORKLOAD_RR);
  v1::ServerBehavior& behavior = *spec.mutable_behavior();
  EXPECT_THAT(CheckServerBehavior(spec), IsOk());
  behavior.set_reply_delay_ms(100);
  EXPECT_THAT(CheckServerBehavior(spec), IsOk());
  behavior.set_silent(true);
  EXPECT_THAT(CheckServerBehavior(spec), refused("silent never answers"));
  behavior.set_silent(false);
  behavior.set_zero_window(true);
  EXPECT_THAT(CheckServerBehavior(spec), refused("nothing is read"));
  behavior.set_zero_window(false);
  spec.set_workload(Spec::WORKLOAD_HOLD);
  EXPECT_THAT(CheckServerBehavior(spec), refused("of crr and rr"));
  behavior.Clear();
  behavior.set_accept_delay_ms(3'600'001);
  EXPECT_THAT(CheckServerBehavior(spec), refused("behavior.accept_delay_ms is 3600001"));
  behavior.Clear();
  behavior.add_reset_at_ms(~uint64_t{0});
  EXPECT_THAT(CheckServerBehavior(spec), refused("behavior.reset_at_ms"));
  for (int i = 0; i < 1024; ++i) behavior.add_reset_at_ms(1);
  EXPECT_THAT(CheckServerBehavior(spec), refused("at most 1024"));
}

TEST(DelayedReplies, ComeInOrder) {
  DelayedReplies replies;
  EXPECT_EQ(replies.next_ns(), std::numeric_limits<int64_t>::max());
  replies.Push({.due_ns = 5, .connection = 1, .generation = 1, .bytes = 10});
  replies.Push({.due_ns = 6, .connection = 0, .generation = 1, .bytes = 20});
  EXPECT_EQ(replies.next_ns(), 5);
  EXPECT_EQ(replies.Pop().connection, 1u);
  EXPECT_EQ(replies.Pop().bytes, 20u);
  EXPECT_EQ(replies.next_ns(), std::numeric_limits<int64_t>::max());
}

TEST(DelayedReplies, ForgetsThoseWithoutConnection) {
  DelayedReplies replies;
  for (uint32_t i = 0; i < 4'000; ++i) {
    replies.Push({.due_ns = i, .connection = i, .generation = 1, .bytes = 1});
  }
  size_t asked = 0;
  const auto is_odd = [&](const DelayedReplies::Reply& reply) {
    ++asked;
    return reply.connection % 2 == 1;
  };
  replies.Lose(1'000, is_odd);
  EXPECT_EQ(asked, 0u);
  replies.Lose(2'024, is_odd);
  EXPECT_EQ(asked, 4'000u);
  EXPECT_EQ(replies.Pop().connection, 0u);
  EXPECT_EQ(replies.Pop().connection, 2u);
}

}  // namespace
}  // namespace tcpfleet::agent
