#include "controller/monitor/state_file.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/cli/json.h"

namespace tcpfleet::controller {

absl::Status WriteStateFile(const std::string& path, const v1::MonitorState& state) {
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(state, &json);
  if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
  return sys::ReplaceFile(path, json + "\n");
}

absl::StatusOr<v1::MonitorState> ReadStateFile(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string json, sys::ReadFile(path, kMostStateBytes));
  v1::MonitorState state;
  const absl::Status parsed = ParseJson(json, state);
  if (parsed.ok()) return state;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": no state of a monitor: ", parsed.message()));
}

}  // namespace tcpfleet::controller
