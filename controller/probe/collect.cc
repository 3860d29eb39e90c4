#include "controller/probe/collect.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/task_thread.h"
#include "controller/fleet/collect.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/probe/address_owners.h"
#include "controller/probe/answers.h"
#include "controller/probe/judge.h"
#include "controller/probe/owner_search.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {
namespace {

// A resolver that asks three name servers twice, and then some.
constexpr absl::Duration kMostResolutionTime = absl::Minutes(1);
constexpr absl::Duration kMostPathMtuTime = absl::Minutes(1);  // of one address
constexpr uint32_t kTop = 100;                                 // groups of sockets of each kind
constexpr absl::string_view kLastingFields[] = {"advmss", "min_rtt", "pmtu", "rtt", "snd_mss"};

v1::ProbeRequest RequestOf(const ProbeTarget& target, const ProbeOptions& options) {
  v1::ProbeRequest request;
  request.set_host(target.host);
  request.set_port(target.port);
  request.set_count(options.count);
  request.set_timeout_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(options.connect_timeout)));
  request.set_interval_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(options.interval)));
  request.set_family(options.family);
  request.set_path_mtu(options.path_mtu);
  return request;
}

// The longest that an agent can need.
absl::Duration LongestProbe(const ProbeOptions& options) {
  return kMostResolutionTime + kMostProbeAddresses * kMostPathMtuTime +
         options.count * std::max(options.interval, kMostProbeAddresses * options.connect_timeout);
}

// Counters only, which cost an agent little.
v1::SnapshotKernelRequest CountersRequest() {
  v1::SnapshotKernelRequest request;
  request.add_parts(v1::SnapshotKernelRequest::PART_COUNTERS);
  request.add_parts(v1::SnapshotKernelRequest::PART_CONNTRACK);
  request.add_parts(v1::SnapshotKernelRequest::PART_INTERFACES);
  return request;
}

v1::SnapshotKernelRequest SocketsRequest(bool with_owners) {
  v1::SnapshotKernelRequest request = CountersRequest();
  request.add_parts(v1::SnapshotKernelRequest::PART_SOCKETS);
  request.set_top(kTop);
  request.set_owners(with_owners);
  return request;
}

bool IsTroubled(const v1::ProbePath& path) {
  return !path.failed().empty() || path.syn_retransmits() > 0;
}

// Only this host's own kernel has more to say about it.
bool IsWell(const v1::ProbePath& path) { return path.connected() > 0 && !IsTroubled(path); }

void KeepLastingFields(v1::ProbeResponse& response) {
  if (!response.has_try_() || response.try_().number() <= kTriesWithAllFields) return;
  google::protobuf::Map<std::string, uint64_t> kept;
  for (const absl::string_view name : kLastingFields) {
    const auto found = response.try_().fields().find(std::string(name));
    if (found != response.try_().fields().end()) kept[found->first] = found->second;
  }
  response.mutable_try_()->mutable_fields()->swap(kept);
}

struct ProbedMember {
  v1::HostEvidence evidence;
  absl::Status observed;  // not OK: why there is no evidence
  std::vector<v1::ProbePath> paths;
  std::optional<HostObservation> observation;

  void Understand() {
    if (evidence.snapshots().empty()) return;
    observation.emplace(evidence, NamespacesOf(evidence).front());
  }
};

class ProbeRun {
 public:
  ProbeRun(Fleet& fleet, const ProbeTarget& target, const ProbeOptions& options,
           std::stop_token stop, const OnProbePath& on_path)
      : fleet_(fleet),
        target_(target),
        options_(options),
        stop_(std::move(stop)),
        on_path_(on_path),
        members_(fleet.size()) {
    report_.set_target(target.text);
  }

  // Whoever does not answer here is not asked again.
  void LookBefore() {
    std::vector<absl::StatusOr<v1::KernelSnapshot>> snapshots =
        SnapshotKernels(fleet_, CountersRequest(), stop_);
    for (size_t i = 0; i < snapshots.size(); ++i) {
      const AgentTarget& target = fleet_.members()[i].target;
      members_[i].evidence.set_name(target.name);
      owners_.AddAgent(i, target);
      Observe(i, std::move(snapshots[i]));
      if (IsGone(i)) Fail(i, members_[i].observed, CallPhase::kFirstAnswer);
    }
  }

  void Try() {
    const v1::ProbeRequest request = RequestOf(target_, options_);
    const StartCall<v1::ProbeResponse> start = [&](FleetMember& member,
                                                   OnMessage<v1::ProbeResponse> on_message,
                                                   OnDone on_done) -> std::unique_ptr<StreamCall> {
      if (IsGone(IndexOf(member))) return nullptr;
      return member.client->Probe(
          request, LongestProbe(options_),
          [on_message = std::move(on_message)](v1::ProbeResponse response) {
            KeepLastingFields(response);
            on_message(std::move(response));
          },
          std::move(on_done));
    };
    const auto answers = TellMeanwhile(request, start);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i].asked && !IsGone(i)) TakeAnswer(i, request, answers[i]);
    }
  }

  // Of addresses that are in trouble and nobody's so far.
  void FindOwners() {
    std::set<std::string> ownerless;
    std::set<std::pair<size_t, std::string>> tried;
    for (size_t i = 0; i < members_.size(); ++i) {
      for (const v1::ProbePath& path : members_[i].paths) {
        tried.emplace(i, path.address());
        if (IsTroubled(path) && owners_.OwnersOf(path.address(), i, target_.host).empty()) {
          ownerless.insert(path.address());
        }
      }
    }
    SearchOwners(
        fleet_, ownerless, target_.port,
        [&](size_t member, const std::string& address) {
          return !IsGone(member) && !tried.contains({member, address});
        },
        stop_, owners_);
  }

  // Where something is wrong: the hosts that have the address, and those that tried it.
  void LookAfter() {
    std::set<size_t> targets;
    std::set<size_t> troubled;
    for (size_t i = 0; i < members_.size(); ++i) {
      for (const v1::ProbePath& path : members_[i].paths) {
        if (!IsTroubled(path)) continue;
        troubled.insert(i);
        targets.merge(owners_.OwnersOf(path.address(), i, target_.host));
      }
    }
    const StartCall<v1::SnapshotKernelResponse> start =
        [&](FleetMember& member, OnMessage<v1::SnapshotKernelResponse> on_message,
            OnDone on_done) -> std::unique_ptr<StreamCall> {
      const size_t i = IndexOf(member);
      const bool is_target = targets.contains(i);
      if (IsGone(i) || (!is_target && !troubled.contains(i))) return nullptr;
      return member.client->SnapshotKernel(SocketsRequest(/*with_owners=*/is_target),
                                           fleet_.timeout(), std::move(on_message),
                                           std::move(on_done));
    };
    auto collected = CollectFromAgents<v1::SnapshotKernelResponse>(fleet_, start, stop_);
    for (size_t i = 0; i < collected.size(); ++i) {
      if (collected[i].asked && !IsGone(i)) Observe(i, SnapshotOf(std::move(collected[i])));
    }
  }

  v1::ProbeReport Judge() && {
    for (ProbedMember& member : members_) member.Understand();
    CountThrough();
    for (size_t i = 0; i < members_.size(); ++i) {
      for (v1::ProbePath& path : members_[i].paths) {
        JudgeOne(i, path);
        if (on_path_ && !told_.contains({i, path.address()})) on_path_(path);
      }
    }
    for (ProbedMember& member : members_) {
      for (v1::ProbePath& path : member.paths) *report_.add_paths() = std::move(path);
    }
    return std::move(report_);
  }

 private:
  size_t IndexOf(const FleetMember& member) const {
    return static_cast<size_t>(&member - fleet_.members().data());
  }
  bool IsGone(size_t member) const {
    const absl::Status& status = members_[member].observed;
    return IsSilent(member) || absl::IsCancelled(status) || absl::IsUnauthenticated(status);
  }
  bool IsSilent(size_t member) const {
    const absl::Status& status = members_[member].observed;
    return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
  }

  void Fail(size_t member, const absl::Status& status, CallPhase phase) {
    *report_.add_failures() = DescribeFailure(fleet_.members()[member].target, status, phase);
  }

  static absl::StatusOr<v1::KernelSnapshot> SnapshotOf(
      Collected<v1::SnapshotKernelResponse> collected) {
    if (!collected.status.ok()) return collected.status;
    if (collected.messages.size() != 1) {
      return absl::DataLossError(absl::StrCat("sent ", collected.messages.size(), " snapshots"));
    }
    const absl::Status checked = CheckKernelSnapshot(collected.messages[0].snapshot());
    if (!checked.ok()) return checked;
    return std::move(*collected.messages[0].mutable_snapshot());
  }

  void Observe(size_t i, absl::StatusOr<v1::KernelSnapshot> snapshot) {
    ProbedMember& member = members_[i];
    member.observed = snapshot.status();
    if (!snapshot.ok()) {
      member.evidence.clear_snapshots();  // half of what happened proves nothing
      return;
    }
    owners_.AddSnapshot(i, *snapshot);
    *member.evidence.add_snapshots() = *std::move(snapshot);
  }

  // Meanwhile the teller alone uses what this object knows.
  std::vector<Collected<v1::ProbeResponse>> TellMeanwhile(
      const v1::ProbeRequest& request, const StartCall<v1::ProbeResponse>& start) {
    if (!on_path_) return CollectFromAgents<v1::ProbeResponse>(fleet_, start, stop_);
    base::TaskThread teller;
    return CollectFromAgents<v1::ProbeResponse>(
        fleet_, start, stop_, [&](size_t i, const Collected<v1::ProbeResponse>& answer) {
          if (!answer.status.ok()) return;
          const auto paths = PathsOf(fleet_.members()[i].target.name, request, answer.messages,
                                     /*is_whole=*/true);
          if (paths.ok()) teller.Post([this, i, told = *paths] { TellWellOnes(i, told); });
        });
  }

  void TellWellOnes(size_t i, std::vector<v1::ProbePath> paths) {
    members_[i].Understand();
    for (const v1::ProbePath& path : paths) owners_.AddPath(i, path);
    for (v1::ProbePath& path : paths) {
      if (!IsWell(path)) continue;
      JudgeOne(i, path);
      on_path_(path);
      told_.emplace(i, path.address());
    }
    members_[i].observation.reset();  // evidence changes when a host is looked at again
  }

  void TakeAnswer(size_t i, const v1::ProbeRequest& request,
                  const Collected<v1::ProbeResponse>& answer) {
    absl::StatusOr<std::vector<v1::ProbePath>> paths =
        PathsOf(fleet_.members()[i].target.name, request, answer.messages, answer.status.ok());
    if (!answer.status.ok() || !paths.ok()) {
      Fail(i, paths.ok() ? answer.status : paths.status(),
           answer.messages.empty() ? CallPhase::kFirstAnswer : CallPhase::kUnderWay);
    }
    if (!paths.ok()) return;
    members_[i].paths = *std::move(paths);
    for (const v1::ProbePath& path : members_[i].paths) owners_.AddPath(i, path);
  }

  void CountThrough() {
    for (const ProbedMember& member : members_) {
      for (const v1::ProbePath& path : member.paths) {
        if (path.connected() > 0) ++through_[path.address()];
      }
      if (!member.paths.empty() && !member.paths.front().address().empty()) ++resolved_;
    }
  }
  // Agents other than this path's.
  size_t OthersThrough(const v1::ProbePath& path) const {
    if (path.address().empty()) return resolved_;
    const auto found = through_.find(path.address());
    return found == through_.end() ? 0 : found->second - (path.connected() > 0 ? 1 : 0);
  }

  ProbedHost HostOf(size_t member, const std::string& address) const {
    ProbedHost host;
    const std::set<size_t> owners = owners_.OwnersOf(address, member, target_.host);
    for (const size_t one : owners) host.names.push_back(fleet_.members()[one].target.name);
    if (owners.size() != 1) return host;
    const size_t owner = *owners.begin();
    const ProbedMember& on = members_[owner];
    host.is_own = owner == member;
    host.is_silent = IsSilent(owner);
    if (on.observation) host.observed = &*on.observation;
    if (!on.observed.ok()) {
      host.unobserved = DescribeFailure(fleet_.members()[owner].target, on.observed).cause();
    }
    return host;
  }

  void JudgeOne(size_t i, v1::ProbePath& path) const {
    ProbeEvidence evidence{.path = path,
                           .port = target_.port,
                           .connect_timeout_ms = static_cast<uint32_t>(
                               absl::ToInt64Milliseconds(options_.connect_timeout)),
                           .target = HostOf(i, path.address())};
    if (members_[i].observation) evidence.own = &*members_[i].observation;
    evidence.others_connected = OthersThrough(path);
    for (const v1::ProbePath& sibling : members_[i].paths) {
      if (&sibling != &path && sibling.connected() > 0) ++evidence.siblings_connected;
    }
    ProbeVerdict verdict = JudgePath(evidence);
    if (evidence.target.names.size() == 1) path.set_target_host(evidence.target.names[0]);
    if (verdict.cause.empty()) return;
    path.set_cause(verdict.cause);
    path.set_confidence(verdict.is_certain ? "high" : "low");
    path.mutable_fixes()->Add(verdict.fixes.begin(), verdict.fixes.end());
  }

  Fleet& fleet_;
  const ProbeTarget& target_;
  const ProbeOptions& options_;
  const std::stop_token stop_;
  const OnProbePath& on_path_;
  std::vector<ProbedMember> members_;
  AddressOwners owners_;
  std::map<std::string, size_t> through_;          // agents that connected, by address
  size_t resolved_ = 0;                            // agents that got an address
  std::set<std::pair<size_t, std::string>> told_;  // member and address
  v1::ProbeReport report_;
};

}  // namespace

v1::ProbeReport Probe(Fleet& fleet, const ProbeTarget& target, const ProbeOptions& options,
                      const std::stop_token& stop, const OnProbePath& on_path) {
  ProbeRun run(fleet, target, options, stop, on_path);
  run.LookBefore();
  run.Try();
  run.FindOwners();
  run.LookAfter();
  return std::move(run).Judge();
}

}  // namespace tcpfleet::controller
