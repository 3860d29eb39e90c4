#include "controller/generate/proxy_plan.h"

#include <gmock/gmock.h>

#include "tests/support/golden.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::ExpectGolden;
using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;
using ::testing::Not;

ProxyWishes Wishes() {
  return {.listen = {.address = std::nullopt, .port = 8080},
          .backends = *ParseBackends("web[1-2]:80,[2001:db8::5]:443"),
          .hosts = {},
          .backend_keepalive = std::nullopt,
          .check_path = ""};
}

ProxyWishes MeasuredWishes() {
  ProxyWishes wishes = Wishes();
  for (Backend& backend : wishes.backends) {
    backend.agent = "web";
    backend.longest_idle = absl::Seconds(58.5);
  }
  wishes.hosts = {{.name = "lb1",
                   .somaxconn = 128,
                   .most_files = 65'536,
                   .ports = 55'000,
                   .memory_bytes = 16'000'000'000,
                   .cpus = 8}};
  wishes.check_path = "/health";
  return wishes;
}

TEST(ProxyPlan, WritesTheSameTextForTheSameQuestion) {
  ExpectGolden("haproxy.cfg", HaproxyConfig(*PlanProxy(Wishes())));
  ExpectGolden("nginx.conf", NginxConfig(*PlanProxy(Wishes())));
  ExpectGolden("haproxy_measured.cfg", HaproxyConfig(*PlanProxy(MeasuredWishes())));
  ExpectGolden("nginx_measured.conf", NginxConfig(*PlanProxy(MeasuredWishes())));
}

TEST(ProxyPlan, GivesUpIdleConnectionsBeforeTheBackEndDoes) {
  for (const int seconds : {2, 3, 5, 6, 60, 75, 300, 86'400}) {
    ProxyWishes wishes = Wishes();
    wishes.backend_keepalive = absl::Seconds(seconds);
    const auto plan = PlanProxy(wishes);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_LT(plan->server_idle.value, static_cast<uint64_t>(seconds));
    EXPECT_GE(plan->server_idle.value, 1u);
    EXPECT_GT(plan->client_keepalive.value, plan->server_idle.value);
  }
}

TEST(ProxyPlan, GoesByTheBackEndThatIsSeenToWaitShortest) {
  ProxyWishes wishes = MeasuredWishes();
  wishes.backends[1].longest_idle = absl::Seconds(20);
  EXPECT_EQ(PlanProxy(wishes)->server_idle.value, 16u);
  wishes.backends[2].longest_idle = std::nullopt;
  EXPECT_EQ(PlanProxy(wishes)->server_idle.value, 4u) << "one is not known: the default";
  wishes.backends[2].longest_idle = absl::Milliseconds(300);
  EXPECT_EQ(PlanProxy(wishes)->server_idle.value, 4u) << "idle for 0.3 s shows nothing";
}

TEST(ProxyPlan, TakesTheSmallestLimitAndSaysWhose) {
  ProxyWishes wishes = MeasuredWishes();
  EXPECT_EQ(PlanProxy(wishes)->connections.value, (65'536u - 100) / 2);
  EXPECT_THAT(PlanProxy(wishes)->connections.why, HasSubstr("descriptors"));
  wishes.hosts.push_back({.name = "lb2",
                          .somaxconn = 64,
                          .most_files = std::nullopt,
                          .ports = std::nullopt,
                          .memory_bytes = 1'000'000'000,
                          .cpus = 2});
  const auto plan = PlanProxy(wishes);
  EXPECT_EQ(plan->connections.value, 1'000'000'000u / 4 / 65'536);
  EXPECT_THAT(plan->connections.why, HasSubstr("lb2"));
  EXPECT_EQ(plan->backlog.value, 64u);
  EXPECT_THAT(plan->backlog.why, HasSubstr("raise it first"));
  EXPECT_EQ(plan->cpus, 2u);
}

TEST(ProxyPlan, SaysThatADefaultIsOne) {
  const auto plan = PlanProxy(Wishes());
  EXPECT_THAT(plan->connections.why, HasSubstr("default"));
  EXPECT_THAT(plan->server_idle.why, HasSubstr("default"));
}

TEST(ProxyPlan, RefusesWhatCannotWork) {
  ProxyWishes wishes = Wishes();
  wishes.backend_keepalive = absl::Seconds(1);
  EXPECT_THAT(PlanProxy(wishes), StatusIs(absl::StatusCode::kInvalidArgument));
  wishes = Wishes();
  wishes.backends.clear();
  EXPECT_THAT(PlanProxy(wishes), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ProxyPlan, KeepsNamesOfAgentsInsideTheirComment) {
  ProxyWishes wishes = Wishes();
  wishes.backends[0].agent = "web\nglobal\n";
  for (const std::string& text :
       {HaproxyConfig(*PlanProxy(wishes)), NginxConfig(*PlanProxy(wishes))}) {
    EXPECT_THAT(text, HasSubstr("# found by the agent on web?global?\n"));
  }
}

TEST(ProxyPlan, NeverAsksForAConnectionToBeClosed) {
  for (const std::string& text :
       {HaproxyConfig(*PlanProxy(Wishes())), NginxConfig(*PlanProxy(Wishes()))}) {
    EXPECT_THAT(text, Not(HasSubstr("httpclose")));
    EXPECT_THAT(text, Not(HasSubstr("http-server-close")));
    EXPECT_THAT(text, Not(HasSubstr("Connection close")));
  }
}

}  // namespace
}  // namespace tcpfleet::controller
