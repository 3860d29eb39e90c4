#include "controller/commands/agents.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "tcpfleet/v1/report.pb.h"
#include "tests/support/golden.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::ExpectGolden;
using ::testing::HasSubstr;

v1::DescribeResponse HostNamed(const std::string& name) {
  v1::DescribeResponse host;
  host.set_name(name);
  host.set_version("0.1.0");
  host.set_kernel("6.1.0-30-amd64");
  host.set_boot_id("b");
  host.set_network_namespace(4026531840);
  host.set_cpus(16);
  host.set_uptime_seconds(93'784);
  auto* sockets = host.add_collectors();
  sockets->set_name("sockets");
  sockets->set_level(v1::Collector::LEVEL_FULL);
  return host;
}

// a1 is fine, a2 and a3 lack a capability, a4 refuses the connection, a5 says nothing.
FakeFleet MixedFleet() {
  FakeFleet fake(5);
  for (size_t i = 0; i < 3; ++i) {
    v1::DescribeResponse host = HostNamed("host-" + std::to_string(i + 1));
    if (i > 0) {
      auto* load = host.add_collectors();
      load->set_name("load");
      load->set_level(v1::Collector::LEVEL_DEGRADED);
      load->set_detail("1,024 open files: raise LimitNOFILE");
    }
    fake.clients[i]->describe = [host] { return host; };
    fake.clients[i]->probe_clock = [i] {
      v1::ProbeClockResponse response;
      response.set_monotonic_ns(i == 0 ? -3'600'000'000'000 : 12'500);
      return response;
    };
  }
  fake.clients[3]->describe = [] { return absl::UnavailableError("Connection refused"); };
  fake.clients[4]->describe = [] { return absl::DeadlineExceededError("Deadline Exceeded"); };
  return fake;
}

TEST(AgentsCommand, ShowsEveryAgentAndWhoFailed) {
  FakeFleet fake = MixedFleet();
  const CommandRun run = RunOn(fake, {"agents"});
  EXPECT_EQ(run.exit_code, kPartial);
  ExpectGolden("agents.txt", run.out + "--- stderr ---\n" + run.err);
}

TEST(AgentsCommand, PrintsOneJsonDocument) {
  FakeFleet fake = MixedFleet();
  const CommandRun run = RunOn(fake, {"agents", "--output", "json"});
  EXPECT_EQ(run.exit_code, kPartial);
  v1::AgentsReport report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
  EXPECT_EQ(report.agents_size(), 3);
  EXPECT_EQ(report.agents(0).clock_offset_us(), -3.6e9);
  ASSERT_EQ(report.failures_size(), 2);
  EXPECT_EQ(report.failures(1).kind(), "silent");
  EXPECT_EQ(run.err, "tcpfleet: 2 of 5 agents failed\n");
}

TEST(AgentsCommand, PrintsOneJsonLinePerAgent) {
  FakeFleet fake = MixedFleet();
  const CommandRun run = RunOn(fake, {"agents", "--output", "jsonl"});
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 3);
  EXPECT_THAT(run.err, HasSubstr("tcpfleet: a4: unreachable: connection refused"));
}

TEST(AgentsCommand, PrintsCsv) {
  FakeFleet fake = MixedFleet();
  ExpectGolden("agents.csv", RunOn(fake, {"agents", "--output", "csv"}).out);
}

TEST(AgentsCommand, IsFineWhenAllAnswer) {
  FakeFleet fake(1);
  fake.clients[0]->describe = [] { return HostNamed("a1"); };
  const CommandRun run = RunOn(fake, {"agents"});
  EXPECT_EQ(run.exit_code, kOk);
  EXPECT_EQ(run.err, "");
}

TEST(AgentsCommand, FoldsAgentsThatFailAlike) {
  FakeFleet fake(12);
  for (FakeAgentClient* client : fake.clients) {
    client->describe = [] { return absl::UnavailableError("No route to host"); };
  }
  const CommandRun run = RunOn(fake, {"agents"});
  EXPECT_EQ(run.exit_code, kPartial);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "tcpfleet: a[1-12] (12): unreachable: no route to host\n"
            "tcpfleet: 12 of 12 agents failed\n");
}

}  // namespace
}  // namespace tcpfleet::controller
