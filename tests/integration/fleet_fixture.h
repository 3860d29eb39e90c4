// A fleet for a test: hosts in namespaces, an agent on each, the controller on a console host.
//
//   AddAgent("web1"); AddAgent("web2"); AddAgent("web3");
//   const v1::StressReport report = Stress({"crr", "--serve", "web3", "--connections", "16"});
#pragma once

#include <absl/strings/string_view.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/sys/child_process.h"
#include "common/sys/file.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/support/network_lab.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {

// A program under test with what it printed so far.
struct RunningProgram {
  sys::ChildProcess process;
  CapturedOutput out;
  CapturedOutput err;
};

RunningProgram StartProgram(const Host& host, std::vector<std::string> arguments);

struct TestAgent {
  Host* host = nullptr;
  RunningProgram program;
  std::string address;
};

class FleetTest : public NetworkLabTest {
 protected:
  void SetUp() override;

  // A host with an agent that is ready, named alike. `flags` follow the ones it needs.
  TestAgent& AddAgent(const std::string& name, std::vector<std::string> flags = {});
  // The same, and its CLOCK_MONOTONIC is so many seconds ahead of everybody else's. Source:
  // time_namespaces(7).
  TestAgent& AddAgentInAnotherTime(const std::string& name, int seconds);
  // Starts the agent of a host again, or one more; waits until it is ready.
  RunningProgram StartAgent(const Host& host, std::vector<std::string> flags,
                            std::vector<std::string> started_by = {});
  TestAgent& agent(absl::string_view name);

  // The controller on the console host, told about all agents.
  RunningProgram StartController(std::vector<std::string> arguments);
  CommandResult Controller(std::vector<std::string> arguments);
  // `tcpfleet --output json stress ...`; checks the exit code and what must hold for every report.
  v1::StressReport Stress(std::vector<std::string> arguments, int expected_exit_code = 0);

  // New SYNs that have reached `host` so far. The first call starts to count.
  uint64_t SynsSeenBy(const Host& host);
  // TCP sockets of `host`, other than TIME_WAIT, with this port on either side.
  size_t SocketsWithPort(const Host& host, uint32_t port);

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
  Host* console_ = nullptr;
  std::vector<std::unique_ptr<TestAgent>> agents_;
};

// The document a controller printed; fails the test when it is not one StressReport.
v1::StressReport ParseStressReport(const std::string& json);

// attempted = succeeded + failed + cancelled + in flight
void ExpectAccountsAddUp(const v1::RunResult& result);

const v1::RunResult& ResultOf(const v1::StressReport& report, absl::string_view name,
                              absl::string_view role = "client");

}  // namespace tcpfleet::tests
