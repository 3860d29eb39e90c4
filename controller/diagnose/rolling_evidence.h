// Evidence of the last while from the agents of a fleet, to be judged again and again.
//
// Owns:    the fleet.
// Threads: the calling thread; gRPC's own inside the calls.
// Bounds:  those of CollectEvidence; samples older than the window go. What a host said before it
//          rebooted goes, too.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "common/base/clock.h"
#include "controller/diagnose/peer_lookups.h"
#include "controller/diagnose/rules.h"
#include "controller/fleet/fleet.h"
#include "tcpfleet/v1/diagnosis.pb.h"
#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::controller {

class RollingEvidence {
 public:
  struct Options {
    absl::Duration interval = absl::Seconds(10);  // between two samples
    absl::Duration window = absl::Seconds(40);
    // Of every network namespace the agents can enter, not only of their own.
    bool all_namespaces = false;
  };

  RollingEvidence(std::unique_ptr<Fleet> fleet, const RuleSelection& selection,
                  const Options& options, base::Clock& clock);

  // One sample of every agent, also of those that failed before. An agent that fails now is in
  // `failures` and not among the hosts. Valid until the next call. Worth nothing once `stop` is
  // requested.
  const v1::EvidenceBundle& Sample(const std::stop_token& stop);

 private:
  void TakeBack();
  // Those that have not said who they are since they last failed are asked.
  void Greet(const std::stop_token& stop);
  void SampleKernels(const std::stop_token& stop);
  void ReadSysctls(const std::stop_token& stop);
  void LookUpPeers(const std::stop_token& stop);
  void Look(const std::stop_token& stop);

  void Fail(size_t member, const AgentTarget& target, const absl::Status& status);
  void SetAnswering(std::vector<FleetMember> members);
  template <class Samples>
  void DropOld(Samples& samples) const;

  const std::unique_ptr<Fleet> fleet_;
  const int most_connections_;
  const v1::SnapshotKernelRequest kernel_;
  const v1::ReadSysctlsRequest sysctls_;
  const bool looks_up_peers_;
  const int64_t window_ns_;
  base::Clock& clock_;

  std::vector<v1::HostEvidence> evidence_;  // of every member
  Fleet answering_;                         // in this round
  std::vector<size_t> of_member_;           // of answering_: index of the member
  std::optional<PeerLookups> lookups_;
  int64_t lookups_begun_ns_ = 0;
  v1::EvidenceBundle bundle_;
};

}  // namespace tcpfleet::controller
