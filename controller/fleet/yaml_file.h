// YAML input with errors a person can act on: "FILE:LINE: what, what would be right".
//
// yaml-cpp throws; nothing is thrown out of here. JSON is read too, being YAML.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>
#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>

namespace tcpfleet::controller {

// Parses `content` and hands the document to `read`; an exception of yaml-cpp in there becomes
// InvalidArgument with `path`.
absl::Status ReadYaml(const std::string& path, absl::string_view content,
                      const std::function<absl::Status(const YAML::Node& document)>& read);

// InvalidArgument "PATH:LINE: WHAT".
absl::Status YamlError(const std::string& path, const YAML::Node& node, absl::string_view what);

// Refuses mapping keys that are not in `known`, with a suggestion, and keys that come twice.
absl::Status CheckKeys(const std::string& path, const YAML::Node& mapping,
                       absl::Span<const std::string> known);

}  // namespace tcpfleet::controller
