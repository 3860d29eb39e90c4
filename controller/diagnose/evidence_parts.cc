#include "controller/diagnose/evidence_parts.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/check.h"
#include "common/base/version.h"
#include "common/sockets/field.h"
#include "controller/connections/connection_record.h"

namespace tcpfleet::controller {
namespace {

constexpr uint32_t kFormat = 1;
constexpr uint32_t kTop = 100;  // groups of each kind
constexpr int kMostSysctls = 1'000;
constexpr size_t kMostRecords = 300'000;  // of connections, some 3 KB each
constexpr int kLeastConnections = 200;
constexpr absl::string_view kHalfOpen = "half-open-confirmed";

std::string FilterOf(const DiagnosisRule& rule, const RuleParameters& parameters) {
  std::string filter(rule.connections);
  for (const RuleParameter& one : rule.parameters) {
    const std::string value = absl::StrFormat("%g", parameters[one.name]);
    filter = absl::StrReplaceAll(filter, {{absl::StrCat("{", one.name, "}"), value}});
  }
  return filter;
}

// The connections that any of the rules looks at; an empty filter: none does.
v1::ConnectionPick PickOf(const RuleSelection& selection) {
  v1::ConnectionPick pick;
  std::set<std::string> filters;
  std::set<uint32_t> fields = {static_cast<uint32_t>(sockets::Field::kState)};
  for (const DiagnosisRule* rule : selection.rules) {
    if (rule->connections.empty()) continue;
    filters.insert(FilterOf(*rule, selection.settings.at(std::string(rule->id))));
    for (const absl::string_view name : rule->fields) {
      const sockets::FieldInfo* const info = sockets::FindField(name);
      TF_CHECK(info != nullptr);
      fields.insert(static_cast<uint32_t>(info->field));
    }
  }
  for (const std::string& filter : filters) {
    absl::StrAppend(pick.mutable_filter(), pick.filter().empty() ? "" : " or ", "( ", filter, " )");
  }
  pick.mutable_field_ids()->Add(fields.begin(), fields.end());
  return pick;
}

std::set<uint32_t> RestsOf(const RuleSelection& selection) {
  std::set<uint32_t> seconds;
  for (const DiagnosisRule* rule : selection.rules) {
    const RuleParameters& parameters = selection.settings.at(std::string(rule->id));
    for (const absl::string_view name : rule->rests) {
      constexpr double kMost = std::numeric_limits<uint32_t>::max();
      seconds.insert(static_cast<uint32_t>(std::clamp(parameters[name], 0.0, kMost)));
    }
  }
  return seconds;
}

}  // namespace

v1::EvidenceBundle NewBundle(const base::Clock& clock) {
  v1::EvidenceBundle bundle;
  bundle.set_format(kFormat);
  bundle.set_controller_version(std::string(base::Version()));
  *bundle.mutable_time() =
      google::protobuf::util::TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock.Now()));
  return bundle;
}

v1::SnapshotKernelRequest KernelRequest(const RuleSelection& selection, bool all_namespaces,
                                        int most_connections) {
  v1::SnapshotKernelRequest request;
  request.set_top(kTop);
  request.set_all_namespaces(all_namespaces);
  const std::set<uint32_t> rests = RestsOf(selection);
  request.mutable_rest_seconds()->Add(rests.begin(), rests.end());
  v1::ConnectionPick pick = PickOf(selection);
  if (pick.filter().empty()) return request;
  pick.set_most(static_cast<uint32_t>(most_connections));
  *request.mutable_pick() = std::move(pick);
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

void AddConnections(const AgentSnapshot& connections, int most, v1::HostEvidence& evidence) {
  if (!connections.status.ok()) {
    AddMissing(evidence, "inet_diag", connections.status);
    return;
  }
  v1::SocketSample& sample = *evidence.add_sockets();
  sample.set_monotonic_ns(evidence.snapshots().rbegin()->monotonic_ns());
  HostView host;
  host.name = evidence.name();
  host.last_frame_monotonic_ns = connections.monotonic_ns;
  for (const sockets::ConnectionSample& connection : connections.connections) {
    if (sample.connections_size() == most) break;
    ConnectionRow row;
    row.sample = &connection;
    *sample.add_connections() = ToRecord(row, {&host, 1});
  }
  sample.set_dropped(connections.completeness.dropped() + connections.connections.size() -
                     static_cast<size_t>(sample.connections_size()));
}

}  // namespace tcpfleet::controller
