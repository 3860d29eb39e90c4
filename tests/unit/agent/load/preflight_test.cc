#include "agent/load/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace tcpfleet::agent {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using Spec = v1::StressSpec;
using Lines = std::vector<std::string>;

void AddTarget(RunPlan& plan, std::array<uint8_t, 4> address, uint16_t port, uint32_t weight = 0) {
  PlannedTarget target;
  target.endpoints.push_back({base::IpAddress::V4(address), port});
  plan.targets.push_back(target);
  plan.spec.add_targets()->set_weight(weight);
}

RunPlan ClientPlan(uint32_t connections, std::array<uint8_t, 4> target = {198, 18, 0, 1}) {
  RunPlan plan;
  plan.spec.set_workload(Spec::WORKLOAD_HOLD);
  plan.spec.set_close_mode(Spec::CLOSE_MODE_RST);
  plan.spec.set_connections(connections);
  plan.duration_ns = 10'000'000'000;
  AddTarget(plan, target, 80);
  return plan;
}

RunPlan CrrPlan(double rate, std::array<uint8_t, 4> target = {198, 18, 0, 1}) {
  RunPlan plan = ClientPlan(64, target);
  plan.spec.set_workload(Spec::WORKLOAD_CRR);
  plan.spec.set_close_mode(Spec::CLOSE_MODE_FIN);
  plan.spec.set_rate_per_second(rate);
  plan.close_with_reset = false;
  plan.duration_ns = 120'000'000'000;
  return plan;
}

RunPlan ServerPlan(uint32_t connections, uint32_t threads) {
  RunPlan plan;
  plan.is_client = false;
  plan.threads = threads;
  plan.spec.set_connections(connections);
  return plan;
}

HostBounds Roomy() {
  HostBounds bounds;
  bounds.open_files = 1'000'000;
  bounds.ports = UsablePorts({32'768, 60'999}, {}, {});
  bounds.available_memory_bytes = uint64_t{8} << 30;
  bounds.somaxconn = 4096;
  bounds.tcp_max_syn_backlog = 4096;
  bounds.tcp_syncookies = 1;
  bounds.tcp_max_tw_buckets = 262'144;
  bounds.tcp_tw_reuse = 2;
  bounds.tcp_fastopen = 1;
  bounds.rmem_max = bounds.wmem_max = 212'992;
  return bounds;
}

Lines Warnings(const RunPlan& plan, const HostBounds& bounds = Roomy()) {
  const PreflightResult result = CheckHost(plan, bounds);
  EXPECT_THAT(result.blockers, IsEmpty());
  return result.warnings;
}

Lines Blockers(const RunPlan& plan, const HostBounds& bounds = Roomy()) {
  const PreflightResult result = CheckHost(plan, bounds);
  EXPECT_THAT(result.warnings, IsEmpty());
  return result.blockers;
}

TEST(Preflight, IsSilentWhenThereIsRoom) {
  EXPECT_THAT(Warnings(ClientPlan(14'000)), IsEmpty());
  EXPECT_THAT(Warnings(ServerPlan(4096, 1)), IsEmpty());
}

TEST(Preflight, IsSilentAboutWhatIsNotKnown) {
  EXPECT_THAT(Warnings(ClientPlan(4'000'000), {}), IsEmpty());
  EXPECT_THAT(Warnings(CrrPlan(1e6), {}), IsEmpty());
  EXPECT_THAT(Warnings(ServerPlan(4'000'000, 1), {}), IsEmpty());
}

TEST(Preflight, CountsDescriptors) {
  HostBounds bounds = Roomy();
  bounds.open_files = 1024;
  const auto line = [](const char* connections) {
    return ElementsAre(
        AllOf(HasSubstr(connections), HasSubstr("1024 files"), HasSubstr("ulimit -n")));
  };
  EXPECT_THAT(Warnings(ClientPlan(896), bounds), IsEmpty());
  EXPECT_THAT(Warnings(ClientPlan(897), bounds), line("897 connections"));
  EXPECT_THAT(Blockers(ClientPlan(1024), bounds), line("1024 connections"));
}

TEST(Preflight, BlocksMoreConnectionsThanPortsToADestination) {
  RunPlan plan = ClientPlan(30'000);
  EXPECT_THAT(Blockers(plan),
              ElementsAre(AllOf(HasSubstr("30000 connections to 198.18.0.1:80"),
                                HasSubstr("28232 source ports"), HasSubstr("localPort"),
                                HasSubstr("net.ipv4.ip_local_port_range"))));
  // The same destination twice adds nothing, another one does.
  AddTarget(plan, {198, 18, 0, 1}, 80);
  EXPECT_THAT(Blockers(plan), SizeIs(1));
  AddTarget(plan, {198, 18, 0, 1}, 81, 2);
  EXPECT_THAT(Warnings(plan), ElementsAre(HasSubstr("15000")));
}

TEST(Preflight, CountsWeightsOfTargets) {
  RunPlan plan = ClientPlan(30'000);
  AddTarget(plan, {198, 18, 0, 1}, 81, 29);
  EXPECT_THAT(Blockers(plan), ElementsAre(HasSubstr("29000 connections to 198.18.0.1:81")));
}

TEST(Preflight, CountsPortsOfEverySource) {
  RunPlan plan = ClientPlan(56'464);
  plan.ports.own_choice = true;
  plan.ports.sources = {base::IpAddress::V4({198, 18, 0, 2}), base::IpAddress::V4({198, 18, 0, 3})};
  EXPECT_THAT(Warnings(plan), IsEmpty());
  plan.spec.set_connections(56'465);
  EXPECT_THAT(Blockers(plan), SizeIs(1));
}

TEST(Preflight, LeavesOutReservedAndListeningPorts) {
  HostBounds bounds = Roomy();
  PortSet reserved, listening;
  reserved.set(40'000).set(40'001).set(80);
  listening.set(50'000);
  bounds.ports = UsablePorts({32'768, 60'999}, reserved, listening);
  EXPECT_THAT(Blockers(ClientPlan(28'230), bounds),
              ElementsAre(AllOf(HasSubstr("28229 source ports"),
                                HasSubstr("(2 reserved and 1 listening ones are left out)"))));
}

TEST(Preflight, WarnsOfTheSlowHalfOnlyWhereTheKernelChooses) {
  RunPlan plan = ClientPlan(14'117);
  EXPECT_THAT(Warnings(plan), ElementsAre(HasSubstr("--ports own")));
  plan.ports.own_choice = true;
  EXPECT_THAT(Warnings(plan), IsEmpty());
}

TEST(Preflight, BlocksARateThatTimeWaitDoesNotSustain) {
  EXPECT_THAT(Warnings(CrrPlan(470)), IsEmpty());
  EXPECT_THAT(Blockers(CrrPlan(471)),
              ElementsAre(AllOf(HasSubstr("471 connections/s"), HasSubstr("sustain 471/s"),
                                HasSubstr("run out after 59.9 s"), HasSubstr("close with rst"))));
}

TEST(Preflight, LetsARunPassThatEndsBeforePortsRunOut) {
  RunPlan plan = CrrPlan(2000);
  plan.duration_ns = 14'000'000'000;
  EXPECT_THAT(Warnings(plan), IsEmpty());
  plan.warmup_ns = 1'000'000'000;
  EXPECT_THAT(Blockers(plan), SizeIs(1));
}

TEST(Preflight, KnowsThatLoopbackUsesPortsInTimeWaitAgain) {
  const std::array<uint8_t, 4> loopback{127, 0, 0, 1};
  EXPECT_THAT(Warnings(CrrPlan(4000, loopback)), IsEmpty());
  EXPECT_THAT(Warnings(CrrPlan(30'000, loopback)),
              testing::Contains(HasSubstr("for 1 s, so 28232 source ports sustain 28232/s")));
  HostBounds bounds = Roomy();
  bounds.tcp_tw_reuse = 0;
  EXPECT_THAT(Warnings(CrrPlan(500, loopback), bounds), ElementsAre(HasSubstr("for 60 s")));
  bounds.tcp_tw_reuse = 1;
  EXPECT_THAT(Warnings(CrrPlan(4000), bounds), IsEmpty());
}

TEST(Preflight, SaysWhatAClosedLoopCanReachOverTimeWait) {
  EXPECT_THAT(Warnings(CrrPlan(0)), ElementsAre(HasSubstr("sustain 471 connections/s")));
}

TEST(Preflight, KnowsThatAResetAndTheServersFinLeaveNoTimeWaitHere) {
  RunPlan plan = CrrPlan(5000);
  plan.spec.set_close_mode(Spec::CLOSE_MODE_RST);
  EXPECT_THAT(Warnings(plan), IsEmpty());
  plan.spec.set_close_mode(Spec::CLOSE_MODE_SERVER_FIN);
  EXPECT_THAT(Warnings(plan), IsEmpty());
}

TEST(Preflight, CountsTimeWaitBucketsOfTheSideThatClosesFirst) {
  HostBounds bounds = Roomy();
  bounds.tcp_max_tw_buckets = 8192;
  const auto line = ElementsAre(AllOf(HasSubstr("12000 in TIME_WAIT"), HasSubstr("beyond 8192"),
                                      HasSubstr("net.ipv4.tcp_max_tw_buckets")));
  EXPECT_THAT(Warnings(CrrPlan(200), bounds), line);
  RunPlan server = CrrPlan(200);
  server.is_client = false;
  EXPECT_THAT(Warnings(server, bounds), IsEmpty());
  server.spec.set_close_mode(Spec::CLOSE_MODE_SERVER_FIN);
  EXPECT_THAT(Warnings(server, bounds), line);
}

TEST(Preflight, ComparesAcceptQueuesWithConnections) {
  HostBounds bounds = Roomy();
  bounds.somaxconn = 128;
  EXPECT_THAT(Warnings(ServerPlan(300, 2), bounds),
              ElementsAre(AllOf(HasSubstr("256 of 300"), HasSubstr("net.core.somaxconn"))));
  EXPECT_THAT(Warnings(ServerPlan(300, 3), bounds), IsEmpty());
}

TEST(Preflight, CountsHandshakesWhereThereAreNoSynCookies) {
  HostBounds bounds = Roomy();
  bounds.tcp_max_syn_backlog = 128;
  EXPECT_THAT(Warnings(ServerPlan(300, 1), bounds), IsEmpty());
  bounds.tcp_syncookies = 0;
  EXPECT_THAT(Warnings(ServerPlan(300, 1), bounds),
              ElementsAre(AllOf(HasSubstr("96 of 300"), HasSubstr("tcp_max_syn_backlog"))));
}

TEST(Preflight, EstimatesKernelMemory) {
  HostBounds bounds = Roomy();
  bounds.available_memory_bytes = 38'400'000;
  EXPECT_THAT(Warnings(ClientPlan(10'000), bounds), IsEmpty());
  EXPECT_THAT(Warnings(ClientPlan(10'001), bounds),
              ElementsAre(AllOf(HasSubstr("10001 connections"), HasSubstr("enough for 10000"))));
  RunPlan stream = ClientPlan(1000);
  stream.spec.set_workload(Spec::WORKLOAD_STREAM);
  EXPECT_THAT(Warnings(stream, bounds), ElementsAre(HasSubstr("enough for 144")));
  stream.options.set_send_buffer_bytes(1'000'000);
  EXPECT_THAT(Warnings(stream, bounds),
              testing::Contains(AllOf(HasSubstr("enough for 19:"), HasSubstr("smaller buffers"))));
}

TEST(Preflight, CountsFreeEntriesOfConnectionTracking) {
  HostBounds bounds = Roomy();
  bounds.nf_conntrack_max = 1000;
  bounds.nf_conntrack_count = 400;
  EXPECT_THAT(Warnings(ClientPlan(600), bounds), IsEmpty());
  EXPECT_THAT(Warnings(ClientPlan(601), bounds),
              ElementsAre(AllOf(HasSubstr("the 600 free entries"), HasSubstr("nf_conntrack_max"))));
  bounds.nf_conntrack_count = 2000;
  EXPECT_THAT(Warnings(ClientPlan(1), bounds), ElementsAre(HasSubstr("the 0 free entries")));
}

TEST(Preflight, TellsOfOptionsThatWillNotHold) {
  RunPlan plan = ClientPlan(1);
  plan.options.set_send_buffer_bytes(212'993);
  plan.options.set_receive_buffer_bytes(212'992);
  plan.options.set_fast_open(true);
  EXPECT_THAT(Warnings(plan), ElementsAre(AllOf(HasSubstr("212993 bytes is cut to 212992"),
                                                HasSubstr("net.core.wmem_max"))));
  plan.is_client = false;
  EXPECT_THAT(Warnings(plan), testing::Contains(HasSubstr("net.ipv4.tcp_fastopen is 1")));
}

TEST(ReadHostBounds, KnowsThisHost) {
  const HostBounds bounds = ReadHostBounds();
  EXPECT_TRUE(bounds.open_files && bounds.ports && bounds.available_memory_bytes);
  EXPECT_TRUE(bounds.somaxconn && bounds.tcp_tw_reuse && bounds.tcp_max_tw_buckets);
}

}  // namespace
}  // namespace tcpfleet::agent
