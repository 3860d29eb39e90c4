#include "agent/load/plan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/resolve.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr double kHighestRate = 1e9;

absl::Status CheckRange(absl::string_view field, uint64_t value, uint64_t low, uint64_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", value, ", it must be ", low, " to ", high));
}

absl::Status CheckKind(const v1::StressSpec& spec) {
  using S = v1::StressSpec;
  const auto unknown = [](absl::string_view field, int value, absl::string_view known) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " ", value, " is not known to this agent; it knows ", known));
  };
  if (spec.workload() == S::WORKLOAD_UNSPECIFIED || !S::Workload_IsValid(spec.workload())) {
    return unknown("workload", spec.workload(), "connect, crr, rr and hold (1 to 4)");
  }
  if (spec.role() != S::ROLE_CLIENT && spec.role() != S::ROLE_SERVER) {
    return unknown("role", spec.role(), "client (1) and server (2)");
  }
  if (spec.close_mode() != S::CLOSE_MODE_RST && spec.close_mode() != S::CLOSE_MODE_FIN) {
    return unknown("close_mode", spec.close_mode(), "rst (1) and fin (2)");
  }
  return absl::OkStatus();
}

absl::Status CheckTargets(const v1::StressSpec& spec) {
  TF_RETURN_IF_ERROR(
      CheckRange("number of targets", static_cast<uint64_t>(spec.targets_size()), 1, kMostTargets));
  for (const v1::Target& target : spec.targets()) {
    if (target.host().empty()) return absl::InvalidArgumentError("a target has no host");
    TF_RETURN_IF_ERROR(
        CheckRange(absl::StrCat("port of target ", target.host()), target.port(), 1, 65535));
  }
  return absl::OkStatus();
}

absl::Status CheckClient(const v1::StressSpec& spec) {
  TF_RETURN_IF_ERROR(CheckTargets(spec));
  TF_RETURN_IF_ERROR(CheckRange("connect_timeout_ms", spec.connect_timeout_ms(), 1, 600'000));
  // Written so that NaN is refused too.
  if (!(spec.rate_per_second() >= 0 && spec.rate_per_second() <= kHighestRate)) {
    return absl::InvalidArgumentError(absl::StrCat("rate_per_second is ", spec.rate_per_second(),
                                                   ", it must be 0 (no rate) to ", kHighestRate));
  }
  return absl::OkStatus();
}

absl::Status CheckDuration(const v1::StressSpec& spec, const AgentLoadLimits& limits) {
  if (spec.duration_ms() == 0) {
    return absl::InvalidArgumentError("duration_ms is 0, it must be at least 1");
  }
  const auto most_ms = static_cast<uint64_t>(absl::ToInt64Milliseconds(limits.max_duration.value));
  if (spec.duration_ms() > most_ms || spec.warmup_ms() > most_ms - spec.duration_ms()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "warm-up of ", spec.warmup_ms(), " ms and duration of ", spec.duration_ms(),
        " ms exceed the agent's limit of ", absl::FormatDuration(limits.max_duration.value), " (",
        limits.max_duration.source, ")"));
  }
  return absl::OkStatus();
}

absl::Status CheckSizes(const v1::StressSpec& spec, bool exchanges) {
  TF_RETURN_IF_ERROR(CheckRange("connections", spec.connections(), 1, 0xffffffff));
  TF_RETURN_IF_ERROR(CheckRange("threads", spec.threads(), 0, kMostThreads));
  TF_RETURN_IF_ERROR(CheckRange("interval_ms", spec.interval_ms(), 100, 60'000));
  // The kernel's MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL and MAX_TCP_KEEPCNT; 0 takes our default.
  const v1::SocketOptions& options = spec.socket_options();
  TF_RETURN_IF_ERROR(
      CheckRange("keepalive_idle_seconds", options.keepalive_idle_seconds(), 0, 32767));
  TF_RETURN_IF_ERROR(
      CheckRange("keepalive_interval_seconds", options.keepalive_interval_seconds(), 0, 32767));
  TF_RETURN_IF_ERROR(CheckRange("keepalive_probes", options.keepalive_probes(), 0, 127));
  if (!exchanges) return absl::OkStatus();
  TF_RETURN_IF_ERROR(CheckRange("request_bytes", spec.request_bytes(), 1, kMostMessageBytes));
  return CheckRange("response_bytes", spec.response_bytes(), 1, kMostMessageBytes);
}

v1::SocketOptions EffectiveOptions(const v1::StressSpec& spec) {
  v1::SocketOptions options = spec.socket_options();
  if (!spec.has_socket_options()) {
    options.set_no_delay(true);
    options.set_keepalive(true);
  }
  const auto or_default = [](uint32_t value, uint32_t otherwise) {
    return value == 0 ? otherwise : value;
  };
  options.set_keepalive_idle_seconds(or_default(options.keepalive_idle_seconds(), 30));
  options.set_keepalive_interval_seconds(or_default(options.keepalive_interval_seconds(), 5));
  options.set_keepalive_probes(or_default(options.keepalive_probes(), 3));
  options.set_linger_reset(spec.close_mode() == v1::StressSpec::CLOSE_MODE_RST);
  return options;
}

}  // namespace

absl::StatusOr<RunPlan> PlanRun(const v1::StressSpec& spec, const AgentLoadLimits& limits,
                                uint32_t cpus) {
  TF_RETURN_IF_ERROR(CheckKind(spec));
  RunPlan plan;
  plan.is_client = spec.role() == v1::StressSpec::ROLE_CLIENT;
  plan.exchanges = spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
                   spec.workload() == v1::StressSpec::WORKLOAD_RR;
  TF_RETURN_IF_ERROR(CheckSizes(spec, plan.exchanges));
  TF_RETURN_IF_ERROR(CheckDuration(spec, limits));
  if (plan.is_client) {
    TF_RETURN_IF_ERROR(CheckClient(spec));
  }

  plan.spec = spec;
  plan.options = EffectiveOptions(spec);
  plan.close_with_reset = plan.options.linger_reset();
  plan.threads = std::min(spec.threads() == 0 ? std::min(cpus, kMostThreads) : spec.threads(),
                          spec.connections());
  plan.warmup_ns = static_cast<int64_t>(spec.warmup_ms()) * kNsPerMs;
  plan.duration_ns = static_cast<int64_t>(spec.duration_ms()) * kNsPerMs;
  plan.interval_ns = int64_t{spec.interval_ms()} * kNsPerMs;
  plan.connect_timeout_ns = int64_t{spec.connect_timeout_ms()} * kNsPerMs;
  return plan;
}

absl::Status ResolveTargets(const AgentLoadLimits& limits, RunPlan& plan) {
  if (!plan.is_client) return absl::OkStatus();
  for (const v1::Target& target : plan.spec.targets()) {
    absl::StatusOr<std::vector<base::IpAddress>> addresses = sys::ResolveHost(target.host());
    if (!addresses.ok()) return base::WithContext("target", addresses.status());
    PlannedTarget planned;
    for (const base::IpAddress& address : *addresses) {
      TF_RETURN_IF_ERROR(CheckTargetAllowed(limits, target.host(), address));
      const base::Endpoint endpoint{address, static_cast<uint16_t>(target.port())};
      planned.endpoints.push_back(endpoint);
      planned.addresses.push_back(sys::ToSocketAddress(endpoint));
    }
    plan.targets.push_back(std::move(planned));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
