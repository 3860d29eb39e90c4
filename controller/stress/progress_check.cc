#include "controller/stress/progress_check.h"

#include <absl/strings/str_cat.h>

#include <cmath>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestName = 64;
constexpr size_t kLongestEndpoint = 128;
constexpr size_t kLongestTcpInfo = 4'096;
// Exact as a double, and sums over a fleet fit into 64 bits.
constexpr uint64_t kMostCount = uint64_t{1} << 53;

using ClassCounts = google::protobuf::Map<std::string, uint64_t>;

absl::Status CheckCount(uint64_t count) {
  if (count <= kMostCount) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("progress counts ", count, ", which cannot be"));
}

absl::Status CheckName(const std::string& name, absl::string_view what) {
  if (!name.empty() && name.size() <= kLongestName) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("progress has a ", what, " without a usable name"));
}

absl::Status CheckClasses(const ClassCounts& counts, absl::string_view what) {
  if (counts.size() > kMostFailureClasses) {
    return absl::InvalidArgumentError(absl::StrCat("progress has ", counts.size(), " ", what,
                                                   "es, at most ", kMostFailureClasses,
                                                   " make sense"));
  }
  for (const auto& [name, count] : counts) {
    TF_RETURN_IF_ERROR(CheckName(name, what));
    TF_RETURN_IF_ERROR(CheckCount(count));
  }
  return absl::OkStatus();
}

absl::Status CheckCounters(const v1::RunCounters& counters) {
  for (const double seconds : {counters.cpu_seconds(), counters.measured_seconds()}) {
    if (!std::isfinite(seconds) || seconds < 0) {
      return absl::InvalidArgumentError(absl::StrCat("progress says ", seconds, " seconds"));
    }
  }
  for (const uint64_t count :
       {counters.attempted(), counters.succeeded(), counters.cancelled(), counters.in_flight(),
        counters.active(), counters.bytes_sent(), counters.bytes_received(),
        counters.connections_opened(), counters.connections_accepted(), counters.connections_lost(),
        counters.connections_dead(), counters.reconnects()}) {
    TF_RETURN_IF_ERROR(CheckCount(count));
  }
  TF_RETURN_IF_ERROR(CheckClasses(counters.failed(), "failure class"));
  TF_RETURN_IF_ERROR(CheckClasses(counters.accept_failed(), "failure class"));
  return CheckClasses(counters.responses_by_status(), "status class");
}

absl::Status CheckTargets(const v1::Progress& progress, size_t targets) {
  const auto told = static_cast<size_t>(progress.targets_size());
  if (told != 0 && told != targets) {
    return absl::InvalidArgumentError(
        absl::StrCat("progress tells of ", told, " targets, the agent was given ", targets));
  }
  for (const v1::TargetProgress& target : progress.targets()) {
    for (const uint64_t count : {target.attempted(), target.succeeded(), target.failed(),
                                 target.bytes_sent(), target.bytes_received()}) {
      TF_RETURN_IF_ERROR(CheckCount(count));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckExemplars(const v1::Progress& progress) {
  if (progress.exemplars_size() > kMostExemplars) {
    return absl::InvalidArgumentError(absl::StrCat("progress has ", progress.exemplars_size(),
                                                   " slow operations, at most ", kMostExemplars,
                                                   " were asked for"));
  }
  for (const v1::Exemplar& exemplar : progress.exemplars()) {
    if (exemplar.local().size() > kLongestEndpoint || exemplar.remote().size() > kLongestEndpoint ||
        exemplar.tcp_info().size() > kLongestTcpInfo) {
      return absl::InvalidArgumentError("progress has a slow operation of absurd size");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKernelCounters(const v1::KernelCounterChanges& counters) {
  if (counters.changes_size() > kMostKernelCounters) {
    return absl::InvalidArgumentError(absl::StrCat("progress has ", counters.changes_size(),
                                                   " kernel counters, at most ",
                                                   kMostKernelCounters, " make sense"));
  }
  for (const auto& [name, change] : counters.changes()) {
    TF_RETURN_IF_ERROR(CheckName(name, "kernel counter"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckProgress(const v1::Progress& progress, size_t targets) {
  TF_RETURN_IF_ERROR(CheckCounters(progress.counters()));
  for (const uint64_t count :
       {progress.tcp_info().total_retransmits(), progress.tcp_info().lost_segments(),
        progress.tcp_info().connections_sampled()}) {
    TF_RETURN_IF_ERROR(CheckCount(count));
  }
  TF_RETURN_IF_ERROR(CheckTargets(progress, targets));
  TF_RETURN_IF_ERROR(CheckExemplars(progress));
  return CheckKernelCounters(progress.kernel_counters());
}

std::string IdentityProblem(const v1::RunCounters& counters) {
  uint64_t failed = 0;
  for (const auto& [name, count] : counters.failed()) failed += count;
  if (counters.attempted() ==
      counters.succeeded() + failed + counters.cancelled() + counters.in_flight()) {
    return "";
  }
  return absl::StrCat(counters.attempted(), " attempted are not ", counters.succeeded(),
                      " succeeded + ", failed, " failed + ", counters.cancelled(), " cancelled + ",
                      counters.in_flight(), " in flight");
}

}  // namespace tcpfleet::controller
