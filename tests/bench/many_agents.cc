// tcpfleet-agents: as many agents in one process as asked for, each on a Unix socket of its own,
// until stdin ends. Prints "ready" when all of them listen.
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "agent/app/agent.h"
#include "agent/app/options.h"
#include "common/observe/log.h"

namespace tcpfleet::bench {
namespace {

absl::StatusOr<std::unique_ptr<agent::Agent>> StartAgent(const std::string& directory, int number) {
  const std::vector<std::string> arguments = {
      "--listen", absl::StrCat("unix:", directory, "/", number, ".sock"), "--name",
      absl::StrCat("agent", number)};
  absl::StatusOr<agent::ParsedCommandLine> parsed = agent::ParseAgentCommandLine(arguments);
  if (!parsed.ok()) return parsed.status();
  return agent::Agent::Start(*parsed->options);
}

int Run(int count, const std::string& directory) {
  std::vector<std::unique_ptr<agent::Agent>> agents;
  for (int number = 0; number < count; ++number) {
    auto started = StartAgent(directory, number);
    if (!started.ok()) {
      std::fprintf(stderr, "tcpfleet-agents: %s\n", started.status().ToString().c_str());
      return 1;
    }
    agents.push_back(*std::move(started));
  }
  std::puts("ready");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) continue;
  return 0;
}

}  // namespace
}  // namespace tcpfleet::bench

int main(int argc, char** argv) {
  int count = 0;
  if (argc != 3 || !absl::SimpleAtoi(argv[1], &count) || count < 1 || count > 1000) {
    std::fputs("usage: tcpfleet-agents 1..1000 DIRECTORY\n", stderr);
    return 2;
  }
  return tcpfleet::bench::Run(count, argv[2]);
}
