#include "controller/diagnose/evidence_parts.h"

#include <absl/strings/match.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>

#include "common/base/version.h"
#include "controller/connections/connection_record.h"

namespace tcpfleet::controller {
namespace {

constexpr uint32_t kFormat = 1;
constexpr uint32_t kTop = 100;  // groups of each kind
constexpr int kMostSysctls = 1'000;
constexpr size_t kMostRecords = 300'000;  // of connections, some 3 KB each
constexpr int kLeastConnections = 200;
constexpr absl::string_view kHalfOpen = "half-open-confirmed";

}  // namespace

v1::EvidenceBundle NewBundle(const base::Clock& clock) {
  v1::EvidenceBundle bundle;
  bundle.set_format(kFormat);
  bundle.set_controller_version(std::string(base::Version()));
  *bundle.mutable_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock.Now()));
  return bundle;
}

v1::SnapshotKernelRequest KernelRequest(bool all_namespaces) {
  v1::SnapshotKernelRequest request;
  request.set_top(kTop);
  request.set_all_namespaces(all_namespaces);
  return request;
}

int MostConnections(size_t hosts, int samples) {
  const size_t kept = std::max<size_t>(1, hosts) * static_cast<size_t>(samples);
  return std::clamp(static_cast<int>(kMostRecords / kept), kLeastConnections, kMostConnections);
}

bool LooksUpPeers(const RuleSelection& selection) {
  return selection.settings.contains(std::string(kHalfOpen));
}

std::set<std::string> SysctlsOf(const RuleSelection& selection) {
  std::set<std::string> keys;
  if (LooksUpPeers(selection)) keys.emplace("net/ipv4/ip_forward");
  for (const DiagnosisRule* rule : selection.rules) {
    for (const auto& names : {rule->needs, rule->helps}) {
      for (const absl::string_view name : names) {
        if (absl::StrContains(name, "/")) keys.emplace(name);
      }
    }
  }
  return keys;
}

void AddMissing(v1::HostEvidence& evidence, const std::string& source, const absl::Status& status) {
  v1::MissingSource& missing = *evidence.add_missing();
  missing.set_source(source);
  missing.set_why(std::string(status.message()));
}

void AddSysctls(const std::vector<v1::ReadSysctlsResponse>& parts, v1::HostEvidence& evidence) {
  for (const v1::ReadSysctlsResponse& part : parts) {
    for (const v1::Sysctl& one : part.sysctls()) {
      if (evidence.sysctls_size() < kMostSysctls) *evidence.add_sysctls() = one;
    }
  }
  std::sort(evidence.mutable_sysctls()->begin(), evidence.mutable_sysctls()->end(),
            [](const v1::Sysctl& a, const v1::Sysctl& b) { return a.key() < b.key(); });
}

// An answer without connections does not say when it was given.
v1::SocketSample SampleOf(const AgentSnapshot& snapshot, const v1::HostEvidence& evidence,
                          int most) {
  v1::SocketSample sample;
  sample.set_monotonic_ns(
      std::max(snapshot.monotonic_ns, evidence.snapshots().rbegin()->monotonic_ns()));
  sample.set_dropped(snapshot.completeness.dropped());
  HostView host;
  host.name = evidence.name();
  host.last_frame_monotonic_ns = snapshot.monotonic_ns;
  for (const sockets::ConnectionSample& connection : snapshot.connections) {
    if (sample.connections_size() == most) break;
    ConnectionRow row;
    row.sample = &connection;
    *sample.add_connections() = ToRecord(row, {&host, 1});
  }
  sample.set_dropped(sample.dropped() + snapshot.connections.size() -
                     static_cast<size_t>(sample.connections_size()));
  return sample;
}

}  // namespace tcpfleet::controller
