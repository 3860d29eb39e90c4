#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <algorithm>
#include <cstdio>

#include "common/base/status_macros.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

// A run's fixed cost, histograms and threads for example, is in both runs and so in no difference.
constexpr int kFewConnections = 64;
constexpr Goal kGoal = AtMost(192);

// Most memory each role had while a run held its connections.
struct Held {
  double client_bytes = 0;
  double server_bytes = 0;
};

absl::StatusOr<Held> Hold(const BenchOptions& options, const Agent& client, const Agent& server,
                          int connections, const std::string& sampled) {
  TF_ASSIGN_OR_RETURN(
      StressRun run,
      StressRun::Start(absl::StrCat(client.address(), ",", server.address()),
                       {"hold", "--serve", absl::StrCat(server.address(), "@127.0.0.1"),
                        "--connections", absl::StrCat(connections), "--threads", "1", "--duration",
                        absl::FormatDuration(options.duration), "--tcp-info", sampled},
                       options.server_cpu));
  Held held;
  while (run.Running()) {
    TF_ASSIGN_OR_RETURN(const double client_bytes, PrivateDirtyBytes(client.pid()));
    TF_ASSIGN_OR_RETURN(const double server_bytes, PrivateDirtyBytes(server.pid()));
    held.client_bytes = std::max(held.client_bytes, client_bytes);
    held.server_bytes = std::max(held.server_bytes, server_bytes);
    absl::SleepFor(absl::Milliseconds(50));
  }
  TF_RETURN_IF_ERROR(run.Finish().status());
  return held;
}

// Bytes per connection, by role, of one pair of fresh agents.
absl::StatusOr<Held> HoldMoreAndMore(const BenchOptions& options, const std::string& sampled) {
  TF_ASSIGN_OR_RETURN(const Agent client, Agent::Start(options.client_cpu));
  TF_ASSIGN_OR_RETURN(const Agent server, Agent::Start(options.server_cpu));
  TF_ASSIGN_OR_RETURN(const Held few, Hold(options, client, server, kFewConnections, sampled));
  TF_ASSIGN_OR_RETURN(const Held many,
                      Hold(options, client, server, options.held_connections, sampled));
  const double more = options.held_connections - kFewConnections;
  return Held{.client_bytes = (many.client_bytes - few.client_bytes) / more,
              .server_bytes = (many.server_bytes - few.server_bytes) / more};
}

}  // namespace

absl::StatusOr<Measurements> MeasureMemory(const BenchOptions& options) {
  std::vector<double> client, server, sampled;
  const int rounds = std::min(3, options.rounds);  // the same within a page or two every time
  for (int round = 0; round < rounds; ++round) {
    absl::FPrintF(stderr, "memory %d/%d: holding %d connections\n", round + 1, rounds,
                  options.held_connections);
    TF_ASSIGN_OR_RETURN(const Held plain, HoldMoreAndMore(options, "none"));
    TF_ASSIGN_OR_RETURN(const Held with_tcp_info, HoldMoreAndMore(options, "all"));
    client.push_back(plain.client_bytes);
    server.push_back(plain.server_bytes);
    sampled.push_back(with_tcp_info.client_bytes);
  }
  return Measurements{
      FromRounds("memory/client", client, "B/conn", kGoal),
      FromRounds("memory/server", server, "B/conn", kGoal),
      FromRounds("memory/client-tcp-info", sampled, "B/conn"),
  };
}

}  // namespace tcpfleet::bench
