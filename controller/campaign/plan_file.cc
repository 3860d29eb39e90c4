#include "controller/campaign/plan_file.h"

#include <absl/strings/str_cat.h>

#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kMostPlanBytes = size_t{1} << 20;

absl::Status ReadOption(const std::string& path, const YAML::Node& key, const YAML::Node& node,
                        GivenOptions& options) {
  const std::string& name = key.Scalar();
  const std::string kind = IsFlag(name) ? "true or false" : "a word or number";
  std::vector<std::string> values;
  if (node.IsSequence() && IsRepeatable(name)) {
    for (const YAML::Node& element : node) {
      if (!element.IsScalar()) {
        return YamlError(path, element, absl::StrCat(name, ": an element must be a word"));
      }
      values.push_back(element.Scalar());
    }
    if (values.empty()) return YamlError(path, node, absl::StrCat(name, ": the list is empty"));
  } else if (node.IsScalar()) {
    values.push_back(node.Scalar());
  } else {
    return YamlError(  // a value that is missing has no place of its own
        path, node.IsNull() ? key : node,
        absl::StrCat(name, ": must be ", kind, IsRepeatable(name) ? ", or a list of them" : ""));
  }
  const absl::Status set = options.Set(name, std::move(values));
  return set.ok() ? set : YamlError(path, node, set.message());
}

}  // namespace

absl::StatusOr<GivenOptions> ParsePlan(const std::string& path, absl::string_view content) {
  GivenOptions options;
  const auto read = [&](const YAML::Node& document) -> absl::Status {
    if (!document.IsMap()) {
      return YamlError(path, document,
                       "a plan is a mapping of options, for example 'workload: crr'");
    }
    TF_RETURN_IF_ERROR(CheckKeys(path, document, OptionNames()));
    for (const auto& entry : document) {
      TF_RETURN_IF_ERROR(ReadOption(path, entry.first, entry.second, options));
    }
    return absl::OkStatus();
  };
  TF_RETURN_IF_ERROR(ReadYaml(path, content, read));
  return options;
}

absl::StatusOr<GivenOptions> ReadPlan(const std::string& path) {
  const absl::StatusOr<std::string> content = sys::ReadFile(path, kMostPlanBytes);
  if (absl::IsNotFound(content.status())) {
    return absl::InvalidArgumentError(content.status().message());
  }
  TF_RETURN_IF_ERROR(content.status());
  return ParsePlan(path, *content);
}

}  // namespace tcpfleet::controller
