#include "tests/bench/json_object.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

namespace tcpfleet::bench {

absl::StatusOr<double> NumberIn(const std::string& json, const std::string& key) {
  google::protobuf::Struct object;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &object);
  const auto found = object.fields().find(key);
  if (!parsed.ok() || found == object.fields().end() || !found->second.has_number_value()) {
    return absl::DataLossError(absl::StrCat("no number '", key, "' in '", json, "'"));
  }
  return found->second.number_value();
}

}  // namespace tcpfleet::bench
