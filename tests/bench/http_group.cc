#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "tests/bench/contest.h"
#include "tests/bench/fleet.h"
#include "tests/bench/groups.h"
#include "tests/bench/peers.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

// Below the range of ephemeral ports, so that no load takes it.
constexpr int kPort = 31869;
constexpr absl::Duration kWarmup = absl::Milliseconds(300);

constexpr char kFile[] = "/index.html";
constexpr char kMemory[] = "/memory";

// nginx with one worker and a page of 612 bytes, as a file of its own directory and in memory.
class Nginx {
 public:
  static absl::StatusOr<Nginx> Start(int cpu) {
    TF_ASSIGN_OR_RETURN(sys::TemporaryDirectory directory,
                        sys::TemporaryDirectory::Create("tcpfleet-bench"));
    const std::string& path = directory.path();
    const std::string page(612, 'x');
    TF_RETURN_IF_ERROR(sys::WriteFile(path + kFile, page));
    TF_RETURN_IF_ERROR(sys::WriteFile(
        path + "/nginx.conf",
        absl::StrCat("daemon off; master_process off; worker_processes 1; pid ", path,
                     "/pid; error_log ", path,
                     "/error.log;\nevents { worker_connections 4096; }\nhttp { access_log off; "
                     "keepalive_requests 100000000; client_body_temp_path ",
                     path, "/body; proxy_temp_path ", path, "/proxy; fastcgi_temp_path ", path,
                     "/fastcgi; uwsgi_temp_path ", path, "/uwsgi; scgi_temp_path ", path,
                     "/scgi; server { listen 127.0.0.1:", kPort, " reuseport; root ", path,
                     "; location = ", kMemory, " { default_type text/html; return 200 ", page,
                     "; } } }\n")));
    TF_ASSIGN_OR_RETURN(Program program,
                        Program::StartPeer({"nginx", "-c", path + "/nginx.conf"}, cpu));
    TF_RETURN_IF_ERROR(program.AwaitListener(kPort));
    return Nginx(std::move(directory), std::move(program));
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", kPort); }

 private:
  Nginx(sys::TemporaryDirectory directory, Program program)
      : directory_(std::move(directory)), program_(std::move(program)) {}

  sys::TemporaryDirectory directory_;
  Program program_;
};

// nginx has a CPU to itself, with wrk and with us: with the file it is the limit, in memory its
// clients are. The whole agent's CPU time, as wrk's is that of its process; what it does before the
// measured time is in both.
absl::StatusOr<Cost> RunOurs(const BenchOptions& options, const Agent& agent,
                             const std::string& target, const std::string& page,
                             const std::string& timer) {
  TF_ASSIGN_OR_RETURN(const double ticks_before, CpuTicks(agent.pid()));
  TF_ASSIGN_OR_RETURN(
      StressRun run,
      StressRun::Start(
          agent.address(),
          {"rr", "--target", target, "--http", page, "--timer", timer, "--connections", "64",
           "--threads", "1", "--warmup", absl::StrCat(absl::ToInt64Milliseconds(kWarmup), "ms"),
           "--duration", absl::FormatDuration(options.duration), "--tcp-info", "none"},
          options.client_cpu));
  TF_ASSIGN_OR_RETURN(const v1::StressReport report, run.Finish());
  TF_ASSIGN_OR_RETURN(const double ticks_after, CpuTicks(agent.pid()));
  const v1::RunResult& total = report.total();
  const double rate = total.rate_per_second();
  // Those of the warm-up are not counted; they ran at the measured rate.
  const double requests =
      static_cast<double>(total.succeeded()) + rate * absl::ToDoubleSeconds(kWarmup);
  return Cost{.rate = rate,
              .cpu_us = (ticks_after - ticks_before) / TicksPerSecond() * 1e6 / requests};
}

}  // namespace

absl::StatusOr<Measurements> MeasureHttp(const BenchOptions& options) {
  if (!IsOnPath("nginx") || !IsOnPath("wrk")) {
    return absl::FailedPreconditionError("needs nginx and wrk: apt-get install nginx wrk");
  }
  TF_ASSIGN_OR_RETURN(const Nginx nginx, Nginx::Start(options.server_cpu));
  TF_ASSIGN_OR_RETURN(const Agent agent, Agent::Start(options.client_cpu));
  Contest contest("http");
  for (const std::string page : {kFile, kMemory}) {
    const std::string of_page = page == kMemory ? "-memory" : "";
    contest.Add(absl::StrCat("wrk", of_page), [&, page] {
      return RunWrk(absl::StrCat("http://", nginx.address(), page), options);
    });
    for (const std::string timer : {"eco", "precise"}) {
      contest.Add(absl::StrCat(timer, of_page), [&, page, timer] {
        return RunOurs(options, agent, nginx.address(), page, timer);
      });
    }
  }
  TF_RETURN_IF_ERROR(contest.Run(options.rounds));
  return Measurements{
      contest.Ratio("rate", &Cost::rate, "eco", "wrk", AtLeast(1.0)),
      contest.Ratio("cpu", &Cost::cpu_us, "eco", "wrk", AtMost(0.95)),
      contest.Ratio("rate-precise", &Cost::rate, "precise", "wrk"),
      contest.Ratio("cpu-precise", &Cost::cpu_us, "precise", "wrk"),
      contest.Value("wrk-cpu", &Cost::cpu_us, "wrk", "us/op"),
      contest.Ratio("rate-memory", &Cost::rate, "eco-memory", "wrk-memory"),
      contest.Ratio("cpu-memory", &Cost::cpu_us, "eco-memory", "wrk-memory"),
      contest.Ratio("rate-memory-precise", &Cost::rate, "precise-memory", "wrk-memory"),
      contest.Ratio("cpu-memory-precise", &Cost::cpu_us, "precise-memory", "wrk-memory")};
}

}  // namespace tcpfleet::bench
