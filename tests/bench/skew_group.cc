// Whether a fleet starts together: 8 agents in network namespaces of their own, half of them with a
// monotonic clock that is far off, connect to a ninth host that captures their SYNs.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/clock.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/host.h"
#include "tcpfleet/v1/report.pb.h"
#include "tests/bench/groups.h"
#include "tests/support/eventually.h"
#include "tests/support/network_lab.h"
#include "tests/support/plain_server.h"
#include "tests/support/syn_capture.h"

namespace tcpfleet::bench {
namespace {

constexpr int kAgents = 8;
constexpr int kRunsPerRound = 15;       // seven rounds have a 99th percentile
constexpr char kOtherClock[] = "1000";  // seconds; time_namespaces(7) takes whole ones
constexpr uint16_t kPort = 7000;

struct RunningAgent {
  tests::CapturedOutput output;
  sys::ChildProcess process;
};

class Stage {
 public:
  static absl::StatusOr<std::unique_ptr<Stage>> Create() {
    auto stage = std::make_unique<Stage>();
    TF_ASSIGN_OR_RETURN(stage->lab_, tests::NetworkLab::Create());
    TF_ASSIGN_OR_RETURN(stage->console_, stage->lab_->AddHost("console"));
    TF_ASSIGN_OR_RETURN(tests::Host * target, stage->lab_->AddHost("target"));
    TF_ASSIGN_OR_RETURN(stage->server_,
                        tests::PlainServer::Create(tests::PlainServer::Behaviour::kHold,
                                                   {target->ipv4(), kPort}, &target->network()));
    stage->target_ = absl::StrCat(target->ipv4().ToString(), ":", kPort);
    TF_ASSIGN_OR_RETURN(tests::SynCapture capture, tests::SynCapture::Start(target->network()));
    stage->capture_.emplace(std::move(capture));
    for (int i = 0; i < kAgents; ++i) {
      TF_RETURN_IF_ERROR(stage->AddAgent(absl::StrCat("web", i), /*other_clock=*/i % 2 == 1));
    }
    return stage;
  }

  struct Skew {
    double captured_us = 0;
    double reported_us = 0;
  };

  absl::StatusOr<Skew> RunOnce() {
    capture_->FirstSyns();
    TF_ASSIGN_OR_RETURN(const std::string tcpfleet, Beside("tcpfleet"));
    TF_ASSIGN_OR_RETURN(
        const tests::CommandResult result,
        console_->Command({tcpfleet, "--agents", absl::StrJoin(addresses_, ","), "--output", "json",
                           "stress", "hold", "--target", target_, "--connections",
                           absl::StrCat(kAgents), "--threads", "1", "--duration", "200ms"}));
    v1::StressReport report;
    if (result.exit_code != 0 ||
        !google::protobuf::util::JsonStringToMessage(result.out, &report).ok()) {
      return absl::InternalError(absl::StrCat("tcpfleet stress: ", result.err, result.out));
    }
    const auto syns = capture_->FirstSyns();
    if (syns.size() != kAgents) {
      return absl::InternalError(absl::StrCat("captured the SYNs of ", syns.size(), " agents"));
    }
    const auto [first, last] = std::minmax_element(
        syns.begin(), syns.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return Skew{.captured_us = static_cast<double>(last->second - first->second) / 1e3,
                .reported_us = report.start_skew_us()};
  }

 private:
  static absl::StatusOr<std::string> Beside(const std::string& program) {
    TF_ASSIGN_OR_RETURN(const std::string own, sys::ProgramPath());
    return std::filesystem::path(own).replace_filename(program).string();
  }

  absl::Status AddAgent(const std::string& name, bool other_clock) {
    TF_ASSIGN_OR_RETURN(tests::Host * host, lab_->AddHost(name));
    TF_ASSIGN_OR_RETURN(const std::string program, Beside("tcpfleet-agent"));
    TF_ASSIGN_OR_RETURN(tests::CapturedOutput output, tests::CapturedOutput::Create());
    const std::string address = absl::StrCat(host->ipv4().ToString(), ":7117");
    sys::ChildProcess::Options options;
    if (other_clock) options.arguments = {"unshare", "--time", "--monotonic", kOtherClock};
    const std::vector<std::string> agent = {
        program, "--listen", address, "--insecure-listen", "--name", name, "--log-level", "error"};
    options.arguments.insert(options.arguments.end(), agent.begin(), agent.end());
    options.stdout_fd = output.fd();
    TF_ASSIGN_OR_RETURN(sys::ChildProcess process, host->Spawn(std::move(options)));
    if (!tests::EventuallyTrue([&] { return output.Text() == "ready\n"; })) {
      return absl::DeadlineExceededError(absl::StrCat(name, " does not start"));
    }
    addresses_.push_back(address);
    agents_.push_back({std::move(output), std::move(process)});
    return absl::OkStatus();
  }

  std::unique_ptr<tests::NetworkLab> lab_;
  tests::Host* console_ = nullptr;
  std::unique_ptr<tests::PlainServer> server_;
  std::string target_;
  std::optional<tests::SynCapture> capture_;
  std::vector<std::string> addresses_;
  std::vector<RunningAgent> agents_;
};

}  // namespace

absl::StatusOr<Measurements> MeasureSkew(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Stage> stage, Stage::Create());
  std::vector<double> captured, off;
  for (int run = 0; run < options.rounds * kRunsPerRound; ++run) {
    TF_ASSIGN_OR_RETURN(const Stage::Skew skew, stage->RunOnce());
    captured.push_back(skew.captured_us);
    off.push_back(std::fabs(skew.captured_us - skew.reported_us));
    absl::FPrintF(stderr, "skew %d/%d: captured %.0f us, reported %.0f us\n", run + 1,
                  options.rounds * kRunsPerRound, skew.captured_us, skew.reported_us);
  }
  std::vector<double> sorted = captured;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<size_t>(std::ceil(0.99 * static_cast<double>(sorted.size())));
  return Measurements{FromRounds("skew/captured", captured, "us"),
                      FromRounds("skew/captured-p99", {sorted[rank - 1]}, "us", AtMost(1000)),
                      FromRounds("skew/captured-worst", {sorted.back()}, "us"),
                      FromRounds("skew/report-off", off, "us", AtMost(100))};
}

}  // namespace tcpfleet::bench
