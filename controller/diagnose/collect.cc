#include "controller/diagnose/collect.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "common/sockets/field.h"
#include "controller/diagnose/evidence_parts.h"
#include "controller/diagnose/peer_lookups.h"
#include "controller/fleet/collect.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/fleet/snapshots.h"

namespace tcpfleet::controller {
namespace {

// The agents that still answer, each with its evidence.
class Collector {
 public:
  Collector(std::unique_ptr<Fleet> fleet, v1::EvidenceBundle& bundle, const std::stop_token& stop)
      : all_(std::move(fleet)),
        answering_({}, {.agents = {},
                        .tls = {},
                        .timeout = all_->timeout(),
                        .parallel = all_->parallel(),
                        .local_agent = nullptr}),
        bundle_(bundle),
        stop_(stop) {}

  void Greet(base::Clock& clock, int samples, int most_connections) {
    std::vector<Hello> hellos = SayHello(*all_, clock, stop_);
    std::vector<FleetMember> members;
    for (size_t i = 0; i < hellos.size(); ++i) {
      FleetMember& member = all_->members()[i];
      if (!hellos[i].host.ok()) {
        *bundle_.add_failures() = DescribeFailure(member.target, hellos[i].host.status());
        continue;
      }
      v1::HostEvidence& evidence = evidence_.emplace_back();
      evidence.set_name(member.target.name);
      evidence.set_address(member.target.address);
      *evidence.mutable_host() = *std::move(hellos[i].host);
      of_member_.push_back(evidence_.size() - 1);
      members.push_back(std::move(member));
    }
    most_connections_ = std::min(most_connections, MostConnections(members.size(), samples));
    SetAnswering(std::move(members));
  }

  void ReadSysctls(const std::set<std::string>& keys) {
    if (keys.empty()) return;
    v1::ReadSysctlsRequest request;
    request.mutable_patterns()->Add(keys.begin(), keys.end());
    const StartCall<v1::ReadSysctlsResponse> start =
        [&](FleetMember& member, OnMessage<v1::ReadSysctlsResponse> on_message, OnDone on_done) {
          return member.client->ReadSysctls(request, answering_.timeout(), std::move(on_message),
                                            std::move(on_done));
        };
    const auto readings = CollectFromAgents<v1::ReadSysctlsResponse>(answering_, start, stop_);
    for (size_t i = 0; i < readings.size(); ++i) {
      if (readings[i].status.ok()) {
        AddSysctls(readings[i].messages, EvidenceOf(i));
      } else {
        AddMissing(EvidenceOf(i), "sysctls", readings[i].status);
      }
    }
  }

  void Sample(const v1::SnapshotKernelRequest& kernel, const v1::SnapshotRequest& connections) {
    std::vector<absl::StatusOr<v1::KernelSnapshot>> snapshots =
        SnapshotKernels(answering_, kernel, stop_);
    std::vector<absl::Status> statuses;
    for (size_t i = 0; i < snapshots.size(); ++i) {
      statuses.push_back(snapshots[i].status());
      if (snapshots[i].ok()) *EvidenceOf(i).add_snapshots() = *std::move(snapshots[i]);
    }
    KeepAnswering(statuses);
    if (!connections.filter().empty()) SampleConnections(connections);
  }

  // After the first sample and after the last.
  void LookUpPeers() {
    if (!lookups_) lookups_.emplace(evidence_);
    const v1::SnapshotRequest request = lookups_->Request();
    if (request.filter().empty()) return;
    const std::vector<AgentSnapshot> snapshots = CollectSnapshots(
        answering_, [&](const AgentTarget&) { return request; }, stop_);
    for (size_t i = 0; i < snapshots.size(); ++i) {
      lookups_->Look(of_member_[i], snapshots[i],
                     EvidenceOf(i).snapshots().rbegin()->monotonic_ns());
    }
  }

  // Hosts without a snapshot have failed and say nothing.
  void Finish() {
    if (lookups_) lookups_->AddTo(absl::MakeSpan(evidence_));
    for (v1::HostEvidence& evidence : evidence_) {
      if (!evidence.snapshots().empty()) *bundle_.add_hosts() = std::move(evidence);
    }
  }

 private:
  v1::HostEvidence& EvidenceOf(size_t member) { return evidence_[of_member_[member]]; }

  void SampleConnections(const v1::SnapshotRequest& request) {
    const std::vector<AgentSnapshot> snapshots = CollectSnapshots(
        answering_, [&](const AgentTarget&) { return request; }, stop_);
    for (size_t i = 0; i < snapshots.size(); ++i) {
      v1::HostEvidence& evidence = EvidenceOf(i);
      if (snapshots[i].status.ok()) {
        *evidence.add_sockets() = SampleOf(snapshots[i], evidence, most_connections_);
      } else {
        AddMissing(evidence, "inet_diag", snapshots[i].status);
      }
    }
  }

  void KeepAnswering(const std::vector<absl::Status>& statuses) {
    std::vector<FleetMember> members;
    std::vector<size_t> of_member;
    for (size_t i = 0; i < statuses.size(); ++i) {
      FleetMember& member = answering_.members()[i];
      if (statuses[i].ok()) {
        members.push_back(std::move(member));
        of_member.push_back(of_member_[i]);
        continue;
      }
      const bool is_first = EvidenceOf(i).snapshots().empty();
      *bundle_.add_failures() = DescribeFailure(
          member.target, statuses[i], is_first ? CallPhase::kFirstAnswer : CallPhase::kUnderWay);
    }
    of_member_ = std::move(of_member);
    SetAnswering(std::move(members));
  }

  void SetAnswering(std::vector<FleetMember> members) {
    const absl::Duration timeout = all_->timeout();
    const int parallel = all_->parallel();
    answering_ = Fleet(std::move(members), {.agents = {},
                                            .tls = {},
                                            .timeout = timeout,
                                            .parallel = parallel,
                                            .local_agent = nullptr});
  }

  const std::unique_ptr<Fleet> all_;  // keeps the private agent
  Fleet answering_;
  std::vector<v1::HostEvidence> evidence_;
  std::vector<size_t> of_member_;  // of answering_: index into evidence_
  std::optional<PeerLookups> lookups_;
  int most_connections_ = kMostConnections;
  v1::EvidenceBundle& bundle_;
  const std::stop_token stop_;
};

int SamplesIn(absl::Duration window) {
  return static_cast<int>(
      std::clamp<int64_t>(window / absl::Seconds(2) + 1, kLeastSamples, kMostSamples));
}

std::string FilterOf(const DiagnosisRule& rule, const RuleParameters& parameters) {
  std::string filter(rule.connections);
  for (const RuleParameter& one : rule.parameters) {
    const std::string value = absl::StrFormat("%g", parameters[one.name]);
    filter = absl::StrReplaceAll(filter, {{absl::StrCat("{", one.name, "}"), value}});
  }
  return filter;
}

}  // namespace

v1::SnapshotRequest ConnectionsOf(const RuleSelection& selection) {
  v1::SnapshotRequest request;
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
    absl::StrAppend(request.mutable_filter(), request.filter().empty() ? "" : " or ", "( ", filter,
                    " )");
  }
  request.mutable_field_ids()->Add(fields.begin(), fields.end());
  return request;
}

v1::EvidenceBundle CollectEvidence(std::unique_ptr<Fleet> fleet, const RuleSelection& selection,
                                   const CollectionOptions& options, base::Clock& clock,
                                   const std::stop_token& stop) {
  v1::EvidenceBundle bundle = NewBundle(clock);
  Collector collector(std::move(fleet), bundle, stop);
  const int samples = SamplesIn(options.window);
  collector.Greet(clock, samples, options.most_connections);
  collector.ReadSysctls(SysctlsOf(selection));
  v1::SnapshotKernelRequest kernel = KernelRequest(options.all_namespaces);
  v1::SnapshotRequest connections = ConnectionsOf(selection);
  connections.set_all_namespaces(options.all_namespaces);
  const int64_t start_ns = clock.MonotonicNs();
  const int64_t window_ns = absl::ToInt64Nanoseconds(options.window);
  for (int i = 0; i < samples; ++i) {
    if (!clock.SleepUntil(start_ns + window_ns * i / (samples - 1), stop)) break;
    // Looking for owners costs an agent a walk over all descriptors of its host.
    const bool is_thorough = i == 0 || i + 1 == samples;
    kernel.set_owners(is_thorough);
    connections.set_processes(is_thorough);
    collector.Sample(kernel, connections);
    if (is_thorough && LooksUpPeers(selection)) collector.LookUpPeers();
    if (options.on_sample) options.on_sample(i + 1, samples);
  }
  collector.Finish();
  return bundle;
}

}  // namespace tcpfleet::controller
