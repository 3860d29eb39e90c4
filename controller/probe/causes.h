// The families of causes that JudgePath asks.
#pragma once

#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "controller/probe/judge.h"

namespace tcpfleet::controller {

ProbeVerdict JudgeUnresolved(const ProbeEvidence& evidence);
ProbeVerdict JudgeRefused(const ProbeEvidence& evidence);
ProbeVerdict JudgeTimeout(const ProbeEvidence& evidence);
// unreachable, localPort, localFd, policy, reset, and names of errnos.
ProbeVerdict JudgeOtherFailure(const ProbeEvidence& evidence, absl::string_view outcome);
// Of a path whose tries have all connected.
ProbeVerdict JudgeConnected(const ProbeEvidence& evidence);

// "10.0.0.5:8080"
std::string TargetText(const ProbeEvidence& evidence);
// The host that has the address: "web3", or "this host" where the agent is on it.
std::string TargetHostText(const ProbeEvidence& evidence);

// Why nothing is known of the target's host.
std::string WhyUnobserved(const ProbeEvidence& evidence);

// What the kernel of the target's host says of its listeners on the port.
struct ListenersOfPort {
  std::vector<const v1::Listener*> accepting;  // that take connections to the address
  std::vector<const v1::Listener*> other;      // on other addresses
  // Text of listeners on other ports, those of the nearest numbers first, kNearbyListeners at most.
  std::vector<std::string> nearby;
  bool is_complete = false;  // none is left out of the lists
};
inline constexpr size_t kNearbyListeners = 4;
// Nothing when the host was not observed or its sockets are not known.
std::optional<ListenersOfPort> ListenersFor(const ProbeEvidence& evidence);
// Connections wait for an accept() that does not come.
bool IsQueueFull(const v1::Listener& listener);

// By how much a counter of the host grew, 0 where that is not known.
uint64_t GrowthOf(const HostObservation* host, absl::string_view counter);

// Why the target's host loses SYNs, when it says so itself: queues of its listeners, connection
// tracking.
std::optional<ProbeVerdict> JudgeLossAtTarget(const ProbeEvidence& evidence);

}  // namespace tcpfleet::controller
