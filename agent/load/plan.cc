#include "agent/load/plan.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>

#include "agent/load/plan_checks.h"
#include "agent/load/wire_checks.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/resolve.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

absl::Status CheckKind(const v1::StressSpec& spec) {
  using S = v1::StressSpec;
  const auto unknown = [](absl::string_view field, int value, absl::string_view known) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, " ", value, " is not known to this agent; it knows ", known));
  };
  if (spec.workload() == S::WORKLOAD_UNSPECIFIED || !S::Workload_IsValid(spec.workload())) {
    return unknown("workload", spec.workload(), "connect, crr, rr, hold and stream (1 to 5)");
  }
  if (spec.role() != S::ROLE_CLIENT && spec.role() != S::ROLE_SERVER) {
    return unknown("role", spec.role(), "client (1) and server (2)");
  }
  if (spec.close_mode() == S::CLOSE_MODE_UNSPECIFIED || !S::CloseMode_IsValid(spec.close_mode())) {
    return unknown("close_mode", spec.close_mode(), "rst (1), fin (2) and server-fin (3)");
  }
  if (spec.close_mode() == S::CLOSE_MODE_SERVER_FIN && spec.workload() != S::WORKLOAD_CONNECT &&
      spec.workload() != S::WORKLOAD_CRR) {
    return absl::InvalidArgumentError("close_mode server-fin (3) belongs to connect and crr");
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
    TF_RETURN_IF_ERROR(CheckRange(absl::StrCat("weight of target ", target.host()), target.weight(),
                                  0, kMostWeight));
  }
  return absl::OkStatus();
}

absl::Status CheckClient(const v1::StressSpec& spec) {
  TF_RETURN_IF_ERROR(CheckTargets(spec));
  TF_RETURN_IF_ERROR(CheckRange("connect_timeout_ms", spec.connect_timeout_ms(), 1, 600'000));
  TF_RETURN_IF_ERROR(CheckSchedule(spec));
  return CheckConnectionLife(spec);
}

absl::Status CheckDuration(const v1::StressSpec& spec, const AgentLoadLimits& limits) {
  if (spec.duration_ms() == 0) {
    return absl::InvalidArgumentError("duration_ms is 0, it must be at least 1");
  }
  const auto most_ms = static_cast<uint64_t>(absl::ToInt64Milliseconds(limits.max_duration.value));
  uint64_t left_ms = most_ms;
  for (const uint64_t part_ms : {spec.warmup_ms(), spec.duration_ms(), spec.cooldown_ms()}) {
    if (part_ms > left_ms) {
      return absl::PermissionDeniedError(absl::StrCat(
          "warm-up of ", spec.warmup_ms(), " ms, duration of ", spec.duration_ms(),
          " ms and cool-down of ", spec.cooldown_ms(), " ms exceed the agent's limit of ",
          absl::FormatDuration(limits.max_duration.value), " (", limits.max_duration.source, ")"));
    }
    left_ms -= part_ms;
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
  if (!exchanges || spec.has_http()) return absl::OkStatus();
  if (spec.request().empty()) {
    TF_RETURN_IF_ERROR(CheckRange("request_bytes", spec.request_bytes(), 1, kMostMessageBytes));
  }
  TF_RETURN_IF_ERROR(CheckRange("size of request", spec.request().size(), 0, kMostMessageBytes));
  if (!spec.response_delimiter().empty()) return absl::OkStatus();
  return CheckRange("response_bytes", spec.response_bytes(), 1, kMostMessageBytes);
}

v1::SocketOptions EffectiveOptions(const v1::StressSpec& spec) {
  v1::SocketOptions options = spec.socket_options();
  if (!spec.has_socket_options()) {
    options.set_no_delay(spec.workload() != v1::StressSpec::WORKLOAD_STREAM);
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

// Spreads heavy targets evenly between the others: every turn goes to the one that is furthest
// behind its weight.
std::vector<uint32_t> TurnsByWeight(const v1::StressSpec& spec) {
  std::vector<int64_t> weights;
  int64_t divisor = 0;
  for (const v1::Target& target : spec.targets()) {
    weights.push_back(std::max<uint32_t>(1, target.weight()));
    divisor = std::gcd(divisor, weights.back());
  }
  int64_t total = 0;
  for (int64_t& weight : weights) total += weight /= divisor;
  // More turns than connections would not be taken.
  const auto turns = std::min<int64_t>(total, spec.connections());
  std::vector<uint32_t> chosen;
  std::vector<int64_t> credit(weights.size(), 0);
  for (int64_t turn = 0; turn < turns; ++turn) {
    for (size_t i = 0; i < weights.size(); ++i) credit[i] += weights[i];
    const auto next = std::max_element(credit.begin(), credit.end());
    *next -= total;
    chosen.push_back(static_cast<uint32_t>(next - credit.begin()));
  }
  return chosen;
}

}  // namespace

absl::StatusOr<RunPlan> PlanRun(const v1::StressSpec& spec, const AgentLoadLimits& limits,
                                uint32_t cpus) {
  TF_RETURN_IF_ERROR(CheckKind(spec));
  RunPlan plan;
  plan.is_client = spec.role() == v1::StressSpec::ROLE_CLIENT;
  plan.exchanges = spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
                   spec.workload() == v1::StressSpec::WORKLOAD_RR;
  plan.stays = spec.workload() == v1::StressSpec::WORKLOAD_HOLD ||
               spec.workload() == v1::StressSpec::WORKLOAD_STREAM;
  TF_RETURN_IF_ERROR(CheckSizes(spec, plan.exchanges));
  TF_RETURN_IF_ERROR(CheckWire(spec));
  TF_RETURN_IF_ERROR(CheckDuration(spec, limits));
  if (plan.is_client) {
    TF_RETURN_IF_ERROR(CheckClient(spec));
    plan.is_scheduled = HasFleetSchedule(spec) || spec.rate_per_connection() > 0;
    plan.turns = TurnsByWeight(spec);
  }

  plan.spec = spec;
  plan.options = EffectiveOptions(spec);
  plan.close_with_reset = plan.options.linger_reset();
  plan.threads = std::min(spec.threads() == 0 ? std::min(cpus, kMostThreads) : spec.threads(),
                          spec.connections());
  plan.warmup_ns = static_cast<int64_t>(spec.warmup_ms()) * kNsPerMs;
  plan.duration_ns = static_cast<int64_t>(spec.duration_ms()) * kNsPerMs;
  plan.cooldown_ns = static_cast<int64_t>(spec.cooldown_ms()) * kNsPerMs;
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
      TF_RETURN_IF_ERROR(CheckTargetAllowed(limits, "load", target.host(), address));
      const base::Endpoint endpoint{address, static_cast<uint16_t>(target.port())};
      planned.endpoints.push_back(endpoint);
      planned.addresses.push_back(sys::ToSocketAddress(endpoint));
    }
    plan.targets.push_back(std::move(planned));
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
