#include "controller/stress/plan.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

AgentTarget Agent(const std::string& name, const std::string& address) {
  AgentTarget target;
  target.name = name;
  target.address = address;
  return target;
}

const std::vector<AgentTarget>& RemoteFleet() {
  static const std::vector<AgentTarget> fleet = {
      Agent("a", "198.18.0.1:7117"), Agent("b", "198.18.0.2:7117"), Agent("c", "198.18.0.3:7117")};
  return fleet;
}

StressOptions Options(std::vector<ServeChoice> serve, uint32_t connections = 64) {
  StressOptions options;
  options.spec.set_connections(connections);
  options.serve = std::move(serve);
  return options;
}

TEST(AssignRoles, MakesEveryAgentAClientOfAnExternalTarget) {
  const auto roles = AssignRoles(RemoteFleet(), {}, Options({}));
  ASSERT_THAT(roles, IsOk());
  EXPECT_TRUE(roles->servers.empty());
  EXPECT_THAT(roles->clients, ElementsAre(0, 1, 2));
}

TEST(AssignRoles, TakesTheHostOfTheServersAddress) {
  const auto roles =
      AssignRoles(RemoteFleet(), {}, Options({{"c", ""}, {"198.18.0.1:7117", "10.0.0.1"}}));
  ASSERT_THAT(roles, IsOk());
  ASSERT_EQ(roles->servers.size(), 2u);
  EXPECT_EQ(roles->servers[0].data_address, "198.18.0.3");
  EXPECT_EQ(roles->servers[1].data_address, "10.0.0.1");
  EXPECT_THAT(roles->clients, ElementsAre(1));
}

TEST(AssignRoles, LetsAllPlayBothRolesWhenAllServe) {
  const std::vector<AgentTarget> fleet = {Agent("local", "unix:/tmp/a.sock")};
  const auto roles = AssignRoles(fleet, {}, Options({{"local", ""}}));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(roles->servers[0].data_address, "127.0.0.1");
  EXPECT_THAT(roles->clients, ElementsAre(0));
}

TEST(AssignRoles, SuggestsTheAgentThatWasMeant) {
  const std::vector<AgentTarget> fleet = {Agent("web01", "10.0.0.1:7117"),
                                          Agent("db01", "10.0.0.2:7117")};
  EXPECT_THAT(AssignRoles(fleet, {}, Options({{"wep01", ""}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("did you mean 'web01'?")));
}

TEST(AssignRoles, KnowsAnAgentByWhatItCallsItself) {
  const std::vector<std::string> own_names = {"web1", "web2", "web2"};
  const auto roles = AssignRoles(RemoteFleet(), own_names, Options({{"web1", ""}}));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(roles->servers[0].member, 0u);
  EXPECT_THAT(AssignRoles(RemoteFleet(), own_names, Options({{"web2", ""}})),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("b and c both call themselves 'web2'")));
}

TEST(AssignRoles, RefusesOneAgentUnderTwoNames) {
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, Options({{"a", ""}, {"198.18.0.1:7117", ""}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("named twice")));
}

TEST(AssignRoles, RefusesFewerConnectionsThanClients) {
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, Options({}, 2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("3 client agents")));
}

TEST(AssignRoles, RefusesLoopbackServersForRemoteClients) {
  const std::vector<AgentTarget> fleet = {Agent("here", "unix:/tmp/a.sock"),
                                          Agent("there", "198.18.0.2:7117")};
  EXPECT_THAT(AssignRoles(fleet, {}, Options({{"here", ""}})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--serve here@ADDRESS")));
  EXPECT_THAT(AssignRoles(fleet, {}, Options({{"here", "198.18.0.1"}})), IsOk());
  EXPECT_THAT(AssignRoles(fleet, {}, Options({{"there", "127.0.0.5"}})),
              IsOk());  // the client is on this host
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, Options({{"a", "localhost"}})),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SplitOverClients, LosesNoRemainder) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    const size_t clients = 1 + random() % 300;
    v1::StressSpec spec;
    spec.set_connections(
        static_cast<uint32_t>(clients + random() % (round % 2 == 0 ? 1'000 : 99'000'000)));
    spec.set_rate_per_second(static_cast<double>(random() % 100'000));
    const std::vector<v1::StressSpec> shares = SplitOverClients(spec, clients);
    ASSERT_EQ(shares.size(), clients);
    uint64_t connections = 0;
    double rate = 0;
    for (const v1::StressSpec& share : shares) {
      const uint32_t even = spec.connections() / static_cast<uint32_t>(clients);
      EXPECT_GE(share.connections(), even);
      EXPECT_LE(share.connections(), even + 1);
      EXPECT_EQ(share.role(), v1::StressSpec::ROLE_CLIENT);
      connections += share.connections();
      rate += share.rate_per_second();
    }
    EXPECT_EQ(connections, spec.connections());
    EXPECT_NEAR(rate, spec.rate_per_second(), 1e-9 * spec.rate_per_second());
  }
}

TEST(SplitOverClients, DealsConnectionsToTargetsEvenly) {
  v1::StressSpec spec;
  spec.set_connections(11);
  for (uint32_t port = 1; port <= 3; ++port) spec.add_targets()->set_port(port);
  std::map<uint32_t, int> connections_by_port;
  for (const v1::StressSpec& share : SplitOverClients(spec, 4)) {
    for (uint32_t k = 0; k < share.connections(); ++k) {
      ++connections_by_port[share.targets(static_cast<int>(k % 3)).port()];
    }
  }
  EXPECT_EQ(connections_by_port, (std::map<uint32_t, int>{{1, 4}, {2, 4}, {3, 3}}));
}

TEST(ServerSpec, OutlivesItsClientsWithinTheAgentsLimit) {
  v1::StressSpec spec;
  spec.set_connections(10);
  spec.set_warmup_ms(1'000);
  spec.set_duration_ms(10'000);
  Roles roles;
  roles.servers.resize(2);
  roles.clients = {2, 3};
  EXPECT_EQ(ServerSpec(spec, roles, 0).duration_ms(), 15'000u);
  EXPECT_EQ(ServerSpec(spec, roles, 3600).duration_ms(), 15'000u);
  EXPECT_EQ(ServerSpec(spec, roles, 12).duration_ms(), 11'000u);
  EXPECT_EQ(ServerSpec(spec, roles, 5).duration_ms(), 10'000u);  // for the agent to refuse
  EXPECT_EQ(ServerSpec(spec, roles, 0).connections(), 7u);
  EXPECT_EQ(ServerSpec(spec, roles, 0).role(), v1::StressSpec::ROLE_SERVER);
}

}  // namespace
}  // namespace tcpfleet::controller
