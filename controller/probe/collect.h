// Probes one target from every agent of a fleet.
//
// Errors: none; an agent that did not do its part is among the report's failures.
// Bounds: kMostCollectedBytes per agent. Of tries after the first kTriesWithAllFields of an address
//         only the fields that the report's text and the judge use are kept.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <stop_token>

#include "controller/fleet/fleet.h"
#include "controller/probe/target.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

inline constexpr uint32_t kTriesWithAllFields = 20;

struct ProbeOptions {
  uint32_t count = 5;  // tries of each address
  absl::Duration interval = absl::Milliseconds(200);
  absl::Duration connect_timeout = absl::Seconds(3);
  v1::ProbeRequest::Family family = v1::ProbeRequest::FAMILY_UNSPECIFIED;
  bool path_mtu = true;
};

// Called with every path of the report, one at a time, on any thread: as soon as its agent has
// ended where all tries have connected, at the end where other hosts are needed to explain it.
using OnProbePath = std::function<void(const v1::ProbePath& path)>;

// When `stop` is requested the calls under way are cancelled, and what is known by then is
// reported.
v1::ProbeReport Probe(Fleet& fleet, const ProbeTarget& target, const ProbeOptions& options,
                      const std::stop_token& stop, const OnProbePath& on_path = {});

}  // namespace tcpfleet::controller
