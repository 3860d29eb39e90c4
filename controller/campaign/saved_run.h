// Files of saved runs: v1::SavedRun as protobuf-JSON.
//
// Bounds: kMostSavedBytes to read; of a campaign, intervals with together kMostKeptResults
//         (session.h) results of agents.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostSavedBytes = size_t{256} << 20;

// Whether SaveRun will be able to write there, before a run is made for it. FailedPrecondition: its
// directory is not there, or the file is and is no saved run.
absl::Status CheckSavePath(const std::string& path);

// Those of the campaign's next run. When all runs together have too many, every run keeps every
// second one.
void AddRunIntervals(std::vector<v1::StressInterval> intervals, v1::SavedRun& campaign);

// The whole file or nothing of it.
absl::Status SaveRun(const v1::SavedRun& run, const std::string& path);

// Also what --output json printed. InvalidArgument: no saved run, or a damaged one.
absl::StatusOr<v1::SavedRun> ReadSavedRun(const std::string& path);

}  // namespace tcpfleet::controller
