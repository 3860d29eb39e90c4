#include "controller/stress/slow_cause.h"

#include <absl/strings/str_cat.h>

#include "common/base/units.h"

namespace tcpfleet::controller {

std::string SlowCause(const v1::SlowOperation& operation) {
  const auto field = [&](const char* name) -> uint64_t {
    const auto found = operation.fields().find(name);
    return found == operation.fields().end() ? 0 : found->second;
  };
  const double service_us = operation.service_latency_us();
  const double waited_us = operation.response_latency_us() - service_us;
  if (waited_us > service_us) {
    return absl::StrCat("waited ", base::FormatMicroseconds(waited_us), " for its start");
  }
  if (operation.fields().empty()) return "-";
  if (field("probes") > 0) return "zero window at the peer";
  const uint64_t retransmits = field("total_retrans");
  // A SYN carries no bytes.
  if (retransmits > 0 && field("bytes_retrans") == 0) return "SYN retransmitted";
  if (retransmits > 0) {
    return absl::StrCat(retransmits, retransmits == 1 ? " retransmit" : " retransmits");
  }
  const auto is_most = [&](uint64_t us) { return static_cast<double>(us) * 2 >= service_us; };
  if (is_most(field("rwnd_limited"))) return "receive window of the peer";
  if (is_most(field("sndbuf_limited"))) return "own send buffer";
  if (const uint64_t rtt_us = field("rtt"); is_most(rtt_us)) {
    return absl::StrCat("RTT ", base::FormatMicroseconds(static_cast<double>(rtt_us)));
  }
  return "no trouble in TCP";
}

}  // namespace tcpfleet::controller
