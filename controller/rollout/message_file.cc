#include "controller/rollout/message_file.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::controller {

absl::Status SaveMessage(const google::protobuf::Message& message, const std::string& path) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  const auto converted = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!converted.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", std::string(converted.message())));
  }
  return sys::ReplaceFile(path, json);
}

absl::Status ReadMessage(const std::string& path, google::protobuf::Message& message) {
  TF_ASSIGN_OR_RETURN(const std::string json, sys::ReadFile(path, kMostMessageFileBytes));
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message);
  if (parsed.ok()) return absl::OkStatus();
  const std::string what(parsed.message());
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": is damaged, or of another kind: ", what.substr(0, what.find('\n'))));
}

}  // namespace tcpfleet::controller
