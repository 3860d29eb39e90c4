// Ports on real sockets, in network namespaces with a narrow port range.
#include "agent/load/port_allocator.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <optional>
#include <set>

#include "agent/load/plan.h"
#include "common/sys/tcp_listener.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"
#include "tests/support/network_lab.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;
using tests::IsOk;
using tests::StatusIs;

using Spec = v1::StressSpec;

TEST(PortPool, DealsOutEveryPlaceInTurn) {
  PortPool pool(3, 1);
  EXPECT_EQ(pool.Take(), 1u);
  EXPECT_EQ(pool.Take(), 2u);
  EXPECT_EQ(pool.Take(), 0u);
  EXPECT_TRUE(pool.empty());
}

TEST(PortPool, LetsAPlaceRestAsLongAsItCan) {
  PortPool pool(200, 0);
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t place = 0; place < 200; ++place) {
      EXPECT_EQ(pool.Take(), place);
      pool.GiveBack(place);
    }
  }
}

TEST(PortPool, FindsTheOneFreePlaceWhereverItIs) {
  for (const uint32_t places : {1u, 63u, 64u, 65u, 128u, 1000u}) {
    PortPool pool(places, places / 2);
    for (uint32_t i = 0; i < places; ++i) pool.Take();
    for (uint32_t place = 0; place < places; ++place) {
      pool.GiveBack(place);
      EXPECT_EQ(pool.Take(), place) << places;
    }
  }
}

TEST(PortPool, MayHaveNothing) { EXPECT_TRUE(PortPool(0, 0).empty()); }

// A client of one target, its plan and its open connections.
class Dialler {
 public:
  explicit Dialler(Spec::PortChoice choice) {
    plan_.spec.set_workload(Spec::WORKLOAD_HOLD);
    plan_.spec.set_connections(1);
    plan_.spec.set_port_choice(choice);
  }

  RunPlan& plan() { return plan_; }
  void AddTarget(const base::IpAddress& address, uint16_t port) {
    PlannedTarget target;
    target.endpoints.push_back({address, port});
    target.addresses.push_back(sys::ToSocketAddress({address, port}));
    plan_.targets.push_back(target);
    plan_.spec.add_targets()->set_host(address.ToString());
  }

  // What connect() said, 0 also when the handshake is under way.
  int Connect(PortAllocator& ports, uint32_t target = 0) {
    const int family = plan_.targets[target].addresses[0].family();
    Connection connection{sys::UniqueFd(sys::NewTcpSocket(family)), PortLease()};
    const int error = ports.Connect(connection.fd.get(), target, 0, connection.lease);
    if (error != 0 && error != EINPROGRESS) return error;
    const base::Endpoint local = sys::LocalEndpoint(connection.fd.get()).value();
    ports_.push_back(local.port);
    sources_.insert(local.address.ToString());
    connections_.push_back(std::move(connection));
    return 0;
  }

  // Connects until an error comes.
  int ConnectAll(PortAllocator& ports, uint32_t target = 0) {
    for (int i = 0; i < 100'000; ++i) {
      if (const int error = Connect(ports, target); error != 0) return error;
    }
    return 0;
  }

  void CloseAll(PortAllocator& ports) {
    for (Connection& connection : connections_) {
      // No TIME_WAIT stays.
      EXPECT_THAT(sys::SetLingerReset(connection.fd.get()), IsOk());
      ports.Release(connection.lease);
    }
    connections_.clear();
    ports_.clear();
  }

  // Local ports and addresses of all connections, in their order.
  const std::vector<uint16_t>& ports() const { return ports_; }
  std::set<uint16_t> distinct_ports() const { return {ports_.begin(), ports_.end()}; }
  const std::set<std::string>& sources() const { return sources_; }

 private:
  struct Connection {
    sys::UniqueFd fd;
    PortLease lease;
  };
  RunPlan plan_;
  std::vector<Connection> connections_;
  std::vector<uint16_t> ports_;
  std::set<std::string> sources_;
};

struct Server {
  sys::UniqueFd listener = sys::ListenTcp(0, 4096).value();
  uint16_t port = sys::LocalEndpoint(listener.get())->port;
};

const base::IpAddress kLoopback = base::IpAddress::V4({127, 0, 0, 1});

// With the socket option that picks the port, and with bind() as before Linux 6.3.
class PortAllocatorTest : public tests::NetworkLabTest, public testing::WithParamInterface<bool> {
 protected:
  // Runs `work` on a host with the ports 40,000 to 40,099.
  void OnHost(const std::function<void(tests::Host&)>& work) {
    tests::Host& host = AddHost("a");
    ASSERT_THAT(host.SetSysctl("net.ipv4.ip_local_port_range", "40000 40099"), IsOk());
    ASSERT_THAT(host.Run([&] {
      work(host);
      return absl::OkStatus();
    }),
                IsOk());
  }

  // As PlanPorts, in the way of this test.
  static absl::Status Plan(Dialler& dialler) {
    const absl::Status status = PlanPorts(dialler.plan());
    if (!GetParam()) dialler.plan().ports.has_range_option = false;
    return status;
  }
};

INSTANTIATE_TEST_SUITE_P(Ways, PortAllocatorTest, testing::Bool(),
                         [](const auto& way) { return way.param ? "RangeOption" : "Bind"; });

TEST_P(PortAllocatorTest, UsesEveryPortAndThenSaysThatThereIsNone) {
  OnHost([](tests::Host& host) {
    ASSERT_THAT(host.SetSysctl("net.ipv4.ip_local_reserved_ports", "40010-40014,40020"), IsOk());
    const Server server;
    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(kLoopback, server.port);
    ASSERT_THAT(Plan(dialler), IsOk());
    PortAllocator ports(dialler.plan(), 0);
    EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
    // The listener has one of the 94.
    EXPECT_EQ(dialler.ports().size(), 93u);
    EXPECT_EQ(dialler.distinct_ports().size(), 93u);
    EXPECT_THAT(dialler.ports(), testing::Each(AllOf(Ge(40'000), Le(40'099))));
    EXPECT_THAT(dialler.ports(), Not(Contains(AllOf(Ge(40'010), Le(40'014)))));
    EXPECT_THAT(dialler.ports(), Not(Contains(server.port)));

    dialler.CloseAll(ports);
    EXPECT_EQ(dialler.Connect(ports), 0);
  });
}

TEST_P(PortAllocatorTest, GivesEachThreadPortsOfItsOwn) {
  OnHost([](tests::Host&) {
    const Server server;
    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(kLoopback, server.port);
    dialler.plan().threads = 3;
    ASSERT_THAT(Plan(dialler), IsOk());
    for (uint32_t worker = 0; worker < 3; ++worker) {
      PortAllocator ports(dialler.plan(), worker);
      EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
      EXPECT_EQ(dialler.distinct_ports().size(), 33 * (worker + 1));
    }
  });
}

TEST_P(PortAllocatorTest, UsesAPortForEveryDestination) {
  OnHost([](tests::Host&) {
    const Server first, second;
    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(kLoopback, first.port);
    dialler.AddTarget(kLoopback, second.port);
    dialler.AddTarget(kLoopback, first.port);  // the same again
    ASSERT_THAT(Plan(dialler), IsOk());
    PortAllocator ports(dialler.plan(), 0);
    EXPECT_EQ(dialler.ConnectAll(ports, 0), EADDRNOTAVAIL);
    EXPECT_EQ(dialler.ConnectAll(ports, 1), EADDRNOTAVAIL);
    EXPECT_EQ(dialler.ConnectAll(ports, 2), EADDRNOTAVAIL);
    EXPECT_EQ(dialler.ports().size(), 2u * 98);
    EXPECT_EQ(dialler.distinct_ports().size(), 98u);
  });
}

TEST_P(PortAllocatorTest, UsesAPortOfEverySourceInTurn) {
  OnHost([](tests::Host&) {
    const Server server;
    Dialler dialler(Spec::PORT_CHOICE_UNSPECIFIED);
    dialler.AddTarget(kLoopback, server.port);
    dialler.plan().spec.add_sources("127.0.0.4/30");
    ASSERT_THAT(Plan(dialler), IsOk());
    EXPECT_TRUE(dialler.plan().ports.own_choice);
    PortAllocator ports(dialler.plan(), 0);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(dialler.Connect(ports), 0);
    EXPECT_THAT(dialler.sources(), ElementsAre("127.0.0.4", "127.0.0.5", "127.0.0.6", "127.0.0.7"));
    EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
    EXPECT_EQ(dialler.ports().size(), 4u * 99);
  });
}

TEST_P(PortAllocatorTest, PassesOverPortsThatOthersUse) {
  OnHost([](tests::Host&) {
    const Server server;
    Dialler others(Spec::PORT_CHOICE_OWN);
    others.AddTarget(kLoopback, server.port);
    ASSERT_THAT(Plan(others), IsOk());
    PortAllocator their_ports(others.plan(), 0);
    for (int i = 0; i < 60; ++i) ASSERT_EQ(others.Connect(their_ports), 0);

    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(kLoopback, server.port);
    ASSERT_THAT(Plan(dialler), IsOk());
    PortAllocator ports(dialler.plan(), 0);
    EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
    EXPECT_EQ(dialler.ports().size(), 39u);
    for (const uint16_t port : dialler.ports()) EXPECT_EQ(others.distinct_ports().count(port), 0u);
  });
}

TEST_P(PortAllocatorTest, WorksOverIpv6) {
  OnHost([](tests::Host&) {
    const Server server;
    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(base::IpAddress::Parse("::1").value(), server.port);
    for (const bool with_source : {false, true}) {
      dialler.plan().ports = {};
      if (with_source) dialler.plan().spec.add_sources("::1");
      ASSERT_THAT(Plan(dialler), IsOk());
      PortAllocator ports(dialler.plan(), 0);
      EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
      EXPECT_EQ(dialler.distinct_ports().size(), 99u);
      dialler.CloseAll(ports);
    }
  });
}

class PortChoice : public PortAllocatorTest {};
INSTANTIATE_TEST_SUITE_P(Way, PortChoice, testing::Values(true));

TEST_P(PortChoice, IsTheKernelsUnlessItPays) {
  OnHost([](tests::Host&) {
    const auto is_own = [](const std::function<void(RunPlan&)>& change) {
      Dialler dialler(Spec::PORT_CHOICE_UNSPECIFIED);
      dialler.AddTarget(kLoopback, 80);
      dialler.AddTarget(kLoopback, 81);
      dialler.plan().spec.set_connections(100);
      change(dialler.plan());
      EXPECT_THAT(PlanPorts(dialler.plan()), IsOk());
      return dialler.plan().ports.own_choice;
    };
    EXPECT_FALSE(is_own([](RunPlan&) {}));
    EXPECT_TRUE(is_own([](RunPlan& plan) { plan.spec.set_connections(101); }));
    EXPECT_TRUE(is_own([](RunPlan& plan) { plan.spec.mutable_targets(1)->set_weight(2); }));
    EXPECT_TRUE(is_own([](RunPlan& plan) { plan.spec.add_sources("127.0.0.1"); }));
    EXPECT_TRUE(is_own([](RunPlan& plan) { plan.spec.set_port_choice(Spec::PORT_CHOICE_OWN); }));
    const auto closing = [](RunPlan& plan) {
      plan.spec.set_workload(Spec::WORKLOAD_CRR);
      plan.close_with_reset = false;
    };
    EXPECT_TRUE(is_own(closing));
    EXPECT_FALSE(is_own([&](RunPlan& plan) {
      closing(plan);
      plan.spec.set_port_choice(Spec::PORT_CHOICE_KERNEL);
    }));
    EXPECT_FALSE(is_own([](RunPlan& plan) { plan.is_client = false; }));
  });
}

TEST_P(PortChoice, OfTheKernelTakesGivenSourcesInTurn) {
  OnHost([](tests::Host&) {
    const Server server;
    Dialler dialler(Spec::PORT_CHOICE_KERNEL);
    dialler.AddTarget(kLoopback, server.port);
    dialler.plan().spec.add_sources("127.0.0.4/31");
    ASSERT_THAT(Plan(dialler), IsOk());
    PortAllocator ports(dialler.plan(), 0);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(dialler.Connect(ports), 0);
    EXPECT_THAT(dialler.sources(), ElementsAre("127.0.0.4", "127.0.0.5"));
    // The same ports serve both of them.
    EXPECT_EQ(dialler.ConnectAll(ports), EADDRNOTAVAIL);
    EXPECT_GT(dialler.ports().size(), 100u);
  });
}

TEST_P(PortChoice, KeepsOnlyAddressesThatASourceCanReach) {
  OnHost([](tests::Host&) {
    Dialler dialler(Spec::PORT_CHOICE_OWN);
    dialler.AddTarget(kLoopback, 80);
    PlannedTarget& target = dialler.plan().targets[0];
    target.endpoints.insert(target.endpoints.begin(),
                            base::Endpoint{base::IpAddress::Parse("::1").value(), 80});
    target.addresses.insert(target.addresses.begin(), sys::ToSocketAddress(target.endpoints[0]));
    dialler.plan().spec.add_sources("127.0.0.1");
    ASSERT_THAT(PlanPorts(dialler.plan()), IsOk());
    ASSERT_EQ(target.endpoints.size(), 1u);
    EXPECT_EQ(target.endpoints[0].ToString(), "127.0.0.1:80");

    dialler.plan().ports = {};
    dialler.plan().spec.set_sources(0, "::1");
    EXPECT_THAT(PlanPorts(dialler.plan()),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("target 127.0.0.1 has only IPv4 addresses")));
  });
}

}  // namespace
}  // namespace tcpfleet::agent
