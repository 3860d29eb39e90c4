#include "controller/commands/drift.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/sys/file.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/unit/controller/cli/sarif_check.h"
#include "tests/unit/controller/commands/command_run.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// a1 and a2 say 4096; a3 what it is told to.
FakeFleet Hosts(const std::string& value_of_a3 = "128") {
  FakeFleet fake(3);
  for (size_t i = 0; i < 3; ++i) {
    fake.clients[i]->describe = [] {
      v1::DescribeResponse host;
      host.set_kernel("6.1.0");
      host.set_boot_id("b1");
      host.set_memory_bytes(uint64_t{8} << 30);
      return host;
    };
    const std::string value = i < 2 ? "4096" : value_of_a3;
    fake.clients[i]->read_sysctls = [value](const auto&, const auto& on_message) {
      v1::ReadSysctlsResponse response;
      v1::Sysctl& sysctl = *response.add_sysctls();
      sysctl.set_key("net/core/somaxconn");
      sysctl.set_value(value);
      sysctl.set_writable(true);
      on_message(std::move(response));
      return absl::OkStatus();
    };
  }
  return fake;
}

class DriftCommandTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_->path() + "/" + name; }
  absl::StatusOr<sys::TemporaryDirectory> directory_ = sys::TemporaryDirectory::Create("drift");
};

TEST_F(DriftCommandTest, FailsWhenHostsDiffer) {
  FakeFleet drifted = Hosts();
  const CommandRun run = RunOn(drifted, {"drift"});
  EXPECT_EQ(run.exit_code, kCheckFailed);
  EXPECT_THAT(run.out, HasSubstr("a3\n  net.core.somaxconn: 128, most 4096; no file sets it\n"));
  FakeFleet tolerated = Hosts();
  EXPECT_EQ(RunOn(tolerated, {"drift", "--fail-on", "none"}).exit_code, kOk);
  FakeFleet same = Hosts("4096");
  EXPECT_EQ(RunOn(same, {"drift"}).exit_code, kOk);
}

TEST_F(DriftCommandTest, PrintsEveryFormat) {
  FakeFleet json = Hosts();
  v1::DriftReport report;
  const std::string text = RunOn(json, {"drift", "--output", "json"}).out;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(text, &report).ok()) << text;
  EXPECT_EQ(report.keys_size(), 1);
  FakeFleet lines = Hosts();
  EXPECT_THAT(RunOn(lines, {"drift", "--output", "jsonl"}).out,
              StartsWith("{\"key\":\"net.core.somaxconn\""));
  FakeFleet csv = Hosts();
  EXPECT_EQ(RunOn(csv, {"drift", "--output", "csv"}).out,
            "key,agent,interfaces,value,reference,value_before,set_by\r\n"
            "net.core.somaxconn,a1,,4096,4096,,\r\n"
            "net.core.somaxconn,a2,,4096,4096,,\r\n"
            "net.core.somaxconn,a3,,128,4096,,\r\n");
}

TEST_F(DriftCommandTest, SavesAndComparesWithWhatWasSaved) {
  FakeFleet monday = Hosts("4096");
  EXPECT_EQ(RunOn(monday, {"drift", "--save", Path("m.json")}).exit_code, kOk);
  FakeFleet tuesday = Hosts("128");
  const CommandRun run = RunOn(tuesday, {"drift", "--since", Path("m.json")});
  EXPECT_EQ(run.exit_code, kCheckFailed);
  EXPECT_THAT(run.out, HasSubstr("a3\n  net.core.somaxconn: 4096 -> 128; no file sets it\n"));
}

TEST_F(DriftCommandTest, RefusesFilesThatAreSomethingElse) {
  ASSERT_TRUE(sys::WriteFile(Path("notes"), "my notes").ok());
  FakeFleet save = Hosts();
  EXPECT_EQ(RunOn(save, {"drift", "--save", Path("notes")}).exit_code, kRefused);
  EXPECT_EQ(*sys::ReadFile(Path("notes")), "my notes");
  FakeFleet since = Hosts();
  const CommandRun run = RunOn(since, {"drift", "--since", Path("notes")});
  EXPECT_EQ(run.exit_code, kUsage);
  EXPECT_THAT(run.err, HasSubstr("notes: is no saved reading"));
  FakeFleet key = Hosts();
  EXPECT_EQ(RunOn(key, {"drift", "../../etc/passwd"}).exit_code, kUsage);
  FakeFleet fail_on = Hosts();
  EXPECT_EQ(RunOn(fail_on, {"drift", "--fail-on", "warn"}).exit_code, kUsage);
}

TEST_F(DriftCommandTest, IsPartialWhenAHostDoesNotAnswer) {
  FakeFleet fake = Hosts("4096");
  fake.clients[2]->read_sysctls = [](const auto&, const auto&) {
    return absl::UnavailableError("gone");
  };
  EXPECT_EQ(RunOn(fake, {"drift"}).exit_code, kPartial);
}

TEST_F(DriftCommandTest, WritesFilesForCiSystems) {
  FakeFleet drift = Hosts();
  RunOn(drift, {"drift", "--junit", Path("d.xml"), "--sarif", Path("d.sarif")});
  EXPECT_THAT(*sys::ReadFile(Path("d.xml")), HasSubstr("failures=\"1\""));
  EXPECT_EQ(tests::WrongWithSarif(*sys::ReadFile(Path("d.sarif"))), "");
  FakeFleet audit = Hosts();
  const CommandRun run =
      RunOn(audit, {"audit", "--junit", Path("a.xml"), "--sarif", Path("a.sarif")});
  EXPECT_EQ(run.exit_code, kCheckFailed);
  EXPECT_THAT(run.out, HasSubstr("a3: 128"));
  EXPECT_THAT(*sys::ReadFile(Path("a.xml")), HasSubstr("tcpfleet audit production"));
  EXPECT_EQ(tests::WrongWithSarif(*sys::ReadFile(Path("a.sarif"))), "");
}

}  // namespace
}  // namespace tcpfleet::controller
