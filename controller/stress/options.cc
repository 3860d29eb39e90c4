#include "controller/stress/options.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>

#include <array>
#include <set>

#include "common/base/ip_address.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "controller/cli/option_types.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kMostConnections = 100'000'000;
constexpr uint64_t kMostMessageBytes = 1 << 20;
constexpr uint64_t kMostThreads = 1024;
constexpr size_t kMostTargets = 1024;  // as agents take
constexpr double kMostRate = 1e9;
constexpr absl::Duration kLongest = absl::Hours(24);
constexpr absl::Duration kShortestRun = absl::Milliseconds(100);

struct WorkloadEntry {
  absl::string_view name;
  v1::StressSpec::Workload workload;
};
constexpr std::array kWorkloads = {
    WorkloadEntry{"connect", v1::StressSpec::WORKLOAD_CONNECT},
    WorkloadEntry{"crr", v1::StressSpec::WORKLOAD_CRR},
    WorkloadEntry{"rr", v1::StressSpec::WORKLOAD_RR},
    WorkloadEntry{"hold", v1::StressSpec::WORKLOAD_HOLD},
};

absl::StatusOr<v1::StressSpec::Workload> ParseWorkload(const std::string& name) {
  std::vector<std::string> names;
  for (const WorkloadEntry& entry : kWorkloads) {
    if (entry.name == name) return entry.workload;
    names.emplace_back(entry.name);
  }
  const std::string suggestion = base::DidYouMean(name, names);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown workload '", name, "'",
                   suggestion.empty() ? ": there are connect, crr, rr and hold" : suggestion));
}

absl::StatusOr<uint32_t> ParseBoundedCount(absl::string_view option, const std::string& text,
                                           uint64_t least, uint64_t most) {
  const absl::StatusOr<uint64_t> count = ParseCountWithin(text, least, most);
  if (!count.ok()) return base::WithContext(option, count.status());
  return static_cast<uint32_t>(*count);
}

absl::StatusOr<uint64_t> ParseBoundedMs(absl::string_view option, const std::string& text,
                                        absl::Duration least, absl::Duration most) {
  const absl::StatusOr<absl::Duration> duration = ParseDurationWithin(text, least, most);
  if (!duration.ok()) return base::WithContext(option, duration.status());
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(*duration));
}

absl::StatusOr<double> ParseRate(const std::string& text) {
  double rate = 0;
  if (const absl::StatusOr<uint64_t> count = base::ParseCount(text); count.ok()) {
    rate = static_cast<double>(*count);
  } else if (text.find_first_not_of("0123456789.") != std::string::npos ||
             !absl::SimpleAtod(text, &rate)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--rate: '", text, "' is not a rate: write operations per second such as 0.5, 500 or 20k"));
  }
  if (rate > kMostRate) {
    return absl::InvalidArgumentError(
        absl::StrCat("--rate: ", text, " is out of range, allowed are 0 (no limit) to 1G"));
  }
  return rate;
}

absl::StatusOr<v1::StressSpec::CloseMode> ParseCloseMode(const std::string& text) {
  if (text == "rst") return v1::StressSpec::CLOSE_MODE_RST;
  if (text == "fin") return v1::StressSpec::CLOSE_MODE_FIN;
  return absl::InvalidArgumentError(absl::StrCat("--close: '", text, "' is neither rst nor fin"));
}

absl::Status ParseKeepalive(const std::string& text, v1::SocketOptions& options) {
  if (text == "off") return absl::OkStatus();
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  if (parts.size() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--keepalive: '", text, "' is neither off nor IDLE/INTERVAL/PROBES such as 30s/5s/3"));
  }
  // The kernel's own bounds: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT (net/tcp.h).
  constexpr absl::Duration kMostKeepalive = absl::Seconds(32767);
  TF_ASSIGN_OR_RETURN(const uint64_t idle_ms, ParseBoundedMs("--keepalive IDLE", parts[0],
                                                             absl::Seconds(1), kMostKeepalive));
  TF_ASSIGN_OR_RETURN(const uint64_t interval_ms, ParseBoundedMs("--keepalive INTERVAL", parts[1],
                                                                 absl::Seconds(1), kMostKeepalive));
  TF_ASSIGN_OR_RETURN(const uint32_t probes,
                      ParseBoundedCount("--keepalive PROBES", parts[2], 1, 127));
  if (idle_ms % 1000 != 0 || interval_ms % 1000 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--keepalive: '", text, "': the kernel counts whole seconds"));
  }
  options.set_keepalive(true);
  options.set_keepalive_idle_seconds(static_cast<uint32_t>(idle_ms / 1000));
  options.set_keepalive_interval_seconds(static_cast<uint32_t>(interval_ms / 1000));
  options.set_keepalive_probes(probes);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> ParseTcpInfo(const std::string& text) {
  if (text == "all") return kSampleAllConnections;
  if (text == "none") return 0u;
  const absl::StatusOr<uint64_t> count = base::ParseCount(text);
  if (count.ok() && *count <= kMostConnections) return static_cast<uint32_t>(*count);
  return absl::InvalidArgumentError(
      absl::StrCat("--tcp-info: '", text, "' is neither all, none nor a number of connections"));
}

absl::Status ParseMessageSizes(const StressArguments& arguments, v1::StressSpec& spec) {
  const bool has_messages = spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
                            spec.workload() == v1::StressSpec::WORKLOAD_RR;
  if (!has_messages) {
    if (arguments.request_bytes.empty() && arguments.response_bytes.empty())
      return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(arguments.request_bytes.empty() ? "--response-bytes" : "--request-bytes", ": ",
                     arguments.workload, " sends nothing; crr and rr do"));
  }
  const auto size = [](absl::string_view option, const std::string& text) {
    return ParseBoundedCount(option, text.empty() ? "1" : text, 1, kMostMessageBytes);
  };
  TF_ASSIGN_OR_RETURN(const uint32_t request, size("--request-bytes", arguments.request_bytes));
  TF_ASSIGN_OR_RETURN(const uint32_t response, size("--response-bytes", arguments.response_bytes));
  spec.set_request_bytes(request);
  spec.set_response_bytes(response);
  return absl::OkStatus();
}

absl::Status ParseTargets(const std::vector<std::string>& texts, v1::StressSpec& spec) {
  if (texts.size() > kMostTargets) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target: ", texts.size(), " are too many, at most ", kMostTargets));
  }
  for (const std::string& text : texts) {
    const absl::StatusOr<base::HostPort> target = base::ParseHostPort(text, 0);
    if (!target.ok()) return base::WithContext("--target", target.status());
    spec.add_targets()->set_host(target->host);
    spec.mutable_targets()->rbegin()->set_port(target->port);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ServeChoice>> ParseServe(const std::vector<std::string>& texts) {
  std::vector<ServeChoice> choices;
  std::set<std::string> seen;
  for (const std::string& text : texts) {
    for (const absl::string_view part : absl::StrSplit(text, ',')) {
      // The last @, so that names may hold one.
      const size_t at = part.rfind('@');
      ServeChoice choice{std::string(part.substr(0, at)),
                         at == absl::string_view::npos ? "" : std::string(part.substr(at + 1))};
      if (choice.agent.empty() || part.back() == '@') {
        return absl::InvalidArgumentError(
            absl::StrCat("--serve: '", text, "' is not AGENT[@ADDRESS][,AGENT...]"));
      }
      if (!seen.insert(choice.agent).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("--serve: agent '", choice.agent, "' is named twice"));
      }
      choices.push_back(std::move(choice));
    }
  }
  return choices;
}

absl::Status ParseTimes(const StressArguments& arguments, v1::StressSpec& spec) {
  // Held connections are counted from the first one; the others need the caches warm.
  const bool hold = spec.workload() == v1::StressSpec::WORKLOAD_HOLD;
  const std::string warmup = !arguments.warmup.empty() ? arguments.warmup : hold ? "0s" : "1s";
  TF_ASSIGN_OR_RETURN(const uint64_t duration_ms,
                      ParseBoundedMs("--duration", arguments.duration, kShortestRun, kLongest));
  TF_ASSIGN_OR_RETURN(const uint64_t warmup_ms,
                      ParseBoundedMs("--warmup", warmup, absl::ZeroDuration(), kLongest));
  TF_ASSIGN_OR_RETURN(const uint64_t timeout_ms,
                      ParseBoundedMs("--connect-timeout", arguments.connect_timeout,
                                     absl::Milliseconds(1), kLongest));
  TF_ASSIGN_OR_RETURN(
      const uint64_t interval_ms,
      ParseBoundedMs("--interval", arguments.interval, absl::Milliseconds(100), absl::Minutes(1)));
  spec.set_duration_ms(duration_ms);
  spec.set_warmup_ms(warmup_ms);
  spec.set_connect_timeout_ms(static_cast<uint32_t>(timeout_ms));
  spec.set_interval_ms(static_cast<uint32_t>(interval_ms));
  return absl::OkStatus();
}

absl::Status ParseLoad(const StressArguments& arguments, v1::StressSpec& spec) {
  TF_ASSIGN_OR_RETURN(
      const uint32_t connections,
      ParseBoundedCount("--connections", arguments.connections, 1, kMostConnections));
  TF_ASSIGN_OR_RETURN(const double rate, ParseRate(arguments.rate));
  TF_ASSIGN_OR_RETURN(const uint32_t threads,
                      ParseBoundedCount("--threads", arguments.threads, 0, kMostThreads));
  TF_ASSIGN_OR_RETURN(const uint32_t sampled, ParseTcpInfo(arguments.tcp_info));
  TF_ASSIGN_OR_RETURN(const v1::StressSpec::CloseMode close_mode, ParseCloseMode(arguments.close));
  spec.set_connections(connections);
  spec.set_rate_per_second(rate);
  spec.set_threads(threads);
  spec.set_tcp_info_connections(sampled);
  spec.set_close_mode(close_mode);
  v1::SocketOptions& options = *spec.mutable_socket_options();
  options.set_no_delay(true);
  options.set_reuse_address(true);
  options.set_linger_reset(close_mode == v1::StressSpec::CLOSE_MODE_RST);
  // Connections that live for one exchange would only pay for setting it.
  const bool keeps = spec.workload() != v1::StressSpec::WORKLOAD_CONNECT &&
                     spec.workload() != v1::StressSpec::WORKLOAD_CRR;
  const std::string otherwise = keeps ? "30s/5s/3" : "off";
  return ParseKeepalive(arguments.keepalive.empty() ? otherwise : arguments.keepalive, options);
}

}  // namespace

absl::StatusOr<StressOptions> ParseStressOptions(const StressArguments& arguments) {
  StressOptions options;
  TF_ASSIGN_OR_RETURN(const v1::StressSpec::Workload workload, ParseWorkload(arguments.workload));
  options.spec.set_workload(workload);
  if (arguments.targets.empty() == arguments.serve.empty()) {
    return absl::InvalidArgumentError(
        arguments.targets.empty()
            ? "nothing to connect to: give --target HOST:PORT, or --serve AGENT to let an agent "
              "be the server"
            : "--target and --serve exclude each other: the clients connect to one or the other");
  }
  TF_RETURN_IF_ERROR(ParseTargets(arguments.targets, options.spec));
  TF_ASSIGN_OR_RETURN(options.serve, ParseServe(arguments.serve));
  TF_RETURN_IF_ERROR(ParseLoad(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseTimes(arguments, options.spec));
  TF_RETURN_IF_ERROR(ParseMessageSizes(arguments, options.spec));
  for (const std::string& expression : arguments.thresholds) {
    TF_ASSIGN_OR_RETURN(Threshold threshold, ParseThreshold(expression));
    options.thresholds.push_back(std::move(threshold));
  }
  return options;
}

absl::string_view WorkloadName(v1::StressSpec::Workload workload) {
  for (const WorkloadEntry& entry : kWorkloads) {
    if (entry.workload == workload) return entry.name;
  }
  return "?";
}

}  // namespace tcpfleet::controller
