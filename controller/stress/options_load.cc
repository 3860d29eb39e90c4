// How much, how long, and how connections come and go.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

using Spec = v1::StressSpec;

constexpr uint64_t kMostConnections = 100'000'000;
constexpr uint64_t kMostThreads = 1024;
constexpr uint64_t kMostPipeline = 1024;
constexpr uint64_t kMostExemplars = 64;
constexpr absl::Duration kShortestRun = absl::Milliseconds(100);

absl::StatusOr<uint32_t> ParseTcpInfo(const std::string& text) {
  if (text == "all") return kSampleAllConnections;
  if (text == "none") return 0u;
  const absl::StatusOr<uint64_t> count = base::ParseCount(text);
  if (count.ok() && *count <= kMostConnections) return static_cast<uint32_t>(*count);
  return absl::InvalidArgumentError(
      absl::StrCat("--tcp-info: '", text, "' is neither all, none nor a number of connections"));
}

absl::Status ParseTimes(const StressArguments& arguments, Spec& spec) {
  // Held connections are counted from the first one; the others need the caches warm.
  const bool hold = spec.workload() == Spec::WORKLOAD_HOLD;
  const std::string warmup = !arguments.warmup.empty() ? arguments.warmup : hold ? "0s" : "1s";
  const std::string cooldown = !arguments.cooldown.empty() ? arguments.cooldown : "0s";
  TF_ASSIGN_OR_RETURN(const uint64_t duration_ms, ParseBoundedMs("--duration", arguments.duration,
                                                                 kShortestRun, kLongestStressTime));
  TF_ASSIGN_OR_RETURN(const uint64_t warmup_ms,
                      ParseBoundedMs("--warmup", warmup, absl::ZeroDuration(), kLongestStressTime));
  TF_ASSIGN_OR_RETURN(
      const uint64_t cooldown_ms,
      ParseBoundedMs("--cooldown", cooldown, absl::ZeroDuration(), kLongestStressTime));
  TF_ASSIGN_OR_RETURN(const uint64_t timeout_ms,
                      ParseBoundedMs("--connect-timeout", arguments.connect_timeout,
                                     absl::Milliseconds(1), kLongestStressTime));
  TF_ASSIGN_OR_RETURN(
      const uint64_t interval_ms,
      ParseBoundedMs("--interval", arguments.interval, absl::Milliseconds(100), absl::Minutes(1)));
  spec.set_duration_ms(duration_ms);
  spec.set_warmup_ms(warmup_ms);
  spec.set_cooldown_ms(cooldown_ms);
  spec.set_connect_timeout_ms(static_cast<uint32_t>(timeout_ms));
  spec.set_interval_ms(static_cast<uint32_t>(interval_ms));
  return absl::OkStatus();
}

absl::Status ParseArrivals(const StressArguments& arguments, Spec& spec) {
  size_t kind = 0;
  if (!arguments.arrivals.empty()) {
    TF_ASSIGN_OR_RETURN(kind,
                        ParseChoice("--arrivals", arguments.arrivals, {"constant", "exponential"}));
  }
  if (!arguments.seed.empty() && kind == 0) {
    return absl::InvalidArgumentError("--seed: only --arrivals exponential is random");
  }
  if (kind == 0) return absl::OkStatus();
  if (spec.rate_per_second() == 0 && spec.rate_segments().empty()) {
    return absl::InvalidArgumentError(
        "--arrivals exponential: there is no rate of the whole fleet: give --rate, or --shape "
        "ramp or steps");
  }
  TF_ASSIGN_OR_RETURN(
      const uint32_t seed,
      ParseBoundedCount("--seed", arguments.seed.empty() ? "1" : arguments.seed, 0, 4'294'967'295));
  spec.mutable_arrivals()->set_kind(v1::Arrivals::KIND_EXPONENTIAL);
  spec.mutable_arrivals()->set_seed(seed);
  return absl::OkStatus();
}

absl::Status ParseRates(const StressArguments& arguments, Spec& spec) {
  TF_ASSIGN_OR_RETURN(const double rate, ParseRate("--rate", arguments.rate));
  spec.set_rate_per_second(rate);
  if (!arguments.rate_per_connection.empty()) {
    TF_RETURN_IF_ERROR(OnlyFor("--rate-per-connection", arguments.rate_per_connection, spec,
                               {Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR, Spec::WORKLOAD_RR}));
    TF_ASSIGN_OR_RETURN(const double each,
                        ParseRate("--rate-per-connection", arguments.rate_per_connection));
    if (rate > 0 && each > 0) {
      return absl::InvalidArgumentError(
          "--rate and --rate-per-connection exclude each other: the schedule is the fleet's, or "
          "each connection has its own");
    }
    spec.set_rate_per_connection(each);
  }
  TF_RETURN_IF_ERROR(ParseShape(arguments.shape, spec));
  return ParseArrivals(arguments, spec);
}

absl::Status ParseReconnect(const std::string& text, Spec& spec) {
  if (text.empty()) return absl::OkStatus();
  TF_RETURN_IF_ERROR(OnlyFor("--reconnect", text, spec,
                             {Spec::WORKLOAD_RR, Spec::WORKLOAD_HOLD, Spec::WORKLOAD_STREAM}));
  v1::Reconnect& reconnect = *spec.mutable_reconnect();
  if (text == "never") {
    reconnect.set_policy(v1::Reconnect::POLICY_NEVER);
    return absl::OkStatus();
  }
  const std::vector<std::string> parts = absl::StrSplit(text, absl::ByAnyChar(":-"));
  if (parts.size() != 3 || parts[0] != "backoff") {
    return absl::InvalidArgumentError(
        absl::StrCat("--reconnect: '", text,
                     "' is neither never nor backoff:FIRST-MOST such as backoff:100ms-10s"));
  }
  TF_ASSIGN_OR_RETURN(
      const uint64_t first_ms,
      ParseBoundedMs("--reconnect FIRST", parts[1], absl::Milliseconds(1), absl::Hours(1)));
  TF_ASSIGN_OR_RETURN(
      const uint64_t most_ms,
      ParseBoundedMs("--reconnect MOST", parts[2], absl::Milliseconds(1), absl::Hours(1)));
  if (most_ms < first_ms) {
    return absl::InvalidArgumentError(
        absl::StrCat("--reconnect: '", text, "': MOST is less than FIRST"));
  }
  reconnect.set_policy(v1::Reconnect::POLICY_BACKOFF);
  reconnect.set_first_ms(first_ms);
  reconnect.set_most_ms(most_ms);
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseLoad(const StressArguments& arguments, Spec& spec) {
  TF_ASSIGN_OR_RETURN(
      const uint32_t connections,
      ParseBoundedCount("--connections", arguments.connections, 1, kMostConnections));
  TF_ASSIGN_OR_RETURN(const uint32_t threads,
                      ParseBoundedCount("--threads", arguments.threads, 0, kMostThreads));
  TF_ASSIGN_OR_RETURN(const uint32_t sampled, ParseTcpInfo(arguments.tcp_info));
  TF_ASSIGN_OR_RETURN(
      const uint32_t exemplars,
      ParseBoundedCount("--exemplars", arguments.exemplars.empty() ? "10" : arguments.exemplars, 0,
                        kMostExemplars));
  spec.set_connections(connections);
  spec.set_threads(threads);
  spec.set_tcp_info_connections(sampled);
  spec.set_exemplars(exemplars);
  spec.set_share_host(!arguments.share.empty());
  if (!arguments.timer.empty()) {
    TF_ASSIGN_OR_RETURN(const size_t timer,
                        ParseChoice("--timer", arguments.timer, {"eco", "precise"}));
    spec.set_timer(timer == 0 ? Spec::TIMER_ECO : Spec::TIMER_PRECISE);
  }
  TF_RETURN_IF_ERROR(ParseTimes(arguments, spec));
  return ParseRates(arguments, spec);
}

absl::Status ParseConnectionLife(const StressArguments& arguments, Spec& spec) {
  if (!arguments.pipeline.empty()) {
    TF_RETURN_IF_ERROR(OnlyFor("--pipeline", arguments.pipeline, spec, {Spec::WORKLOAD_RR}));
    TF_ASSIGN_OR_RETURN(const uint32_t pipeline,
                        ParseBoundedCount("--pipeline", arguments.pipeline, 1, kMostPipeline));
    spec.set_pipeline(pipeline);
  }
  if (!arguments.think_time.empty()) {
    TF_RETURN_IF_ERROR(OnlyFor("--think-time", arguments.think_time, spec,
                               {Spec::WORKLOAD_CONNECT, Spec::WORKLOAD_CRR, Spec::WORKLOAD_RR}));
    if (IsOpenLoop(spec)) {
      return absl::InvalidArgumentError(
          "--think-time: with a rate the schedule says when operations start; leave one of them "
          "out");
    }
    if (spec.pipeline() > 1) {
      return absl::InvalidArgumentError(
          "--think-time: with --pipeline there is no end of an operation to pause after");
    }
    const absl::StatusOr<absl::Duration> think = base::ParseDuration(arguments.think_time);
    if (!think.ok() || *think > absl::Hours(1)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--think-time: '", arguments.think_time, "' is not a duration of 0 to 1h, such as 10ms"));
    }
    spec.set_think_time_us(static_cast<uint64_t>(absl::ToInt64Microseconds(*think)));
  }
  if (!arguments.lifetime.empty()) {
    TF_RETURN_IF_ERROR(OnlyFor("--lifetime", arguments.lifetime, spec,
                               {Spec::WORKLOAD_RR, Spec::WORKLOAD_HOLD, Spec::WORKLOAD_STREAM}));
    TF_ASSIGN_OR_RETURN(const uint64_t lifetime_ms,
                        ParseBoundedMs("--lifetime", arguments.lifetime, absl::Milliseconds(1),
                                       kLongestStressTime));
    spec.set_lifetime_ms(lifetime_ms);
  }
  if (!arguments.requests_per_connection.empty()) {
    TF_RETURN_IF_ERROR(OnlyFor("--requests-per-connection", arguments.requests_per_connection, spec,
                               {Spec::WORKLOAD_RR}));
    TF_ASSIGN_OR_RETURN(const uint32_t requests,
                        ParseBoundedCount("--requests-per-connection",
                                          arguments.requests_per_connection, 1, 1'000'000'000));
    spec.set_requests_per_connection(requests);
  }
  return ParseReconnect(arguments.reconnect, spec);
}

}  // namespace tcpfleet::controller
