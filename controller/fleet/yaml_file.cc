#include "controller/fleet/yaml_file.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <set>

#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

std::string Place(const std::string& path, const YAML::Mark& mark) {
  return mark.is_null() ? path : absl::StrCat(path, ":", mark.line + 1);
}

}  // namespace

absl::Status ReadYaml(const std::string& path, absl::string_view content,
                      const std::function<absl::Status(const YAML::Node& document)>& read) {
  try {
    return read(YAML::Load(std::string(content)));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(Place(path, error.mark), ": ", error.msg));
  }
}

absl::Status YamlError(const std::string& path, const YAML::Node& node, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(Place(path, node.Mark()), ": ", what));
}

absl::Status CheckKeys(const std::string& path, const YAML::Node& mapping,
                       absl::Span<const std::string> known) {
  std::set<std::string> seen;
  for (const auto& entry : mapping) {
    if (!entry.first.IsScalar()) return YamlError(path, entry.first, "a key must be a word");
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const std::string suggestion = base::DidYouMean(key, known);
      return YamlError(
          path, entry.first,
          absl::StrCat("unknown key '", key, "'",
                       suggestion.empty() ? absl::StrCat(", known are ", absl::StrJoin(known, ", "))
                                          : suggestion));
    }
    if (!seen.insert(key).second) {
      return YamlError(path, entry.first, absl::StrCat("key '", key, "' comes twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
