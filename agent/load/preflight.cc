#include "agent/load/preflight.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <set>

#include "common/sys/file.h"
#include "common/sys/rlimit.h"

namespace tcpfleet::agent {
namespace {

// Descriptors the agent needs beside test sockets: gRPC, epoll sets, listeners, log.
constexpr uint64_t kReservedFiles = 128;
// TCP_TIMEWAIT_LEN, net/tcp.h.
constexpr double kTimeWaitSeconds = 60;

std::optional<uint64_t> ReadNumber(const std::string& path) {
  const absl::StatusOr<std::string> text = sys::ReadFile(path);
  uint64_t number = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &number)) return std::nullopt;
  return number;
}

// Each destination has the whole range to itself. Only a name's first address counts: the others
// are used when that one fails.
size_t DistinctDestinations(const RunPlan& plan) {
  std::set<base::Endpoint> destinations;
  for (const PlannedTarget& target : plan.targets) destinations.insert(target.endpoints.front());
  return std::max<size_t>(1, destinations.size());
}

void WarnOfPorts(const RunPlan& plan, uint64_t ports, std::vector<std::string>& warnings) {
  const uint64_t usable = ports * DistinctDestinations(plan);
  const uint64_t connections = plan.spec.connections();
  if (connections > usable) {
    warnings.push_back(absl::StrCat(
        connections, " connections need more than the ", usable,
        " source ports there are to these targets; beyond that they fail as localPort: widen "
        "net.ipv4.ip_local_port_range or add targets"));
  } else if (connections > usable / 2) {
    warnings.push_back(absl::StrCat(
        connections, " connections use more than half of the ", usable,
        " source ports there are to these targets, and connect() gets slow there: widen "
        "net.ipv4.ip_local_port_range or add targets"));
  }
  const bool closes = plan.spec.workload() == v1::StressSpec::WORKLOAD_CONNECT ||
                      plan.spec.workload() == v1::StressSpec::WORKLOAD_CRR;
  const double sustained = static_cast<double>(usable) / kTimeWaitSeconds;
  if (closes && !plan.close_with_reset && plan.spec.rate_per_second() > sustained) {
    warnings.push_back(
        absl::StrCat("close mode fin at ", plan.spec.rate_per_second(),
                     " connections/s: TIME_WAIT keeps a port "
                     "for 60 s, so ",
                     usable, " source ports sustain ", static_cast<uint64_t>(sustained),
                     "/s: close with rst, widen net.ipv4.ip_local_port_range or add targets"));
  }
}

}  // namespace

std::optional<uint64_t> PortsInRange(const std::string& text) {
  const std::vector<std::string> words =
      absl::StrSplit(text, absl::ByAnyChar("\t \n"), absl::SkipEmpty());
  uint64_t low = 0;
  uint64_t high = 0;
  if (words.size() != 2 || !absl::SimpleAtoi(words[0], &low) ||
      !absl::SimpleAtoi(words[1], &high) || low == 0 || high < low || high > 65535) {
    return std::nullopt;
  }
  return high - low + 1;
}

HostBounds ReadHostBounds() {
  HostBounds bounds;
  if (const auto limit = sys::OpenFileLimit(); limit.ok()) bounds.open_files = *limit;
  if (const auto range = sys::ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); range.ok()) {
    bounds.ports = PortsInRange(*range);
  }
  bounds.somaxconn = ReadNumber("/proc/sys/net/core/somaxconn");
  return bounds;
}

std::vector<std::string> PreflightWarnings(const RunPlan& plan, const HostBounds& bounds) {
  std::vector<std::string> warnings;
  const uint64_t connections = plan.spec.connections();
  if (bounds.open_files && connections + kReservedFiles > *bounds.open_files) {
    warnings.push_back(absl::StrCat(connections, " connections and ", kReservedFiles,
                                    " other descriptors exceed the ", *bounds.open_files,
                                    " files the agent may open; beyond that they fail as localFd: "
                                    "raise its LimitNOFILE (ulimit -n)"));
  }
  if (plan.is_client && bounds.ports) WarnOfPorts(plan, *bounds.ports, warnings);
  // Each load thread has an accept queue of its own.
  if (!plan.is_client && bounds.somaxconn && *bounds.somaxconn * plan.threads < connections) {
    warnings.push_back(absl::StrCat(
        "the accept queues hold ", *bounds.somaxconn * plan.threads, " of ", connections,
        " connections; when all come at once, SYNs are dropped and retried after 1 s: raise "
        "net.core.somaxconn"));
  }
  return warnings;
}

}  // namespace tcpfleet::agent
