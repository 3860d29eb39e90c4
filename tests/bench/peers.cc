#include "tests/bench/peers.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <vector>

#include "common/base/status_macros.h"
#include "tests/bench/json_object.h"
#include "tests/bench/process_usage.h"
#include "tests/bench/program.h"

namespace tcpfleet::bench {
namespace {

// Below the range of ephemeral ports, so that no load takes them.
constexpr int kNeperControlPort = 31866;
constexpr int kNeperDataPort = 31867;
constexpr int kIperf3Port = 31868;

std::string WholeSeconds(const BenchOptions& options) {
  return absl::StrCat(std::max<int64_t>(1, absl::ToInt64Seconds(options.duration)));
}

// "NAME=number" of the lines that neper prints.
absl::StatusOr<double> NeperNumber(const std::string& text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double number = 0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, "=") &&
        absl::SimpleAtod(line, &number)) {
      return number;
    }
  }
  return absl::DataLossError(absl::StrCat("neper printed no ", name));
}

// "Requests/sec:   1234.5"
absl::StatusOr<double> WrkNumber(const std::string& text, absl::string_view label) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    double number = 0;
    if (absl::ConsumePrefix(&line, label) && absl::SimpleAtod(line, &number)) return number;
  }
  return absl::DataLossError(absl::StrCat("wrk printed no '", label, "': ", text));
}

}  // namespace

absl::StatusOr<Cost> RunNeper(const std::string& program, const BenchOptions& options) {
  const std::vector<std::string> common = {program,
                                           "-C",
                                           absl::StrCat(kNeperControlPort),
                                           "-P",
                                           absl::StrCat(kNeperDataPort),
                                           "-T",
                                           "1",
                                           "-F",
                                           "64",
                                           "-l",
                                           WholeSeconds(options)};
  TF_ASSIGN_OR_RETURN(Program server, Program::StartPeer(common, options.server_cpu));
  TF_RETURN_IF_ERROR(server.AwaitListener(kNeperControlPort));
  std::vector<std::string> arguments = common;
  arguments.insert(arguments.end(), {"-c", "-H", "127.0.0.1"});
  TF_ASSIGN_OR_RETURN(Program client, Program::StartPeer(arguments, options.client_cpu));
  TF_ASSIGN_OR_RETURN(const std::string text, client.Finish());
  TF_RETURN_IF_ERROR(server.Finish().status());
  TF_ASSIGN_OR_RETURN(const double rate, NeperNumber(text, "throughput"));
  TF_ASSIGN_OR_RETURN(const double operations, NeperNumber(text, "num_transactions"));
  double cpu_seconds = 0;
  for (const char* mode : {"utime", "stime"}) {
    TF_ASSIGN_OR_RETURN(const double start, NeperNumber(text, absl::StrCat(mode, "_start")));
    TF_ASSIGN_OR_RETURN(const double end, NeperNumber(text, absl::StrCat(mode, "_end")));
    cpu_seconds += end - start;
  }
  return Cost{.rate = rate, .cpu_us = cpu_seconds * 1e6 / operations};
}

absl::StatusOr<Cost> RunIperf3(const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(Program server, Program::StartPeer({"iperf3", "-s", "-1", "-B", "127.0.0.1",
                                                          "-p", absl::StrCat(kIperf3Port)},
                                                         options.server_cpu));
  TF_RETURN_IF_ERROR(server.AwaitListener(kIperf3Port));
  TF_ASSIGN_OR_RETURN(
      Program client,
      Program::StartPeer({"iperf3", "-c", "127.0.0.1", "-p", absl::StrCat(kIperf3Port), "-P", "1",
                          "-l", "128K", "-t", WholeSeconds(options), "-J"},
                         options.client_cpu));
  const double cpu_before = EndedChildrenCpuSeconds();
  TF_ASSIGN_OR_RETURN(const std::string json, client.Finish());
  const double cpu_seconds = EndedChildrenCpuSeconds() - cpu_before;
  TF_RETURN_IF_ERROR(server.Finish().status());
  TF_ASSIGN_OR_RETURN(const double bits, NumberIn(json, "end.sum_sent.bits_per_second"));
  TF_ASSIGN_OR_RETURN(const double bytes, NumberIn(json, "end.sum_sent.bytes"));
  return Cost{.rate = bits, .cpu_us = cpu_seconds * 1e6 / (bytes / 1e9)};
}

absl::StatusOr<Cost> RunWrk(const std::string& url, const BenchOptions& options) {
  TF_ASSIGN_OR_RETURN(Program client,
                      Program::StartPeer({"wrk", "-t1", "-c64", "-H", "User-Agent: tcpfleet/0.1.0",
                                          absl::StrCat("-d", WholeSeconds(options), "s"), url},
                                         options.client_cpu));
  const double cpu_before = EndedChildrenCpuSeconds();
  TF_ASSIGN_OR_RETURN(const std::string text, client.Finish());
  const double cpu_seconds = EndedChildrenCpuSeconds() - cpu_before;
  TF_ASSIGN_OR_RETURN(const double rate, WrkNumber(text, "Requests/sec:"));
  const size_t total = text.find(" requests in ");
  const size_t line = text.rfind('\n', total) + 1;
  double requests = 0;
  if (total == std::string::npos || !absl::SimpleAtod(text.substr(line, total - line), &requests) ||
      requests == 0) {
    return absl::DataLossError(absl::StrCat("wrk counted no requests: ", text));
  }
  return Cost{.rate = rate, .cpu_us = cpu_seconds * 1e6 / requests};
}

}  // namespace tcpfleet::bench
