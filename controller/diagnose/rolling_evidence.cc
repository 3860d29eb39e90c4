#include "controller/diagnose/rolling_evidence.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "controller/diagnose/evidence_parts.h"
#include "controller/fleet/collect.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/fleet/snapshots.h"

namespace tcpfleet::controller {
namespace {

// Subjects of alerts name owners, in every round alike.
v1::SnapshotKernelRequest OwnedKernelRequest(const RuleSelection& selection, bool all_namespaces,
                                             int most_connections) {
  v1::SnapshotKernelRequest request = KernelRequest(selection, all_namespaces, most_connections);
  request.set_owners(true);
  return request;
}

v1::ReadSysctlsRequest SysctlsRequest(const RuleSelection& selection) {
  const std::set<std::string> keys = SysctlsOf(selection);
  v1::ReadSysctlsRequest request;
  request.mutable_patterns()->Add(keys.begin(), keys.end());
  return request;
}

Fleet PartOf(const Fleet& fleet, std::vector<FleetMember> members) {
  return {std::move(members),
          {.agents = {},
           .tls = {},
           .timeout = fleet.timeout(),
           .parallel = fleet.parallel(),
           .local_agent = nullptr}};
}

}  // namespace

RollingEvidence::RollingEvidence(std::unique_ptr<Fleet> fleet, const RuleSelection& selection,
                                 const Options& options, base::Clock& clock)
    : fleet_(std::move(fleet)),
      most_connections_(MostConnections(
          fleet_->size(), static_cast<int>(std::min<int64_t>(options.window / options.interval + 1,
                                                             kMostSamples)))),
      kernel_(OwnedKernelRequest(selection, options.all_namespaces, most_connections_)),
      sysctls_(SysctlsRequest(selection)),
      looks_up_peers_(LooksUpPeers(selection)),
      // Samples are not taken to the nanosecond.
      window_ns_(absl::ToInt64Nanoseconds(options.window + options.interval / 2)),
      clock_(clock),
      evidence_(fleet_->size()),
      answering_(PartOf(*fleet_, {})),
      bundle_(NewBundle(clock)) {
  for (size_t i = 0; i < evidence_.size(); ++i) {
    const AgentTarget& target = fleet_->members()[i].target;
    evidence_[i].set_name(target.name);
    evidence_[i].set_address(target.address);
  }
}

const v1::EvidenceBundle& RollingEvidence::Sample(const std::stop_token& stop) {
  TakeBack();
  bundle_ = NewBundle(clock_);
  Greet(stop);
  SampleKernels(stop);
  if (!sysctls_.patterns().empty()) ReadSysctls(stop);
  if (looks_up_peers_) LookUpPeers(stop);
  for (const size_t member : of_member_) bundle_.add_hosts()->Swap(&evidence_[member]);
  return bundle_;
}

void RollingEvidence::TakeBack() {
  for (size_t i = 0; i < of_member_.size(); ++i) {
    v1::HostEvidence& evidence = evidence_[of_member_[i]];
    evidence.Swap(bundle_.mutable_hosts(static_cast<int>(i)));
    fleet_->members()[of_member_[i]] = std::move(answering_.members()[i]);
  }
  of_member_.clear();
  for (v1::HostEvidence& evidence : evidence_) {
    evidence.clear_sysctls();
    evidence.clear_missing();
    evidence.clear_peer_lookups();
  }
}

void RollingEvidence::Greet(const std::stop_token& stop) {
  std::vector<Hello> hellos(evidence_.size());
  FanOut(
      evidence_.size(), fleet_->parallel(),
      [&](size_t member, Done done) {
        if (evidence_[member].has_host()) return done();
        controller::Greet(*fleet_->members()[member].client, clock_, fleet_->timeout(),
                          hellos[member], std::move(done));
      },
      stop);
  std::vector<FleetMember> members;
  for (size_t i = 0; i < evidence_.size(); ++i) {
    FleetMember& member = fleet_->members()[i];
    if (!evidence_[i].has_host()) {
      if (!hellos[i].host.ok()) {
        Fail(i, member.target, hellos[i].host.status());
        continue;
      }
      *evidence_[i].mutable_host() = *std::move(hellos[i].host);
    }
    of_member_.push_back(i);
    members.push_back(std::move(member));
  }
  SetAnswering(std::move(members));
}

void RollingEvidence::SampleKernels(const std::stop_token& stop) {
  std::vector<absl::StatusOr<KernelLook>> looks = LookAtKernels(
      answering_, [&](size_t) { return kernel_; }, stop);
  std::vector<FleetMember> members;
  std::vector<size_t> of_member;
  for (size_t i = 0; i < looks.size(); ++i) {
    FleetMember& member = answering_.members()[i];
    v1::HostEvidence& evidence = evidence_[of_member_[i]];
    if (!looks[i].ok()) {
      Fail(of_member_[i], member.target, looks[i].status());
      fleet_->members()[of_member_[i]] = std::move(member);
      continue;
    }
    if (!evidence.snapshots().empty()) {
      const v1::KernelSnapshot& last = *evidence.snapshots().rbegin();
      const v1::KernelSnapshot& now = looks[i]->snapshot;
      if (last.boot_id() != now.boot_id() || last.monotonic_ns() >= now.monotonic_ns()) {
        evidence.clear_snapshots();
        evidence.clear_sockets();
      }
    }
    *evidence.add_snapshots() = std::move(looks[i]->snapshot);
    DropOld(*evidence.mutable_snapshots());
    if (kernel_.has_pick()) {
      AddConnections(looks[i]->connections, most_connections_, evidence);
      if (!evidence.sockets().empty()) DropOld(*evidence.mutable_sockets());
    }
    of_member.push_back(of_member_[i]);
    members.push_back(std::move(member));
  }
  of_member_ = std::move(of_member);
  SetAnswering(std::move(members));
}

void RollingEvidence::ReadSysctls(const std::stop_token& stop) {
  const StartCall<v1::ReadSysctlsResponse> start =
      [&](FleetMember& member, OnMessage<v1::ReadSysctlsResponse> on_message, OnDone on_done) {
        return member.client->ReadSysctls(sysctls_, answering_.timeout(), std::move(on_message),
                                          std::move(on_done));
      };
  const auto readings = CollectFromAgents<v1::ReadSysctlsResponse>(answering_, start, stop);
  for (size_t i = 0; i < readings.size(); ++i) {
    v1::HostEvidence& evidence = evidence_[of_member_[i]];
    if (readings[i].status.ok()) {
      AddSysctls(readings[i].messages, evidence);
    } else {
      AddMissing(evidence, "sysctls", readings[i].status);
    }
  }
}

// Other connections are looked up once the window is over; they are looked at at once, so that with
// the next sample there are two looks at them.
void RollingEvidence::LookUpPeers(const std::stop_token& stop) {
  const auto begin = [&] {
    lookups_.emplace(evidence_);
    lookups_begun_ns_ = clock_.MonotonicNs();
    Look(stop);
  };
  if (lookups_) {
    Look(stop);
  } else {
    begin();
  }
  lookups_->AddTo(absl::MakeSpan(evidence_));
  if (clock_.MonotonicNs() - lookups_begun_ns_ >= window_ns_) begin();
}

void RollingEvidence::Look(const std::stop_token& stop) {
  const v1::SnapshotRequest request = lookups_->Request();
  if (request.filter().empty()) return;
  const std::vector<AgentSnapshot> snapshots = CollectSnapshots(
      answering_, [&](const AgentTarget&) { return request; }, stop);
  for (size_t i = 0; i < snapshots.size(); ++i) {
    const v1::HostEvidence& evidence = evidence_[of_member_[i]];
    lookups_->Look(of_member_[i], snapshots[i], evidence.snapshots().rbegin()->monotonic_ns());
  }
}

void RollingEvidence::Fail(size_t member, const AgentTarget& target, const absl::Status& status) {
  const bool had_answered = evidence_[member].has_host() && !evidence_[member].snapshots().empty();
  *bundle_.add_failures() = DescribeFailure(
      target, status, had_answered ? CallPhase::kUnderWay : CallPhase::kFirstAnswer);
  evidence_[member].clear_host();  // it may come back as another one
}

void RollingEvidence::SetAnswering(std::vector<FleetMember> members) {
  answering_ = PartOf(*fleet_, std::move(members));
}

template <class Samples>
void RollingEvidence::DropOld(Samples& samples) const {
  const auto newest = static_cast<double>(samples.rbegin()->monotonic_ns());
  int old = std::max(0, samples.size() - kMostSamples);
  while (newest - static_cast<double>(samples.Get(old).monotonic_ns()) >
         static_cast<double>(window_ns_)) {
    ++old;
  }
  samples.DeleteSubrange(0, old);
}

}  // namespace tcpfleet::controller
