#include "agent/load/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RunPlan ClientPlan(uint32_t connections) {
  RunPlan plan;
  plan.spec.set_workload(v1::StressSpec::WORKLOAD_HOLD);
  plan.spec.set_connections(connections);
  PlannedTarget target;
  target.endpoints.push_back({base::IpAddress::V4({127, 0, 0, 1}), 80});
  plan.targets.push_back(target);
  return plan;
}

constexpr HostBounds kRoomy{.open_files = 1'000'000, .ports = 28'232, .somaxconn = 4096};

TEST(PortsInRange, CountsBothEnds) {
  EXPECT_EQ(PortsInRange("32768\t60999\n"), 28'232u);
  EXPECT_EQ(PortsInRange("5000 5000"), 1u);
}

TEST(PortsInRange, RefusesWhatIsNoRange) {
  for (const char* text : {"", "1", "9 8", "0 5", "1 65536", "a b", "1 2 3", "-1 5"}) {
    EXPECT_EQ(PortsInRange(text), std::nullopt) << text;
  }
}

TEST(PreflightWarnings, AreSilentWhenThereIsRoom) {
  EXPECT_THAT(PreflightWarnings(ClientPlan(14'000), kRoomy), IsEmpty());
}

TEST(PreflightWarnings, AreSilentAboutWhatIsNotKnown) {
  EXPECT_THAT(PreflightWarnings(ClientPlan(4'000'000), {}), IsEmpty());
}

TEST(PreflightWarnings, CountDescriptors) {
  HostBounds bounds = kRoomy;
  bounds.open_files = 1024;
  EXPECT_THAT(PreflightWarnings(ClientPlan(1000), bounds),
              ElementsAre(AllOf(HasSubstr("1000 connections"), HasSubstr("1024 files"),
                                HasSubstr("ulimit -n"))));
}

TEST(PreflightWarnings, CountPortsOfEachDestination) {
  RunPlan plan = ClientPlan(30'000);
  EXPECT_THAT(PreflightWarnings(plan, kRoomy),
              ElementsAre(AllOf(HasSubstr("28232 source ports"), HasSubstr("localPort"),
                                HasSubstr("net.ipv4.ip_local_port_range"))));
  // The same destination twice adds nothing, another one does.
  plan.targets.push_back(plan.targets[0]);
  EXPECT_THAT(PreflightWarnings(plan, kRoomy), ElementsAre(HasSubstr("28232 source ports")));
  plan.targets[1].endpoints[0].port = 81;
  EXPECT_THAT(PreflightWarnings(plan, kRoomy),
              ElementsAre(HasSubstr("more than half of the 56464")));
  plan.targets.push_back(plan.targets[0]);
  plan.targets[2].endpoints[0].port = 82;
  EXPECT_THAT(PreflightWarnings(plan, kRoomy), IsEmpty());
}

TEST(PreflightWarnings, CountTimeWaitWhenClosingWithFin) {
  RunPlan plan = ClientPlan(64);
  plan.spec.set_workload(v1::StressSpec::WORKLOAD_CRR);
  plan.spec.set_rate_per_second(471);
  plan.close_with_reset = false;
  EXPECT_THAT(PreflightWarnings(plan, kRoomy),
              ElementsAre(AllOf(HasSubstr("471 connections/s"), HasSubstr("sustain 470/s"))));
  plan.spec.set_rate_per_second(470);
  EXPECT_THAT(PreflightWarnings(plan, kRoomy), IsEmpty());
  plan.spec.set_rate_per_second(471);
  plan.close_with_reset = true;
  EXPECT_THAT(PreflightWarnings(plan, kRoomy), IsEmpty());
}

TEST(PreflightWarnings, CompareAServersAcceptQueuesWithItsConnections) {
  RunPlan plan;
  plan.is_client = false;
  plan.threads = 2;
  plan.spec.set_connections(300);
  HostBounds bounds = kRoomy;
  bounds.somaxconn = 128;
  EXPECT_THAT(PreflightWarnings(plan, bounds),
              ElementsAre(AllOf(HasSubstr("256 of 300"), HasSubstr("net.core.somaxconn"))));
  plan.threads = 3;
  EXPECT_THAT(PreflightWarnings(plan, bounds), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::agent
