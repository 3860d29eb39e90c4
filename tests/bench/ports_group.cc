// Who chooses the source ports: nearly all of those one address has to one destination are in use
// at the end. In a network of its own, where all of them are free.
//
// Two agents and two servers, as one process may not open as many files.
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>
#include <google/protobuf/util/json_util.h>

#include <memory>
#include <optional>
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
// Longer than the kernel's choice takes at a tenth of its usual speed; no run is that long.
constexpr absl::string_view kLongestRun = "120s";
constexpr int kInterrupted = 5;  // exit code of the controller

template <class Message>
absl::StatusOr<Message> Parse(const std::string& json) {
  Message message;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message, options);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat("'", json, "': ", parsed.ToString()));
  return message;
}

// Connections per second until the last one was open, to the end of the interval; nothing while
// some are missing.
absl::StatusOr<std::optional<Cost>> CostOf(const std::string& line) {
  TF_ASSIGN_OR_RETURN(const v1::StressInterval interval, Parse<v1::StressInterval>(line));
  const v1::RunResult& total = interval.total();
  if (total.failed_size() != 0) {
    return absl::FailedPreconditionError(absl::StrCat("connections failed: ", line));
  }
  if (total.active() < kConnections) return std::nullopt;
  return Cost{.rate = kConnections / interval.elapsed_seconds(),
              .cpu_us = total.cpu_seconds() * 1e6 / kConnections};
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

  // Ends as soon as every connection is open.
  absl::StatusOr<Cost> Run(const std::string& ports) const {
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
                                        ports,
                                        "--interval",
                                        std::string(kInterval),
                                        "--duration",
                                        std::string(kLongestRun),
                                        "--tcp-info",
                                        "none"},
                                       options_.server_cpu));
    for (size_t line_at = 0; program.Running();) {
      const std::string output = program.Output();
      const size_t end = output.find('\n', line_at);
      if (end == std::string::npos) {
        absl::SleepFor(absl::Milliseconds(20));
        continue;
      }
      TF_ASSIGN_OR_RETURN(const std::optional<Cost> cost,
                          CostOf(output.substr(line_at, end - line_at)));
      if (cost.has_value()) {
        TF_RETURN_IF_ERROR(program.Interrupt(kInterrupted));
        return *cost;
      }
      line_at = end + 1;
    }
    TF_RETURN_IF_ERROR(program.Finish().status());
    return absl::DeadlineExceededError(
        absl::StrCat("not all connections were open after ", kLongestRun));
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
  contest.Add("kernel", [&] { return bench->Run("kernel"); });
  contest.Add("own", [&] { return bench->Run("own"); });
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
