#include <absl/strings/string_view.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"
#include "tests/bench/groups.h"
#include "tests/bench/measurement.h"

namespace tcpfleet::bench {
namespace {

struct Group {
  absl::string_view name;
  absl::string_view summary;
  absl::StatusOr<Measurements> (*measure)(const BenchOptions& options);
};
// Lines of one name are one group; what one cannot measure does not cost the others' rows.
constexpr std::array kGroups = {
    Group{"histogram", "time to record one latency", &MeasureHistogram},
    Group{"frames", "time and bytes to encode one connection sample", &MeasureFrames},
    Group{"sockets", "CPU per sample of 10,000 connections against a bare dump",
          &MeasureSockets10k},
    Group{"sockets", "the same of 100,000", &MeasureSockets100k},
    Group{"kernel", "CPU per kernel snapshot of an idle host", &MeasureKernelIdle},
    Group{"kernel", "the same of 200,000 sockets", &MeasureKernelCrowd},
    Group{"load", "CPU per crr against the bare limit program", &MeasureCrr},
    Group{"load", "CPU per rr against it", &MeasureRr},
    Group{"load", "CPU per connection opened and held against it", &MeasureHold},
    Group{"load", "throughput of one stream against it and iperf3", &MeasureStream},
    Group{"ports", "28,000 connections of one source against the kernel's choice of ports",
          &MeasurePorts},
    Group{"http", "requests to nginx against wrk", &MeasureHttp},
    Group{"latency", "percentiles while the server freezes", &MeasureFreeze},
    Group{"latency", "how late the generator sends", &MeasureLateness},
    Group{"scale", "starting and hearing 200 agents", &MeasureScale},
    Group{"scale", "merging the reports of 1,000", &MeasureMerge},
    Group{"audit", "kernel parameters of 500 agents against a profile", &MeasureAudit},
    Group{"diagnose", "all rules over the evidence of 200 hosts", &MeasureDiagnose},
    Group{"diagnose", "CPU of the agent for a diagnosis of 10 s of 200,000 sockets",
          &MeasureDiagnoseCrowd},
    Group{"skew", "first SYNs of 8 hosts as captured", &MeasureSkew},
    Group{"memory", "user memory per held connection", &MeasureMemory},
    Group{"idle", "CPU and memory of an agent nobody calls", &MeasureIdle},
};

struct Result {
  Measurements rows;
  bool complete = true;  // every line of the table gave its rows
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "tcpfleet-bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

// Every group when `wanted` is empty.
Result Measure(const std::string& wanted, const BenchOptions& options) {
  Result result;
  for (const Group& group : kGroups) {
    if (!wanted.empty() && wanted != group.name) continue;
    const absl::StatusOr<Measurements> rows = group.measure(options);
    if (rows.ok()) {
      result.rows.insert(result.rows.end(), rows->begin(), rows->end());
    } else {
      Fail(base::WithContext(group.name, rows.status()));
      result.complete = false;
    }
  }
  return result;
}

// Empty when there is such a group.
std::string CheckGroup(const std::string& name) {
  std::vector<std::string> names;
  names.reserve(kGroups.size());
  for (const Group& group : kGroups) names.emplace_back(group.name);
  if (std::find(names.begin(), names.end(), name) != names.end()) return "";
  return "no group '" + name + "'" + base::DidYouMean(name, names);
}

std::string GroupList() {
  std::string list = "Groups:";
  for (const Group& group : kGroups) {
    list += "\n  " + std::string(group.name) + ": " + std::string(group.summary);
  }
  return list;
}

struct CommandLine {
  BenchOptions options;
  double seconds = absl::ToDoubleSeconds(options.duration);
  double idle_seconds = absl::ToDoubleSeconds(options.idle);
  std::string group;
  std::string json_file;
};

void Declare(CLI::App& app, CommandLine& line) {
  app.footer(GroupList());
  app.option_defaults()->always_capture_default();
  app.add_option("GROUP", line.group, "measure only this")->check(CheckGroup);
  app.add_option("--json", line.json_file, "also save the rows here");
  app.add_option("--rounds", line.options.rounds, "repetitions; the median counts")
      ->check(CLI::Range(1, 1000));
  app.add_option("--seconds", line.seconds, "length of a load run")->check(CLI::Range(0.5, 600.0));
  app.add_option("--idle-seconds", line.idle_seconds, "how long to watch an idle agent")
      ->check(CLI::Range(1.0, 86400.0));
  app.add_option("--held", line.options.held_connections, "connections of hold and memory")
      ->check(CLI::Range(1000, 1'000'000));
  app.add_option("--client-cpu", line.options.client_cpu, "CPU of clients and agent")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--server-cpu", line.options.server_cpu, "CPU of servers and controller")
      ->check(CLI::NonNegativeNumber);
}

int Run(const CommandLine& line) {
  // A file that cannot be written is found out before the minutes of measuring.
  const auto save = [&](absl::Span<const Measurement> rows) {
    return line.json_file.empty() ? absl::OkStatus() : sys::WriteFile(line.json_file, ToJson(rows));
  };
  if (const absl::Status saved = save({}); !saved.ok()) return Fail(saved);
  const Result result = Measure(line.group, line.options);
  std::fputs(ToTable(result.rows).c_str(), stdout);
  if (const absl::Status saved = save(result.rows); !saved.ok()) return Fail(saved);
  const bool missed = std::any_of(result.rows.begin(), result.rows.end(),
                                  [](const Measurement& m) { return m.Missed(); });
  return missed || !result.complete ? 1 : 0;
}

}  // namespace
}  // namespace tcpfleet::bench

// NOLINTNEXTLINE(bugprone-exception-escape): only an option declared twice throws outside the try.
int main(int argc, char** argv) {
  CLI::App app("measures tcpfleet; exits with 1 when a goal is missed", "tools/bench");
  tcpfleet::bench::CommandLine line;
  tcpfleet::bench::Declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  line.options.duration = absl::Seconds(line.seconds);
  line.options.idle = absl::Seconds(line.idle_seconds);
  return tcpfleet::bench::Run(line);
}
