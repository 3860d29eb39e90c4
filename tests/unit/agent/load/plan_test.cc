#include "agent/load/plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

v1::StressSpec GoodSpec() {
  v1::StressSpec spec;
  spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
  spec.set_role(v1::StressSpec::ROLE_CLIENT);
  v1::Target& target = *spec.add_targets();
  target.set_host("127.0.0.1");
  target.set_port(80);
  spec.set_connections(10);
  spec.set_duration_ms(1000);
  spec.set_connect_timeout_ms(1000);
  spec.set_close_mode(v1::StressSpec::CLOSE_MODE_RST);
  spec.set_request_bytes(1);
  spec.set_response_bytes(1);
  spec.set_interval_ms(1000);
  return spec;
}

absl::StatusOr<RunPlan> Plan(const v1::StressSpec& spec) { return PlanRun(spec, {}, 4); }

struct BadField {
  const char* name;
  std::function<void(v1::StressSpec&)> spoil;
  const char* message;
};
void PrintTo(const BadField& field, std::ostream* out) { *out << field.name; }

class PlanRunRefuses : public testing::TestWithParam<BadField> {};

TEST_P(PlanRunRefuses, AndNamesTheField) {
  v1::StressSpec spec = GoodSpec();
  GetParam().spoil(spec);
  EXPECT_THAT(Plan(spec), StatusIs(kInvalid, HasSubstr(GetParam().message)));
}

using S = v1::StressSpec;
INSTANTIATE_TEST_SUITE_P(
    Fields, PlanRunRefuses,
    testing::Values(
        BadField{"workload", [](S& s) { s.set_workload(S::WORKLOAD_UNSPECIFIED); }, "workload 0"},
        BadField{"newer workload", [](S& s) { s.set_workload(static_cast<S::Workload>(99)); },
                 "workload 99 is not known to this agent"},
        BadField{"role", [](S& s) { s.set_role(S::ROLE_UNSPECIFIED); }, "role 0"},
        BadField{"close mode", [](S& s) { s.clear_close_mode(); }, "close_mode 0"},
        BadField{"no target", [](S& s) { s.clear_targets(); }, "number of targets is 0"},
        BadField{"no host", [](S& s) { s.mutable_targets(0)->clear_host(); }, "has no host"},
        BadField{"port 0", [](S& s) { s.mutable_targets(0)->set_port(0); }, "port of target"},
        BadField{"port too high", [](S& s) { s.mutable_targets(0)->set_port(65536); }, "65536"},
        BadField{"connections", [](S& s) { s.set_connections(0); }, "connections is 0"},
        BadField{"duration", [](S& s) { s.set_duration_ms(0); }, "duration_ms is 0"},
        BadField{"timeout", [](S& s) { s.set_connect_timeout_ms(0); }, "connect_timeout_ms is 0"},
        BadField{"request", [](S& s) { s.set_request_bytes((1u << 20) + 1); },
                 "request_bytes is 1048577"},
        BadField{"response", [](S& s) { s.set_response_bytes(0); }, "response_bytes is 0"},
        BadField{"short interval", [](S& s) { s.set_interval_ms(99); }, "interval_ms is 99"},
        BadField{"long interval", [](S& s) { s.set_interval_ms(60'001); }, "100 to 60000"},
        BadField{"negative rate", [](S& s) { s.set_rate_per_second(-1); }, "rate_per_second is -1"},
        BadField{"rate not a number",
                 [](S& s) { s.set_rate_per_second(std::numeric_limits<double>::quiet_NaN()); },
                 "rate_per_second is nan"},
        BadField{"infinite rate",
                 [](S& s) { s.set_rate_per_second(std::numeric_limits<double>::infinity()); },
                 "rate_per_second is inf"},
        BadField{"weight", [](S& s) { s.mutable_targets(0)->set_weight(1001); },
                 "weight of target"},
        BadField{"close mode of rr",
                 [](S& s) {
                   s.set_workload(S::WORKLOAD_RR);
                   s.set_close_mode(S::CLOSE_MODE_SERVER_FIN);
                 },
                 "server-fin (3) belongs to connect and crr"},
        BadField{"threads", [](S& s) { s.set_threads(1025); }, "threads is 1025"},
        BadField{"keepalive", [](S& s) { s.mutable_socket_options()->set_keepalive_probes(128); },
                 "keepalive_probes is 128"}));

S RateSpec(double from, double to) {
  S spec = GoodSpec();
  v1::RateSegment& segment = *spec.add_rate_segments();
  segment.set_duration_ms(100);
  segment.set_from_per_second(from);
  segment.set_to_per_second(to);
  return spec;
}

INSTANTIATE_TEST_SUITE_P(
    Schedules, PlanRunRefuses,
    testing::Values(
        BadField{"segment rate", [](S& s) { s = RateSpec(1, -1); }, "to_per_second is -1"},
        BadField{"segment length",
                 [](S& s) {
                   s = RateSpec(1, 1);
                   s.mutable_rate_segments(0)->set_duration_ms(0);
                 },
                 "duration_ms of a rate segment is 0"},
        BadField{"no rate in segments", [](S& s) { s = RateSpec(0, 0); }, "no rate above 0"},
        BadField{"arrivals",
                 [](S& s) { s.mutable_arrivals()->set_kind(static_cast<v1::Arrivals::Kind>(9)); },
                 "arrivals kind 9"},
        BadField{"timer", [](S& s) { s.set_timer(static_cast<S::Timer>(7)); }, "timer 7"},
        BadField{"no stride", [](S& s) { s.mutable_schedule_share()->add_offsets(0); },
                 "stride of schedule_share is 0"},
        BadField{"no offset", [](S& s) { s.mutable_schedule_share()->set_stride(3); },
                 "number of offsets of schedule_share is 0"},
        BadField{"offset beyond the stride",
                 [](S& s) {
                   s.mutable_schedule_share()->set_stride(3);
                   s.mutable_schedule_share()->add_offsets(3);
                 },
                 "offset 3 of schedule_share"},
        BadField{"offsets out of order",
                 [](S& s) {
                   s.mutable_schedule_share()->set_stride(3);
                   s.mutable_schedule_share()->add_offsets(1);
                   s.mutable_schedule_share()->add_offsets(1);
                 },
                 "must ascend"},
        BadField{"two kinds of rate",
                 [](S& s) {
                   s.set_rate_per_second(5);
                   s.set_rate_per_connection(5);
                 },
                 "rate_per_connection is given"},
        BadField{"rate of held connections",
                 [](S& s) {
                   s.set_workload(S::WORKLOAD_HOLD);
                   s.set_rate_per_connection(5);
                 },
                 "rate_per_connection is given"},
        BadField{"herd with a rate",
                 [](S& s) {
                   s.set_rate_per_second(5);
                   s.set_herd_at_ms(0);
                 },
                 "herd_at_ms is given"},
        BadField{"far reset", [](S& s) { s.add_reset_at_ms(~uint64_t{0}); }, "reset_at_ms is"}));

INSTANTIATE_TEST_SUITE_P(
    Connections, PlanRunRefuses,
    testing::Values(
        BadField{"pipeline of crr", [](S& s) { s.set_pipeline(2); }, "pipeline is given"},
        BadField{"pipeline",
                 [](S& s) {
                   s.set_workload(S::WORKLOAD_RR);
                   s.set_pipeline(1025);
                 },
                 "pipeline is 1025"},
        BadField{"pipelines of all",
                 [](S& s) {
                   s.set_workload(S::WORKLOAD_RR);
                   s.set_pipeline(1024);
                   s.set_connections(100'000);
                 },
                 "pipeline times connections"},
        BadField{"think time in an open loop",
                 [](S& s) {
                   s.set_rate_per_second(5);
                   s.set_think_time_us(1);
                 },
                 "think_time_us is given"},
        BadField{"lifetime of crr", [](S& s) { s.set_lifetime_ms(5); }, "lifetime_ms is given"},
        BadField{"requests of crr", [](S& s) { s.set_requests_per_connection(5); },
                 "requests_per_connection is given"},
        BadField{
            "reconnect",
            [](S& s) { s.mutable_reconnect()->set_policy(static_cast<v1::Reconnect::Policy>(3)); },
            "reconnect policy 3"},
        BadField{"never again",
                 [](S& s) { s.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_NEVER); },
                 "reconnect policy never is given"},
        BadField{"no pause",
                 [](S& s) {
                   s.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_BACKOFF);
                   s.mutable_reconnect()->set_most_ms(5);
                 },
                 "first_ms of reconnect is 0"},
        BadField{"heartbeat of crr", [](S& s) { s.set_heartbeat_ms(5); }, "heartbeat_ms is given"},
        BadField{"dead before the first heartbeat",
                 [](S& s) {
                   s.set_workload(S::WORKLOAD_HOLD);
                   s.set_heartbeat_ms(5);
                   s.set_dead_after_ms(5);
                 },
                 "dead_after_ms is 5, it must be 6"},
        BadField{"exemplars", [](S& s) { s.set_exemplars(65); }, "exemplars is 65"},
        BadField{"single targets",
                 [](S& s) {
                   s.set_per_target(true);
                   while (s.targets_size() < 257) *s.add_targets() = s.targets(0);
                 },
                 "number of targets with per_target is 257"}));

TEST(PlanRun, TakesEverythingThatFitsTogether) {
  v1::StressSpec spec = RateSpec(0, 100);
  spec.set_workload(S::WORKLOAD_RR);
  spec.mutable_schedule_share()->set_stride(3);
  for (const uint32_t offset : {0u, 2u}) spec.mutable_schedule_share()->add_offsets(offset);
  spec.mutable_arrivals()->set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  spec.set_timer(S::TIMER_PRECISE);
  spec.set_pipeline(16);
  spec.set_lifetime_ms(1'000);
  spec.set_requests_per_connection(9);
  spec.mutable_reconnect()->set_policy(v1::Reconnect::POLICY_NEVER);
  spec.add_reset_at_ms(5);
  EXPECT_THAT(Plan(spec), IsOk());
  EXPECT_TRUE(Plan(spec)->is_scheduled);
}

TEST(PlanRun, DealsConnectionsToTargetsInTurnByWeight) {
  v1::StressSpec spec = GoodSpec();
  *spec.add_targets() = spec.targets(0);
  *spec.add_targets() = spec.targets(0);
  EXPECT_EQ(Plan(spec)->turns, (std::vector<uint32_t>{0, 1, 2}));
  spec.mutable_targets(0)->set_weight(20);
  spec.mutable_targets(1)->set_weight(10);
  spec.mutable_targets(2)->set_weight(10);
  EXPECT_EQ(Plan(spec)->turns, (std::vector<uint32_t>{0, 1, 2, 0}));
  // Not more turns than there are connections.
  spec.mutable_targets(0)->set_weight(999);
  EXPECT_EQ(Plan(spec)->turns.size(), 10u);
}

TEST(PlanRun, RefusesADurationBeyondTheAgentsLimit) {
  AgentLoadLimits limits;
  limits.max_duration = {absl::Seconds(10), "--max-duration"};
  v1::StressSpec spec = GoodSpec();
  spec.set_duration_ms(9'000);
  spec.set_warmup_ms(1'001);
  EXPECT_THAT(PlanRun(spec, limits, 1),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("limit of 10s"), HasSubstr("--max-duration"))));
  spec.set_warmup_ms(std::numeric_limits<uint64_t>::max());
  EXPECT_THAT(PlanRun(spec, limits, 1), StatusIs(absl::StatusCode::kPermissionDenied));
  spec.set_warmup_ms(1'000);
  EXPECT_THAT(PlanRun(spec, limits, 1), IsOk());
  spec.set_cooldown_ms(1);
  EXPECT_THAT(PlanRun(spec, limits, 1), StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST(PlanRun, TakesOneThreadPerCpuButNotMoreThanConnections) {
  v1::StressSpec spec = GoodSpec();
  EXPECT_EQ(Plan(spec)->threads, 4u);
  spec.set_connections(3);
  EXPECT_EQ(Plan(spec)->threads, 3u);
  spec.set_threads(2);
  EXPECT_EQ(Plan(spec)->threads, 2u);
}

TEST(PlanRun, FillsInSocketOptions) {
  v1::StressSpec spec = GoodSpec();
  const v1::SocketOptions options = Plan(spec)->options;
  EXPECT_TRUE(options.no_delay());
  EXPECT_TRUE(options.keepalive());
  EXPECT_EQ(options.keepalive_idle_seconds(), 30u);
  EXPECT_EQ(options.keepalive_interval_seconds(), 5u);
  EXPECT_EQ(options.keepalive_probes(), 3u);
  EXPECT_TRUE(options.linger_reset());

  spec.set_close_mode(S::CLOSE_MODE_FIN);
  spec.mutable_socket_options()->set_keepalive_idle_seconds(7);
  const v1::SocketOptions chosen = Plan(spec)->options;
  EXPECT_FALSE(chosen.no_delay());
  EXPECT_FALSE(chosen.keepalive());
  EXPECT_EQ(chosen.keepalive_idle_seconds(), 7u);
  EXPECT_FALSE(chosen.linger_reset());
}

TEST(PlanRun, AsksAServerForNoTargetsAndNoSizesWithoutExchange) {
  v1::StressSpec spec = GoodSpec();
  spec.set_role(S::ROLE_SERVER);
  spec.clear_targets();
  spec.clear_connect_timeout_ms();
  EXPECT_THAT(Plan(spec), IsOk());
  spec.set_workload(S::WORKLOAD_HOLD);
  spec.clear_request_bytes();
  spec.clear_response_bytes();
  EXPECT_THAT(Plan(spec), IsOk());
}

TEST(ResolveTargets, RefusesAddressesOutsideTheAllowedNetworks) {
  v1::StressSpec spec = GoodSpec();
  spec.mutable_targets(0)->set_host("203.0.113.1");
  RunPlan plan = *Plan(spec);
  EXPECT_THAT(ResolveTargets({}, plan),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("203.0.113.1")));
}

TEST(ResolveTargets, TakesLiteralsOfBothFamilies) {
  v1::StressSpec spec = GoodSpec();
  v1::Target& second = *spec.add_targets();
  second.set_host("::1");
  second.set_port(81);
  RunPlan plan = *Plan(spec);
  ASSERT_THAT(ResolveTargets({}, plan), IsOk());
  EXPECT_EQ(plan.targets[0].endpoints[0].ToString(), "127.0.0.1:80");
  EXPECT_EQ(plan.targets[1].endpoints[0].ToString(), "[::1]:81");
}

}  // namespace
}  // namespace tcpfleet::agent
