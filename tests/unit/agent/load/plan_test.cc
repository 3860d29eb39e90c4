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
        BadField{"threads", [](S& s) { s.set_threads(1025); }, "threads is 1025"},
        BadField{"keepalive", [](S& s) { s.mutable_socket_options()->set_keepalive_probes(128); },
                 "keepalive_probes is 128"}));

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
