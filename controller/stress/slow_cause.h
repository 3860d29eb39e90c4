#pragma once

#include <string>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Why an operation was slow as far as its connection's TCP_INFO tells, in a few words: "SYN
// retransmitted", "3 retransmits", "zero window at the peer", "RTT 40.1 ms", "waited 12.0 ms for
// its start", "no trouble in TCP". "-" when there is no TCP_INFO and nothing else to tell.
std::string SlowCause(const v1::SlowOperation& operation);

}  // namespace tcpfleet::controller
