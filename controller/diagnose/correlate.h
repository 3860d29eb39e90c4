// What findings of several hosts say together.
#pragma once

#include <vector>

#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

inline constexpr int kLeastHostsOfASubnet = 3;

// Findings are of one host each. A client whose connects get no answer learns when the listener it
// asks is on a host of the bundle and drops SYNs. A symptom that several hosts show only towards
// one subnet becomes a finding of its own, before those it is made of.
void Correlate(const v1::EvidenceBundle& bundle, std::vector<v1::Finding>& findings);

}  // namespace tcpfleet::controller
