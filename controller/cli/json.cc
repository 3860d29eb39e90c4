#include "controller/cli/json.h"

#include <google/protobuf/util/json_util.h>

namespace tcpfleet::controller {

absl::Status ParseJson(const std::string& json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &message, options);
  if (parsed.ok()) return absl::OkStatus();
  const std::string what(parsed.message());
  return absl::InvalidArgumentError(what.substr(0, what.find('\n')));
}

}  // namespace tcpfleet::controller
