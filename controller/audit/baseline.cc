#include "controller/audit/baseline.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sysctl/key.h"
#include "controller/cli/json.h"

namespace tcpfleet::controller {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<SavedHost>> FromReport(const v1::SysctlReport& report) {
  std::map<std::string, std::map<std::string, v1::Sysctl>> by_agent;
  for (const v1::SysctlKeyReport& entry : report.keys()) {
    TF_ASSIGN_OR_RETURN(const std::string key, sysctl::ParseKey(entry.key()));
    for (const v1::SysctlGroup& group : entry.groups()) {
      if (group.absent()) continue;
      v1::Sysctl sysctl;
      sysctl.set_key(key);
      if (group.has_value()) sysctl.set_value(group.value());
      sysctl.set_unreadable(group.unreadable());
      for (const std::string& agent : group.agents()) by_agent[agent][key] = sysctl;
    }
  }
  std::vector<SavedHost> hosts;
  for (auto& [agent, sysctls] : by_agent) {
    SavedHost& host = hosts.emplace_back();
    host.agent = agent;
    for (auto& [key, sysctl] : sysctls) {
      host.reading.sysctls.Add(std::make_shared<const v1::Sysctl>(std::move(sysctl)));
    }
  }
  return hosts;
}

absl::StatusOr<Baseline> Parse(const std::string& json) {
  Baseline baseline{.path = "", .time = absl::InfinitePast(), .patterns = {}, .hosts = {}};
  v1::DriftBaseline saved;
  const absl::Status parsed = ParseJson(json, saved);
  if (parsed.ok() && saved.hosts_size() > 0) {
    TF_ASSIGN_OR_RETURN(baseline.hosts, UnpackReadings(saved));
    baseline.time = absl::FromUnixSeconds(saved.time().seconds());
    baseline.patterns = {saved.patterns().begin(), saved.patterns().end()};
    return baseline;
  }
  v1::SysctlReport report;
  if (ParseJson(json, report).ok() && report.keys_size() > 0) {
    TF_ASSIGN_OR_RETURN(baseline.hosts, FromReport(report));
    return baseline;
  }
  return absl::InvalidArgumentError(
      parsed.ok() ? "has no hosts: give a file that 'tcpfleet drift --save' wrote, or what "
                    "'tcpfleet sysctl get --output json' printed"
                  : absl::StrCat("is no saved reading, or a damaged one: ", parsed.message()));
}

}  // namespace

absl::StatusOr<Baseline> ReadBaseline(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string json, sys::ReadFile(path, kMostBaselineBytes));
  absl::StatusOr<Baseline> baseline = Parse(json);
  if (!baseline.ok()) return base::WithContext(path, baseline.status());
  baseline->path = path;
  return baseline;
}

absl::Status CheckBaselinePath(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return absl::FailedPreconditionError(absl::StrCat("--save: ", path, " is a directory"));
  }
  if (fs::is_regular_file(path, error) && fs::file_size(path, error) > 0 &&
      !ReadBaseline(path).ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--save: ", path, " is there and is no saved reading: it will not be overwritten"));
  }
  const fs::path directory = fs::path(path).parent_path();
  if (directory.empty() || fs::is_directory(directory, error)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--save: ", directory.string(), " is no directory"));
}

absl::Status SaveBaseline(const std::string& path, absl::Time now,
                          absl::Span<const std::string> patterns,
                          absl::Span<const AuditedHost> hosts) {
  std::vector<SavedHost> saved;
  for (const AuditedHost& host : hosts) saved.push_back({host.name, "", *host.reading});
  v1::DriftBaseline baseline = PackReadings(saved);
  baseline.mutable_time()->set_seconds(absl::ToUnixSeconds(now));
  *baseline.mutable_patterns() = {patterns.begin(), patterns.end()};
  std::string json;
  const auto converted = google::protobuf::util::MessageToJsonString(baseline, &json);
  if (!converted.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(converted.message())));
  }
  return sys::ReplaceFile(path, json + "\n");
}

}  // namespace tcpfleet::controller
