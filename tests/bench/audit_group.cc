#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

constexpr int kAgents = 500;
constexpr int kKeys = 584;
// One key in a hundred is another on two of three hosts, see tcpfleet-simulated.
constexpr int kWrong = 6 * (kAgents - (kAgents + 2) / 3);

struct AuditCost {
  double seconds = 0;
  double peak_bytes = 0;
};

// `tcpfleet audit` of all of them, from the command to its end.
absl::StatusOr<AuditCost> Audit(const BenchOptions& options, const std::string& directory,
                                const std::string& agents) {
  const int64_t begin_ns = base::MonotonicNowNs();
  TF_ASSIGN_OR_RETURN(Program controller,
                      Program::Start({"tcpfleet", "--agents", agents, "audit", "--fail-on", "crit",
                                      "--profile", directory + "/profile.conf"},
                                     options.server_cpu));
  AuditCost cost;
  while (controller.Running()) {
    const absl::StatusOr<double> peak = PeakResidentBytes(controller.pid());
    if (peak.ok()) cost.peak_bytes = std::max(cost.peak_bytes, *peak);
    absl::SleepFor(absl::Milliseconds(2));
  }
  cost.seconds = static_cast<double>(base::MonotonicNowNs() - begin_ns) * 1e-9;
  TF_ASSIGN_OR_RETURN(const std::string text, controller.Finish());
  const std::string expected = absl::StrFormat("%d wrong, %d right, 0 not applicable, 0 unknown",
                                               kWrong, kAgents * kKeys - kWrong);
  if (!absl::StrContains(text, expected)) {
    return absl::FailedPreconditionError(
        absl::StrCat("expected ", expected, ", got\n",
                     text.substr(text.size() - std::min<size_t>(text.size(), 300))));
  }
  return cost;
}

}  // namespace

absl::StatusOr<Measurements> MeasureAudit(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet-bench"));
  TF_ASSIGN_OR_RETURN(Program simulated, Program::Start({"tcpfleet-simulated",
                                                         absl::StrCat(kAgents), directory.path()},
                                                        options.client_cpu));
  TF_RETURN_IF_ERROR(simulated.FirstLine().status());
  std::vector<std::string> addresses;
  for (int i = 0; i < kAgents; ++i) {
    addresses.push_back(absl::StrCat("unix:", directory.path(), "/", i, ".sock"));
  }
  const std::string agents = absl::StrJoin(addresses, ",");
  std::vector<double> first, again, memory;
  for (int round = 0; round < options.rounds; ++round) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread here
    ::setenv("XDG_CACHE_HOME", absl::StrCat(directory.path(), "/cache", round).c_str(), 1);
    TF_ASSIGN_OR_RETURN(const AuditCost whole, Audit(options, directory.path(), agents));
    TF_ASSIGN_OR_RETURN(const AuditCost unchanged, Audit(options, directory.path(), agents));
    first.push_back(whole.seconds);
    again.push_back(unchanged.seconds);
    memory.push_back(std::max(whole.peak_bytes, unchanged.peak_bytes) / 1e6);
    absl::FPrintF(stderr, "audit %d/%d: %.2f s, again %.2f s\n", round + 1, options.rounds,
                  whole.seconds, unchanged.seconds);
  }
  ::unsetenv("XDG_CACHE_HOME");  // NOLINT(concurrency-mt-unsafe)
  TF_ASSIGN_OR_RETURN(const std::string output, simulated.Finish());
  const std::string sent = output.substr(output.find('\n') + 1);
  const auto average = [&](const char* bytes, const char* answers) -> absl::StatusOr<double> {
    TF_ASSIGN_OR_RETURN(const double sum, NumberIn(sent, bytes));
    TF_ASSIGN_OR_RETURN(const double count, NumberIn(sent, answers));
    if (count != static_cast<double>(kAgents * options.rounds)) {
      return absl::FailedPreconditionError(absl::StrCat(answers, ": ", count));
    }
    return sum / count;
  };
  TF_ASSIGN_OR_RETURN(const double whole_bytes, average("bytes", "answers"));
  TF_ASSIGN_OR_RETURN(const double again_bytes, average("unchanged_bytes", "unchanged"));
  return Measurements{
      FromRounds("audit/500-hosts", first, "s", AtMost(10)),
      FromRounds("audit/controller-memory", memory, "MB", AtMost(150)),
      FromRounds("audit/again", again, "s", AtMost(1)),
      FromRounds("audit/answer", {whole_bytes}, "B/host"),
      FromRounds("audit/answer-again", {again_bytes}, "B/host", AtMost(100)),
  };
}

}  // namespace tcpfleet::bench
