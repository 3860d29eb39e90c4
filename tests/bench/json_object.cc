#include "tests/bench/json_object.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

namespace tcpfleet::bench {

absl::StatusOr<double> NumberIn(const std::string& json, const std::string& path) {
  google::protobuf::Value value;
  if (google::protobuf::util::JsonStringToMessage(json, &value).ok()) {
    const google::protobuf::Value* at = &value;
    for (const absl::string_view key : absl::StrSplit(path, '.')) {
      const auto& fields = at->struct_value().fields();
      const auto found = fields.find(std::string(key));
      at = found == fields.end() ? nullptr : &found->second;
      if (at == nullptr) break;
    }
    if (at != nullptr && at->has_number_value()) return at->number_value();
  }
  return absl::DataLossError(absl::StrCat("no number '", path, "' in '", json, "'"));
}

}  // namespace tcpfleet::bench
