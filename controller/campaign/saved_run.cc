#include "controller/campaign/saved_run.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/cli/json.h"
#include "controller/stress/session.h"

namespace tcpfleet::controller {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<v1::SavedRun> ParseSavedRun(const std::string& json) {
  v1::SavedRun saved;
  const absl::Status parsed = ParseJson(json, saved);
  if (parsed.ok() && (!saved.report().verdict().empty() || saved.has_campaign())) return saved;
  v1::StressReport report;
  if (ParseJson(json, report).ok() && !report.verdict().empty()) {
    // A campaign's report has a verdict too.
    v1::CampaignReport campaign;
    saved.Clear();
    if (ParseJson(json, campaign).ok() && !campaign.kind().empty()) {
      *saved.mutable_campaign() = std::move(campaign);
    } else {
      *saved.mutable_report() = std::move(report);
    }
    return saved;
  }
  return absl::InvalidArgumentError(
      parsed.ok() ? "is no saved run: give a file that 'tcpfleet stress --save' wrote"
                  : absl::StrCat("is no saved run, or a damaged one: ", parsed.message()));
}

size_t ResultsIn(const v1::SavedRun& campaign) {
  size_t results = 0;
  for (const v1::RunIntervals& run : campaign.run_intervals()) {
    for (const v1::StressInterval& interval : run.intervals()) {
      results += static_cast<size_t>(interval.agents_size());
    }
  }
  return results;
}

void KeepEverySecond(v1::RunIntervals& run) {
  v1::RunIntervals thinned;
  for (int i = 1; i < run.intervals_size(); i += 2) {
    *thinned.add_intervals() = std::move(*run.mutable_intervals(i));
  }
  run = std::move(thinned);
}

}  // namespace

void AddRunIntervals(std::vector<v1::StressInterval> intervals, v1::SavedRun& campaign) {
  v1::RunIntervals& added = *campaign.add_run_intervals();
  for (v1::StressInterval& interval : intervals) *added.add_intervals() = std::move(interval);
  while (ResultsIn(campaign) > kMostKeptResults) {
    for (v1::RunIntervals& run : *campaign.mutable_run_intervals()) KeepEverySecond(run);
  }
}

absl::Status CheckSavePath(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return absl::FailedPreconditionError(absl::StrCat("--save: ", path, " is a directory"));
  }
  if (fs::is_regular_file(path, error) && fs::file_size(path, error) > 0) {
    if (ReadSavedRun(path).ok()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(
        "--save: ", path, " is there and is no saved run: it will not be overwritten"));
  }
  const fs::path directory = fs::path(path).parent_path();
  if (directory.empty() || fs::is_directory(directory, error)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--save: ", directory.string(), " is no directory"));
}

absl::Status SaveRun(const v1::SavedRun& run, const std::string& path) {
  std::string json;
  const auto converted = google::protobuf::util::MessageToJsonString(run, &json);
  if (!converted.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(converted.message())));
  }
  return sys::ReplaceFile(path, json + "\n");
}

absl::StatusOr<v1::SavedRun> ReadSavedRun(const std::string& path) {
  const absl::StatusOr<std::string> json = sys::ReadFile(path, kMostSavedBytes);
  if (absl::IsNotFound(json.status())) return absl::InvalidArgumentError(json.status().message());
  TF_RETURN_IF_ERROR(json.status());
  absl::StatusOr<v1::SavedRun> saved = ParseSavedRun(*json);
  if (!saved.ok()) return base::WithContext(path, saved.status());
  return saved;
}

}  // namespace tcpfleet::controller
