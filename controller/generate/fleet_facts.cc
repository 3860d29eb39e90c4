#include "controller/generate/fleet_facts.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sysctl/value.h"
#include "controller/audit/sysctl_readings.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/host_list.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/fleet/snapshots.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;

constexpr size_t kMostPorts = 100;

bool IsAny(const base::IpAddress& address) {
  return std::all_of(address.bytes().begin(), address.bytes().end(),
                     [](uint8_t byte) { return byte == 0; });
}

// Where others reach this listener.
absl::StatusOr<base::HostPort> ReachedAt(const base::Endpoint& listener,
                                         const AgentTarget& target) {
  const std::string text = absl::StrCat(target.name, ": ", listener.ToString());
  if (listener.address.IsLoopback()) {
    return absl::FailedPreconditionError(absl::StrCat(text, " is reached from its host alone"));
  }
  if (!IsAny(listener.address)) {
    return base::HostPort{listener.address.Unmapped().ToString(), listener.port};
  }
  if (absl::StartsWith(target.address, "unix:")) {
    return absl::FailedPreconditionError(
        absl::StrCat(text, ": its address is not known, the agent was reached over a Unix socket"));
  }
  TF_ASSIGN_OR_RETURN(base::HostPort agent, base::ParseHostPort(target.address, kAgentPort));
  return base::HostPort{std::move(agent.host), listener.port};
}

v1::SnapshotRequest RequestFor(const std::string& filter, std::initializer_list<Field> fields) {
  v1::SnapshotRequest request;
  request.set_filter(filter);
  for (const Field field : fields) request.add_field_ids(static_cast<uint32_t>(field));
  return request;
}

void AddListeners(const AgentSnapshot& snapshot, const AgentTarget& target, FoundBackends& found) {
  std::map<std::string, Backend> backends;  // several sockets may share an address
  std::set<std::string> left_out;
  for (const sockets::ConnectionSample& sample : snapshot.connections) {
    absl::StatusOr<base::HostPort> address = ReachedAt(sample.identity.local, target);
    if (!address.ok()) {
      left_out.insert(std::string(address.status().message()));
      continue;
    }
    const std::string text = address->ToString();
    backends.try_emplace(text, Backend{*std::move(address), target.name});
  }
  for (auto& [text, backend] : backends) found.backends.push_back(std::move(backend));
  found.left_out.insert(found.left_out.end(), left_out.begin(), left_out.end());
}

// Since the last data of either way.
std::optional<absl::Duration> IdleOf(const sockets::ConnectionSample& sample,
                                     int64_t monotonic_ns) {
  const auto sent = sample.values.Find(Field::kLastDataSentAtMs);
  const auto received = sample.values.Find(Field::kLastDataRecvAtMs);
  if (!sent || !received || monotonic_ns <= 0) return std::nullopt;
  const absl::Duration idle = absl::Nanoseconds(monotonic_ns) -
                              absl::Milliseconds(static_cast<int64_t>(std::max(*sent, *received)));
  return std::max(idle, absl::ZeroDuration());
}

// Of the connections of one host to those of its listeners that were found.
void MeasureIdle(const AgentSnapshot& snapshot, const AgentTarget& target,
                 std::vector<Backend>& backends) {
  for (const sockets::ConnectionSample& sample : snapshot.connections) {
    const std::optional<absl::Duration> idle = IdleOf(sample, snapshot.monotonic_ns);
    if (!idle) continue;
    for (Backend& backend : backends) {
      if (backend.agent != target.name || backend.address.port != sample.identity.local.port) {
        continue;
      }
      backend.longest_idle = std::max(backend.longest_idle.value_or(*idle), *idle);
    }
  }
}

}  // namespace

absl::StatusOr<FoundBackends> FindBackends(Fleet& fleet, const filter::Filter& filter,
                                           const std::stop_token& stop) {
  FoundBackends found;
  const auto snapshot_of = [&](const filter::Filter& wanted, std::initializer_list<Field> fields) {
    return CollectSnapshots(
        fleet,
        [&](const AgentTarget& target) -> std::optional<v1::SnapshotRequest> {
          const filter::Filter of_host = wanted.ForHost(target.name);
          if (of_host.NeverMatches()) return std::nullopt;
          return RequestFor(of_host.text(), fields);
        },
        stop);
  };
  const auto listeners = snapshot_of(filter, {Field::kState});
  for (size_t i = 0; i < listeners.size(); ++i) {
    const AgentTarget& target = fleet.members()[i].target;
    if (listeners[i].status.ok()) {
      AddListeners(listeners[i], target, found);
    } else {
      found.failures.push_back(DescribeFailure(target, listeners[i].status));
    }
  }
  if (found.backends.empty()) return found;
  std::set<std::string> ports;
  for (const Backend& backend : found.backends) {
    ports.insert(absl::StrCat("sport = :", backend.address.port));
  }
  if (ports.size() > kMostPorts) {
    return absl::InvalidArgumentError(absl::StrCat(
        "listeners of ", ports.size(), " ports match: name the port, for example 'sport = :8080'"));
  }
  TF_ASSIGN_OR_RETURN(const filter::Filter open,
                      filter::Filter::Parse(absl::StrCat("state established and ( ",
                                                         absl::StrJoin(ports, " or "), " )")));
  const auto connections =
      snapshot_of(open, {Field::kState, Field::kLastDataSentAtMs, Field::kLastDataRecvAtMs});
  for (size_t i = 0; i < connections.size(); ++i) {
    if (connections[i].status.ok()) {
      MeasureIdle(connections[i], fleet.members()[i].target, found.backends);
    }
  }
  return found;
}

absl::StatusOr<MeasuredProxies> MeasureProxies(Fleet& fleet, absl::Span<const std::string> names,
                                               base::Clock& clock, const std::stop_token& stop) {
  std::vector<std::string> known;
  for (const FleetMember& member : fleet.members()) known.push_back(member.target.name);
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the fleet has no host '", name, "'", base::DidYouMean(name, known)));
    }
  }
  v1::ReadSysctlsRequest request;
  for (const char* key : {"fs/file-max", "fs/nr_open", "net/core/somaxconn"}) {
    request.add_patterns(key);
  }
  const std::vector<SysctlReading> readings = ReadSysctls(fleet, request, stop);
  v1::SnapshotKernelRequest load;
  load.add_parts(v1::SnapshotKernelRequest::PART_LOAD);
  load.add_parts(v1::SnapshotKernelRequest::PART_SOCKETS);
  load.set_top(1);
  const auto snapshots = SnapshotKernels(fleet, load, stop);
  const std::vector<Hello> hellos = SayHello(fleet, clock, stop);
  MeasuredProxies measured;
  for (size_t i = 0; i < known.size(); ++i) {
    if (std::find(names.begin(), names.end(), known[i]) == names.end()) continue;
    const absl::Status status =
        readings[i].status.ok() ? snapshots[i].status() : readings[i].status;
    if (!status.ok()) {
      measured.failures.push_back(DescribeFailure(fleet.members()[i].target, status));
      continue;
    }
    ProxyHost& host = measured.hosts.emplace_back();
    host.name = known[i];
    for (const v1::Sysctl& sysctl : readings[i].sysctls) {
      const auto numbers = sysctl::ParseNumbers(sysctl.value());
      if (!numbers || numbers->size() != 1 || numbers->front() < 0) continue;
      const auto number = static_cast<uint64_t>(numbers->front());
      if (sysctl.key() == "net/core/somaxconn") {
        host.somaxconn = number;
      } else {
        host.most_files = std::min(host.most_files.value_or(number), number);
      }
    }
    const uint64_t of_agent = hellos[i].host.ok() ? hellos[i].host->limits().max_open_files() : 0;
    if (of_agent > 0) host.most_files = std::min(host.most_files.value_or(of_agent), of_agent);
    const v1::HostStatistics& statistics = snapshots[i]->host();
    host.cpus = statistics.cpus();
    if (statistics.has_memory_bytes()) host.memory_bytes = statistics.memory_bytes();
    const v1::SocketSummary& sockets = snapshots[i]->namespaces(0).sockets();
    if (sockets.has_port_range_low() && sockets.has_port_range_high()) {
      const uint32_t range = sockets.port_range_high() - sockets.port_range_low() + 1;
      host.ports = range > sockets.ports_reserved() ? range - sockets.ports_reserved() : 0;
    }
  }
  return measured;
}

}  // namespace tcpfleet::controller
