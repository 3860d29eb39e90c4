// Who chooses the source ports: nearly all of those one address has to one destination are in use
// at the end. In a network of its own, where all of them are free.
//
// Two agents and two servers, as one process may not open as many files.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/bench/contest.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/json_object.h"
#include "tests/bench/program.h"
#include "tests/support/network_lab.h"

namespace tcpfleet::bench {
namespace {

constexpr int kConnections = 28'000;  // of the 28,232 ports of the default range
constexpr absl::string_view kInterval = "100ms";
// Longer than the choice takes at a tenth of its usual speed.
constexpr absl::string_view kKernelDuration = "40s";
constexpr absl::string_view kOwnDuration = "8s";

template <class Message>
absl::StatusOr<Message> Parse(const std::string& json) {
  Message message;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message, options);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat("'", json, "': ", parsed.ToString()));
  return message;
}

// Connections per second until the last one was open, to the end of the interval.
absl::StatusOr<Cost> CostOf(const std::string& json_lines) {
  const std::vector<std::string> lines = absl::StrSplit(json_lines, '\n', absl::SkipEmpty());
  if (lines.empty()) return absl::DataLossError("the run printed nothing");
  TF_ASSIGN_OR_RETURN(const v1::StressReport report, Parse<v1::StressReport>(lines.back()));
  const v1::RunResult& total = report.total();
  if (report.verdict() != "PASS" || total.succeeded() != kConnections) {
    return absl::FailedPreconditionError(
        absl::StrCat("run is no measurement: verdict ", report.verdict(), " ",
                     report.verdict_reason(), "; opened ", total.succeeded(), " connections"));
  }
  for (const std::string& line : lines) {
    TF_ASSIGN_OR_RETURN(const v1::StressInterval interval, Parse<v1::StressInterval>(line));
    if (interval.total().succeeded() != kConnections) continue;
    return Cost{.rate = kConnections / interval.elapsed_seconds(),
                .cpu_us = total.cpu_seconds() * 1e6 / kConnections};
  }
  return absl::DataLossError("no interval says that all connections are open");
}

class PortsBench {
 public:
  static absl::StatusOr<std::unique_ptr<PortsBench>> Start(const BenchOptions& options) {
    TF_ASSIGN_OR_RETURN(Program first,
                        Program::Start({"tcpfleet-limit", "serve"}, options.server_cpu));
    TF_ASSIGN_OR_RETURN(const std::string line, first.FirstLine());
    TF_ASSIGN_OR_RETURN(const double number, NumberIn(line, "port"));
    const std::string port = absl::StrCat(static_cast<int>(number));
    TF_ASSIGN_OR_RETURN(Program second, Program::Start({"tcpfleet-limit", "serve", "--port", port},
                                                       options.server_cpu));
    TF_RETURN_IF_ERROR(second.FirstLine().status());
    TF_ASSIGN_OR_RETURN(Agent one, Agent::Start(options.client_cpu));
    TF_ASSIGN_OR_RETURN(Agent other, Agent::Start(options.client_cpu));
    return std::unique_ptr<PortsBench>(new PortsBench(options, std::move(first), std::move(second),
                                                      port, std::move(one), std::move(other)));
  }

  absl::StatusOr<Cost> Run(absl::string_view ports, absl::string_view duration) const {
    TF_ASSIGN_OR_RETURN(Program program,
                        Program::Start({"tcpfleet",
                                        "--agents",
                                        absl::StrCat(one_.address(), ",", other_.address()),
                                        "--output",
                                        "jsonl",
                                        "stress",
                                        "hold",
                                        "--target",
                                        absl::StrCat("127.0.0.1:", port_),
                                        "--connections",
                                        absl::StrCat(kConnections),
                                        "--threads",
                                        "1",
                                        "--ports",
                                        std::string(ports),
                                        "--interval",
                                        std::string(kInterval),
                                        "--duration",
                                        std::string(duration),
                                        "--tcp-info",
                                        "none"},
                                       options_.server_cpu));
    TF_ASSIGN_OR_RETURN(const std::string lines, program.Finish());
    return CostOf(lines);
  }

 private:
  PortsBench(const BenchOptions& options, Program first, Program second, std::string port,
             Agent one, Agent other)
      : options_(options),
        first_(std::move(first)),
        second_(std::move(second)),
        port_(std::move(port)),
        one_(std::move(one)),
        other_(std::move(other)) {}

  const BenchOptions options_;
  Program first_;
  Program second_;
  const std::string port_;
  Agent one_;
  Agent other_;
};

absl::StatusOr<Measurements> MeasureHere(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<PortsBench> bench, PortsBench::Start(options));
  Contest contest("ports");
  contest.Add("kernel", [&] { return bench->Run("kernel", kKernelDuration); });
  contest.Add("own", [&] { return bench->Run("own", kOwnDuration); });
  TF_RETURN_IF_ERROR(contest.Run(options.rounds));
  return Measurements{contest.Ratio("rate", &Cost::rate, "own", "kernel", AtLeast(10)),
                      contest.Ratio("cpu", &Cost::cpu_us, "own", "kernel", AtMost(0.1)),
                      contest.Value("own-rate", &Cost::rate, "own", "1/s"),
                      contest.Value("kernel-rate", &Cost::rate, "kernel", "1/s")};
}

}  // namespace

absl::StatusOr<Measurements> MeasurePorts(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<tests::NetworkLab> lab, tests::NetworkLab::Create());
  TF_ASSIGN_OR_RETURN(const tests::Host* host, lab->AddHost("ports"));
  Measurements rows;
  TF_RETURN_IF_ERROR(host->Run([&]() -> absl::Status {
    TF_ASSIGN_OR_RETURN(rows, MeasureHere(options));
    return absl::OkStatus();
  }));
  return rows;
}

}  // namespace tcpfleet::bench
