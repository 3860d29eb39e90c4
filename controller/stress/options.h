// What `tcpfleet stress` was asked to do, checked.
//
// Errors: InvalidArgument, one line that names the option, the value and what would be right; for a
//         line of a --pairs file FILE:LINE.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controller/stress/arguments.h"
#include "controller/stress/pairs.h"
#include "controller/stress/threshold.h"
#include "tcpfleet/v1/stress.pb.h"

namespace tcpfleet::controller {

// One agent of --serve: its name or address, and where clients reach it when that is not the host
// part of its address.
struct ServeChoice {
  std::string agent;
  std::string data_address;
};

// Exactly one of spec.targets, serve, mesh and pairs says who loads whom.
struct StressOptions {
  // Fleet totals, before they are split.
  v1::StressSpec spec;
  std::vector<ServeChoice> serve;
  bool mesh = false;
  std::vector<PairChoice> pairs;
  std::vector<Threshold> thresholds;
  bool abort_on_fail = false;
  bool force = false;
};

inline constexpr uint32_t kSampleAllConnections = 4294967295;

absl::StatusOr<StressOptions> ParseStressOptions(const StressArguments& arguments);

// "crr"
absl::string_view WorkloadName(v1::StressSpec::Workload workload);

// crr and rr: operations that end with a response.
bool HasResponses(const v1::StressSpec& spec);

// rr, hold and stream.
bool KeepsConnections(const v1::StressSpec& spec);

}  // namespace tcpfleet::controller
