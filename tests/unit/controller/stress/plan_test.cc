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
  for (const char* address : {"localhost", "LocalHost", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_THAT(AssignRoles(RemoteFleet(), {}, Options({{"a", address}})),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a loopback address")))
        << address;
  }
}

StressOptions Mesh(uint32_t connections) {
  StressOptions options;
  options.spec.set_connections(connections);
  options.mesh = true;
  return options;
}

TEST(AssignRoles, LetsEveryAgentOfAMeshLoadAllOthers) {
  const auto roles = AssignRoles(RemoteFleet(), {}, Mesh(6));
  ASSERT_THAT(roles, IsOk());
  EXPECT_EQ(roles->servers.size(), 3u);
  EXPECT_THAT(roles->clients, ElementsAre(0, 1, 2));
  ASSERT_EQ(roles->links.size(), 3u);
  EXPECT_EQ(roles->links[1][0].server, 2u);  // begins with the next one
  EXPECT_EQ(roles->links[1][0].address, "198.18.0.3");
  EXPECT_EQ(roles->links[1][1].server, 0u);
  for (const size_t server : {0, 1, 2}) {
    EXPECT_EQ(ServerSpec(Mesh(6).spec, *roles, server, 0).connections(), 2u);
  }
  for (const v1::StressSpec& share : SplitOverClients(Mesh(6).spec, 3, roles->links)) {
    EXPECT_EQ(share.connections(), 2u);
    EXPECT_TRUE(share.per_target());
  }
}

TEST(AssignRoles, RefusesMeshesThatCannotBe) {
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, Mesh(5)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("5 are fewer than the 6")));
  const std::vector<AgentTarget> one = {Agent("a", "198.18.0.1:7117")};
  EXPECT_THAT(AssignRoles(one, {}, Mesh(5)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("2 to 257 agents, not 1")));
  const std::vector<AgentTarget> mixed = {Agent("here", "unix:/tmp/a.sock"),
                                          Agent("there", "198.18.0.2:7117")};
  EXPECT_THAT(AssignRoles(mixed, {}, Mesh(5)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("loopback address")));
}

PairChoice Pair(const std::string& client, const std::string& server,
                const std::string& address = "") {
  PairChoice pair;
  pair.client = client;
  pair.server = server;
  pair.data_address = address;
  pair.where = "f:1";
  return pair;
}

TEST(AssignRoles, FollowsPairs) {
  StressOptions options = Options({}, 9);
  options.pairs = {Pair("a", "b"), Pair("a", "c", "10.0.0.3"), Pair("b", "c")};
  const auto roles = AssignRoles(RemoteFleet(), {}, options);
  ASSERT_THAT(roles, IsOk());
  ASSERT_EQ(roles->servers.size(), 2u);  // b, c
  EXPECT_THAT(roles->clients, ElementsAre(0, 1));
  ASSERT_EQ(roles->links[0].size(), 2u);
  EXPECT_EQ(roles->links[0][1].address, "10.0.0.3");
  EXPECT_EQ(roles->links[1][0].address, "198.18.0.3");
  const auto shares = SplitOverClients(options.spec, 2, roles->links);
  EXPECT_EQ(shares[0].connections(), 6u);  // every pair has as many
  EXPECT_EQ(shares[1].connections(), 3u);
  EXPECT_EQ(ServerSpec(options.spec, *roles, 0, 0).connections(), 3u);
  EXPECT_EQ(ServerSpec(options.spec, *roles, 1, 0).connections(), 6u);
}

TEST(AssignRoles, NamesTheLineOfAWrongPair) {
  StressOptions options = Options({});
  options.pairs = {Pair("a", "d")};
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:1: no agent")));
  options.pairs = {Pair("a", "b"), Pair("a", "198.18.0.2:7117")};
  EXPECT_THAT(AssignRoles(RemoteFleet(), {}, options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:1: 'a -> 198.18.0.2")));
}

TEST(ShareSchedule, GivesEveryOperationToOneClientInProportion) {
  const std::vector<std::vector<uint32_t>> cases = {
      {1}, {1, 1, 1}, {3, 1}, {21, 21, 22}, {100'000'000, 1}, {50'000, 30'000, 20'001}};
  for (const std::vector<uint32_t>& weights : cases) {
    const auto shares = ShareSchedule(weights);
    ASSERT_EQ(shares.size(), weights.size());
    const uint32_t stride = shares[0].stride();
    ASSERT_LE(stride, kMostScheduleStride);
    std::vector<bool> taken(stride, false);
    double total = 0;
    for (const uint32_t weight : weights) total += weight;
    for (size_t i = 0; i < weights.size(); ++i) {
      EXPECT_EQ(shares[i].stride(), stride);
      EXPECT_TRUE(std::is_sorted(shares[i].offsets().begin(), shares[i].offsets().end()));
      EXPECT_GE(shares[i].offsets_size(), 1);
      EXPECT_NEAR(shares[i].offsets_size() / static_cast<double>(stride), weights[i] / total, 1e-3);
      for (const uint32_t offset : shares[i].offsets()) {
        ASSERT_LT(offset, stride);
        EXPECT_FALSE(taken[offset]);
        taken[offset] = true;
      }
    }
    EXPECT_TRUE(std::all_of(taken.begin(), taken.end(), [](bool t) { return t; }));
  }
}

TEST(ShareSchedule, InterleavesSmoothly) {
  const auto shares = ShareSchedule(std::vector<uint32_t>{3, 1});
  EXPECT_THAT(shares[0].offsets(), ElementsAre(0, 1, 3));
  EXPECT_THAT(shares[1].offsets(), ElementsAre(2));
}

TEST(ShareSchedule, GivesLargeFleetsOneOperationEach) {
  const auto shares = ShareSchedule(std::vector<uint32_t>(10'000, 7));
  EXPECT_EQ(shares[9'999].stride(), 10'000u);
  EXPECT_THAT(shares[9'999].offsets(), ElementsAre(9'999));
}

TEST(SplitOverClients, RotatesWeightedTargets) {
  v1::StressSpec spec;
  spec.set_connections(6);
  for (const uint32_t weight : {3, 1}) spec.add_targets()->set_weight(weight);
  const auto shares = SplitOverClients(spec, 2);
  EXPECT_EQ(shares[0].targets(0).weight(), 3u);
  EXPECT_EQ(shares[1].targets(0).weight(), 1u);  // connection 3 of the fleet
}

TEST(SplitOverClients, KeepsWhatServersDoFromClients) {
  v1::StressSpec spec;
  spec.set_connections(2);
  spec.mutable_behavior()->set_silent(true);
  EXPECT_FALSE(SplitOverClients(spec, 1)[0].has_behavior());
  Roles roles;
  roles.servers.resize(1);
  roles.clients = {1};
  EXPECT_TRUE(ServerSpec(spec, roles, 0, 0).behavior().silent());
}

TEST(SplitOverClients, LosesNoRemainder) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const size_t clients = 1 + random() % 300;
    v1::StressSpec spec;
    spec.set_connections(
        static_cast<uint32_t>(clients + random() % (round % 2 == 0 ? 1'000 : 99'000'000)));
    spec.set_rate_per_second(static_cast<double>(random() % 100'000));
    const std::vector<v1::StressSpec> shares = SplitOverClients(spec, clients);
    ASSERT_EQ(shares.size(), clients);
    uint64_t connections = 0;
    uint32_t rate_parts = 0;
    for (const v1::StressSpec& share : shares) {
      const uint32_t even = spec.connections() / static_cast<uint32_t>(clients);
      EXPECT_GE(share.connections(), even);
      EXPECT_LE(share.connections(), even + 1);
      EXPECT_EQ(share.role(), v1::StressSpec::ROLE_CLIENT);
      connections += share.connections();
      EXPECT_EQ(share.rate_per_second(), spec.rate_per_second());  // the fleet's
      EXPECT_EQ(share.schedule_share().stride(), shares[0].schedule_share().stride());
      rate_parts += static_cast<uint32_t>(share.schedule_share().offsets_size());
    }
    EXPECT_EQ(connections, spec.connections());
    EXPECT_EQ(rate_parts, shares[0].schedule_share().stride());
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
  spec.set_cooldown_ms(500);
  EXPECT_EQ(ServerSpec(spec, roles, 0, 0).duration_ms(), 10'000u);  // the clients' window
  EXPECT_EQ(ServerSpec(spec, roles, 0, 0).cooldown_ms(), 5'500u);
  EXPECT_EQ(ServerSpec(spec, roles, 0, 3600).cooldown_ms(), 5'500u);
  EXPECT_EQ(ServerSpec(spec, roles, 0, 12).cooldown_ms(), 1'000u);
  EXPECT_EQ(ServerSpec(spec, roles, 0, 5).cooldown_ms(), 500u);  // for the agent to refuse
  EXPECT_EQ(ServerSpec(spec, roles, 0, 0).connections(), 7u);
  EXPECT_EQ(ServerSpec(spec, roles, 0, 0).role(), v1::StressSpec::ROLE_SERVER);
}

}  // namespace
}  // namespace tcpfleet::controller
