#include "tests/integration/fleet_fixture.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/base/clock.h"
#include "tests/support/eventually.h"

namespace tcpfleet::tests {
namespace {

constexpr absl::Duration kControllerPatience = absl::Seconds(60);

}  // namespace

RunningProgram StartProgram(const Host& host, std::vector<std::string> arguments) {
  CapturedOutput out = CapturedOutput::Create().value();
  CapturedOutput err = CapturedOutput::Create().value();
  sys::ChildProcess::Options options;
  options.arguments = std::move(arguments);
  options.stdout_fd = out.fd();
  options.stderr_fd = err.fd();
  sys::ChildProcess process = host.Spawn(std::move(options)).value();
  return {std::move(process), std::move(out), std::move(err)};
}

void FleetTest::SetUp() {
  NetworkLabTest::SetUp();
  if (IsSkipped()) return;
  console_ = &AddHost("console");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread reads it
  ::setenv("XDG_CACHE_HOME", absl::StrCat(directory_->path(), "/cache").c_str(), 1);
}

RunningProgram FleetTest::StartAgent(const Host& host, std::vector<std::string> flags,
                                     std::vector<std::string> started_by) {
  std::vector<std::string> arguments = std::move(started_by);
  for (const std::string& argument :
       {std::string(TCPFLEET_AGENT_PROGRAM), std::string("--listen"),
        absl::StrCat(host.ipv4().ToString(), ":7117"), std::string("--insecure-listen"),
        std::string("--name"), host.name()}) {
    arguments.push_back(argument);
  }
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  RunningProgram program = StartProgram(host, std::move(arguments));
  const bool ready = EventuallyTrue([&] {
    return absl::StrContains(program.out.Text(), "ready\n") || program.process.TryWait();
  });
  EXPECT_TRUE(ready && !program.process.TryWait()) << program.out.Text() << program.err.Text();
  return program;
}

TestAgent& FleetTest::AddAgent(const std::string& name, std::vector<std::string> flags) {
  Host& host = AddHost(name);
  agents_.push_back(std::make_unique<TestAgent>(TestAgent{
      &host, StartAgent(host, std::move(flags)), absl::StrCat(host.ipv4().ToString(), ":7117")}));
  return *agents_.back();
}

TestAgent& FleetTest::AddAgentInAnotherTime(const std::string& name, int seconds) {
  Host& host = AddHost(name);
  agents_.push_back(std::make_unique<TestAgent>(TestAgent{
      &host, StartAgent(host, {}, {"unshare", "--time", "--monotonic", absl::StrCat(seconds)}),
      absl::StrCat(host.ipv4().ToString(), ":7117")}));
  return *agents_.back();
}

TestAgent& FleetTest::agent(absl::string_view name) {
  return **std::find_if(agents_.begin(), agents_.end(),
                        [&](const auto& candidate) { return candidate->host->name() == name; });
}

RunningProgram FleetTest::StartController(std::vector<std::string> arguments) {
  std::string inventory = "hosts:\n";
  for (const auto& member : agents_) {
    absl::StrAppend(&inventory, "  - name: ", member->host->name(),
                    "\n    address: ", member->address, "\n");
  }
  const std::string path = absl::StrCat(directory_->path(), "/fleet.yaml");
  EXPECT_TRUE(sys::ReplaceFile(path, inventory).ok());  // another controller may be reading it
  std::vector<std::string> all = {TCPFLEET_PROGRAM, "--inventory", path};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return StartProgram(*console_, std::move(all));
}

CommandResult FleetTest::Controller(std::vector<std::string> arguments) {
  RunningProgram program = StartController(std::move(arguments));
  const std::optional<int> exit_code = program.process.WaitUntil(
      base::MonotonicNowNs() + absl::ToInt64Nanoseconds(kControllerPatience));
  EXPECT_TRUE(exit_code.has_value()) << "the controller does not end\n" << program.err.Text();
  return {exit_code.value_or(-1), program.out.Text(), program.err.Text()};
}

v1::StressReport FleetTest::Stress(std::vector<std::string> arguments, int expected_exit_code) {
  std::vector<std::string> all = {"--output", "json", "stress"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const CommandResult result = Controller(std::move(all));
  v1::StressReport report = ParseStressReport(result.out);
  // On a machine that does other things as well a generator may be late: the run says so, and its
  // counts are right.
  const bool is_late = absl::StartsWith(report.verdict_reason(), "generator limited");
  EXPECT_EQ(result.exit_code, is_late && expected_exit_code == 0 ? 1 : expected_exit_code)
      << result.err << result.out;
  ExpectAccountsAddUp(report.total());
  for (const v1::RunResult& agent_result : report.agents()) ExpectAccountsAddUp(agent_result);
  return report;
}

uint64_t FleetTest::SynsSeenBy(const Host& host) {
  const std::vector<std::string> list = {"nft", "list", "table", "inet", "syns"};
  absl::StatusOr<CommandResult> table = host.Command(list);
  if (!table.ok() || table->exit_code != 0) {
    const std::string rules =
        "table inet syns { chain arriving { type filter hook input priority 0; "
        "tcp flags & (syn | ack) == syn counter; }; }";
    EXPECT_EQ(host.Command({"nft", rules}).value().exit_code, 0);
    table = host.Command(list);
  }
  // ... counter packets 12 bytes 720
  const std::vector<std::string> words = absl::StrSplit(table->out, absl::ByAnyChar(" \n"));
  const auto packets = std::find(words.begin(), words.end(), "packets");
  uint64_t count = 0;
  EXPECT_TRUE(packets != words.end() && absl::SimpleAtoi(*(packets + 1), &count)) << table->out;
  return count;
}

size_t FleetTest::SocketsWithPort(const Host& host, uint32_t port) {
  const std::string filter = absl::StrCat("( sport = :", port, " or dport = :", port, " )");
  const std::vector<std::string> lines = absl::StrSplit(
      host.Command({"ss", "-tnH", "state", "all", "exclude", "time-wait", filter}).value().out,
      '\n', absl::SkipEmpty());
  return lines.size();
}

v1::StressReport ParseStressReport(const std::string& json) {
  v1::StressReport report;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &report);
  EXPECT_TRUE(status.ok()) << status.ToString() << "\n" << json;
  return report;
}

void ExpectAccountsAddUp(const v1::RunResult& result) {
  uint64_t failed = 0;
  for (const auto& [failure, count] : result.failed()) failed += count;
  EXPECT_EQ(result.attempted(),
            result.succeeded() + failed + result.cancelled() + result.in_flight())
      << result.ShortDebugString();
}

const v1::RunResult& ResultOf(const v1::StressReport& report, absl::string_view name,
                              absl::string_view role) {
  for (const v1::RunResult& result : report.agents()) {
    if (result.name() == name && result.role() == role) return result;
  }
  ADD_FAILURE() << "no result of " << std::string(name) << " as " << std::string(role) << " in\n"
                << report.DebugString();
  return v1::RunResult::default_instance();
}

}  // namespace tcpfleet::tests
