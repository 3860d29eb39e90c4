#include "controller/commands/stack.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>

#include "tests/unit/controller/commands/command_run.h"
#include "tests/unit/controller/stack/hosts.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// a1 has a somaxconn of its own.
FakeFleet BusyFleet() {
  FakeFleet fake(3);
  for (size_t i = 0; i < 3; ++i) {
    fake.clients[i]->snapshot_kernel = [round = int64_t{0}](const auto&,
                                                            const auto& on_message) mutable {
      v1::SnapshotKernelResponse response;
      *response.mutable_snapshot() = round == 0 ? BusySnapshot() : LaterSnapshot();
      response.mutable_snapshot()->set_monotonic_ns(++round * 10'000'000'000);
      on_message(std::move(response));
      return absl::OkStatus();
    };
    fake.clients[i]->read_sysctls = [i](const auto&, const auto& on_message) {
      v1::ReadSysctlsResponse response;
      v1::Sysctl& sysctl = *response.add_sysctls();
      sysctl.set_key("net/core/somaxconn");
      sysctl.set_value(i == 0 ? "128" : "4096");
      on_message(std::move(response));
      return absl::OkStatus();
    };
  }
  return fake;
}

TEST(StackCommand, ShowsEveryHostAndFoldsParameters) {
  FakeFleet fake = BusyFleet();
  const CommandRun run = RunOn(fake, {"stack"});
  EXPECT_EQ(run.exit_code, kOk) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("a1: 2023-11-14"), HasSubstr("\na3: 2023-11-14"),
                             HasSubstr("net.core.somaxconn\n  a[2-3] (2): 4096\n  a1: 128\n")));
}

TEST(StackCommand, PrintsOneJsonDocumentFromTheFirstLookToTheLast) {
  FakeFleet fake = BusyFleet();
  const CommandRun run =
      RunOn(fake, {"stack", "--output", "json", "--for", "30s", "--every", "10s"});
  v1::StackReport report;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(run.out, &report).ok()) << run.out;
  ASSERT_EQ(report.hosts_size(), 3);
  EXPECT_EQ(report.hosts(0).first().monotonic_ns(), 10'000'000'000);
  EXPECT_EQ(report.hosts(0).last().monotonic_ns(), 40'000'000'000);
}

TEST(StackCommand, LooksAgainEveryInterval) {
  FakeFleet fake = BusyFleet();
  const CommandRun run =
      RunOn(fake, {"stack", "--output", "jsonl", "--for", "30s", "--every", "10s"});
  EXPECT_EQ(std::count(run.out.begin(), run.out.end(), '\n'), 4 * 3);
  FakeFleet again = BusyFleet();
  EXPECT_THAT(RunOn(again, {"stack", "--for", "10s"}).out, HasSubstr("PER SECOND"));
  FakeFleet short_one = BusyFleet();
  EXPECT_THAT(RunOn(short_one, {"stack", "--for", "2s"}).out, HasSubstr("PER SECOND"))
      << "an interval is never longer than the whole";
}

TEST(StackCommand, AsksForWhatIsWanted) {
  FakeFleet fake = BusyFleet();
  v1::SnapshotKernelRequest asked;
  fake.clients[0]->snapshot_kernel = [&](const auto& request, const auto&) {
    asked = request;
    return absl::UnavailableError("Connection refused");
  };
  const CommandRun run = RunOn(fake, {"stack", "--top", "3", "--all-namespaces"});
  EXPECT_EQ(run.exit_code, kPartial);
  EXPECT_EQ(asked.top(), 3u);
  EXPECT_TRUE(asked.all_namespaces());
  EXPECT_TRUE(asked.owners());
  EXPECT_THAT(run.out, AllOf(Not(HasSubstr("a1: 2023")), HasSubstr("a2: 2023")));
  EXPECT_THAT(run.err, HasSubstr("a1: unreachable"));
}

TEST(StackCommand, WritesCsvUnderOneHeader) {
  FakeFleet fake = BusyFleet();
  const std::string csv = RunOn(fake, {"stack", "--output", "csv", "--for", "10s"}).out;
  EXPECT_EQ(csv.find("host,namespace,section,name,value\r\n"), 0u);
  EXPECT_EQ(csv.find("host,namespace", 1), std::string::npos);
  EXPECT_THAT(csv, HasSubstr("a1,4026531840,moved,Tcp.ActiveOpens,1204\r\n"));
}

TEST(StackCommand, RefusesAnIntervalWithoutAWhole) {
  FakeFleet fake = BusyFleet();
  const CommandRun run = RunOn(fake, {"stack", "--every", "10s"});
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_THAT(run.err, HasSubstr("--every goes with --for"));
}

}  // namespace
}  // namespace tcpfleet::controller
