#include "controller/diagnose/collect.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "controller/diagnose/evidence_parts.h"
#include "controller/diagnose/peer_lookups.h"
#include "controller/fleet/collect.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/fleet/snapshots.h"

namespace tcpfleet::controller {
namespace {

// Which samples of a host look at all of its sockets, and which of them for their owners, too.
class SamplePlan {
 public:
  SamplePlan(int samples, absl::Duration window) : samples_(samples), window_(window) {}

  // Of the first sample, in CPU time.
  void SetCost(absl::Duration cost) {
    const absl::Duration most = window_ * kMostCpuShare;
    const int between = samples_ - 2;
    if (cost * samples_ > most) {
      full_between_ = static_cast<int>(std::clamp<int64_t>(most / cost - 2, 0, between));
    }
  }

  bool IsFull(int sample) const {
    if (sample == 0 || sample + 1 == samples_ || !full_between_) return true;
    const int between = samples_ - 2;  // spread evenly over them
    return sample * *full_between_ / between != (sample - 1) * *full_between_ / between;
  }

  v1::SnapshotKernelRequest Request(int sample, const v1::SnapshotKernelRequest& thorough) const {
    v1::SnapshotKernelRequest request = thorough;
    if (!IsFull(sample)) {
      for (int part = v1::SnapshotKernelRequest::Part_MIN + 1;
           part <= v1::SnapshotKernelRequest::Part_MAX; ++part) {
        if (part == v1::SnapshotKernelRequest::PART_SOCKETS) continue;
        request.add_parts(static_cast<v1::SnapshotKernelRequest::Part>(part));
      }
      request.clear_pick();
    }
    // Connections that end before the last sample have owners by the second.
    request.set_owners(sample + 1 == samples_ || (sample == 1 && !full_between_));
    return request;
  }

 private:
  int samples_;
  absl::Duration window_;
  std::optional<int> full_between_;  // without the first and the last; none: all of them
};

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

  void Greet(base::Clock& clock, int samples, const CollectionOptions& options) {
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
    plans_.assign(evidence_.size(), SamplePlan(samples, options.window));
    most_connections_ =
        std::min(options.most_connections, MostConnections(members.size(), samples));
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

  // Asks each agent for what SamplePlan says of its host.
  void Sample(int sample, const v1::SnapshotKernelRequest& thorough) {
    std::vector<absl::StatusOr<KernelLook>> looks = LookAtKernels(
        answering_,
        [&](size_t member) { return plans_[of_member_[member]].Request(sample, thorough); }, stop_);
    std::vector<absl::Status> statuses;
    for (size_t i = 0; i < looks.size(); ++i) {
      statuses.push_back(looks[i].status());
      if (!looks[i].ok()) continue;
      v1::HostEvidence& evidence = EvidenceOf(i);
      SamplePlan& plan = plans_[of_member_[i]];
      if (sample == 0) plan.SetCost(absl::Microseconds(looks[i]->snapshot.cost_cpu_us()));
      *evidence.add_snapshots() = std::move(looks[i]->snapshot);
      if (thorough.has_pick() && plan.IsFull(sample)) {
        AddConnections(looks[i]->connections, most_connections_, evidence);
      }
    }
    KeepAnswering(statuses);
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

  int most_connections() const { return most_connections_; }

  // Hosts without a snapshot have failed and say nothing.
  void Finish() {
    if (lookups_) lookups_->AddTo(absl::MakeSpan(evidence_));
    for (v1::HostEvidence& evidence : evidence_) {
      if (!evidence.snapshots().empty()) *bundle_.add_hosts() = std::move(evidence);
    }
  }

 private:
  v1::HostEvidence& EvidenceOf(size_t member) { return evidence_[of_member_[member]]; }

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
  std::vector<SamplePlan> plans_;  // of evidence_
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

}  // namespace

v1::EvidenceBundle CollectEvidence(std::unique_ptr<Fleet> fleet, const RuleSelection& selection,
                                   const CollectionOptions& options, base::Clock& clock,
                                   const std::stop_token& stop) {
  v1::EvidenceBundle bundle = NewBundle(clock);
  Collector collector(std::move(fleet), bundle, stop);
  const int samples = SamplesIn(options.window);
  collector.Greet(clock, samples, options);
  collector.ReadSysctls(SysctlsOf(selection));
  const v1::SnapshotKernelRequest request =
      KernelRequest(selection, options.all_namespaces, collector.most_connections());
  const int64_t start_ns = clock.MonotonicNs();
  const int64_t window_ns = absl::ToInt64Nanoseconds(options.window);
  for (int i = 0; i < samples; ++i) {
    if (!clock.SleepUntil(start_ns + window_ns * i / (samples - 1), stop)) break;
    collector.Sample(i, request);
    if ((i == 0 || i + 1 == samples) && LooksUpPeers(selection)) collector.LookUpPeers();
    if (options.on_sample) options.on_sample(i + 1, samples);
  }
  collector.Finish();
  return bundle;
}

}  // namespace tcpfleet::controller
