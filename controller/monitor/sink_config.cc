#include "controller/monitor/sink_config.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cctype>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLongestTimeout = absl::Minutes(1);

absl::Status Wrong(const std::string& path, const YAML::Node& node, absl::string_view what) {
  return YamlError(path, node, what);
}

absl::StatusOr<std::string> Text(const std::string& path, const YAML::Node& mapping,
                                 const char* name) {
  const YAML::Node node = mapping[name];
  if (!node) return std::string();
  if (!node.IsScalar() || node.Scalar().empty()) {
    return Wrong(path, node, absl::StrCat("`", name, "` must be a text"));
  }
  return node.Scalar();
}

// A name of Prometheus: [a-zA-Z_][a-zA-Z0-9_]*
bool IsLabelName(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

// A token of RFC 9110, as far as anybody uses it.
bool IsHeaderName(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_';
  });
}

absl::Status ReadTexts(const std::string& path, const YAML::Node& mapping, const char* name,
                       bool (*is_name)(const std::string&),
                       std::map<std::string, std::string>& texts) {
  const YAML::Node node = mapping[name];
  if (!node) return absl::OkStatus();
  if (!node.IsMap()) return Wrong(path, node, absl::StrCat("`", name, "` must be a mapping"));
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !is_name(entry.first.Scalar())) {
      return Wrong(path, entry.first, absl::StrCat("no name for one of `", name, "`"));
    }
    const bool is_line = entry.second.IsScalar() &&
                         std::none_of(entry.second.Scalar().begin(), entry.second.Scalar().end(),
                                      [](unsigned char c) { return std::iscntrl(c) != 0; });
    if (!is_line) return Wrong(path, entry.second, "must be one line of text");
    if (!texts.emplace(entry.first.Scalar(), entry.second.Scalar()).second) {
      return Wrong(path, entry.first, absl::StrCat("'", entry.first.Scalar(), "' comes twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadTimeout(const std::string& path, const YAML::Node& mapping,
                         absl::Duration& timeout) {
  TF_RETURN_IF_ERROR(ReadDuration(path, mapping, "timeout", timeout));
  if (timeout > absl::ZeroDuration() && timeout <= kLongestTimeout) return absl::OkStatus();
  return Wrong(path, mapping["timeout"], "`timeout` must be more than 0 and at most 1m");
}

absl::StatusOr<JsonlSinkOptions> ReadJsonl(const std::string& path, const YAML::Node& node) {
  TF_RETURN_IF_ERROR(CheckKeys(path, node, {"path", "least_severity"}));
  JsonlSinkOptions options;
  TF_ASSIGN_OR_RETURN(options.path, Text(path, node, "path"));
  if (options.path.empty()) return Wrong(path, node, "a jsonl sink needs a `path`");
  return options;
}

absl::StatusOr<CommandSinkOptions> ReadCommand(const std::string& path, const YAML::Node& node) {
  TF_RETURN_IF_ERROR(CheckKeys(path, node, {"run", "timeout", "least_severity"}));
  CommandSinkOptions options;
  const YAML::Node run = node["run"];
  if (!run || !run.IsSequence() || run.size() == 0) {
    return Wrong(path, run ? run : node, "a command needs `run`: write [PROGRAM, ARGUMENT, ...]");
  }
  for (const YAML::Node& argument : run) {
    if (!argument.IsScalar() || argument.Scalar().find('\0') != std::string::npos) {
      return Wrong(path, argument, "an argument must be a text");
    }
    options.run.push_back(argument.Scalar());
  }
  TF_RETURN_IF_ERROR(ReadTimeout(path, node, options.timeout));
  return options;
}

absl::StatusOr<WebhookSinkOptions> ReadWebhook(const std::string& path, const YAML::Node& node) {
  TF_RETURN_IF_ERROR(CheckKeys(
      path, node, {"url", "labels", "headers", "ca_file", "timeout", "resend", "least_severity"}));
  WebhookSinkOptions options;
  TF_ASSIGN_OR_RETURN(const std::string url, Text(path, node, "url"));
  if (url.empty()) return Wrong(path, node, "a webhook needs a `url`");
  absl::StatusOr<HttpUrl> parsed = ParseHttpUrl(url);
  if (!parsed.ok()) return Wrong(path, node["url"], parsed.status().message());
  options.url = *std::move(parsed);
  TF_RETURN_IF_ERROR(ReadTexts(path, node, "labels", &IsLabelName, options.labels));
  TF_RETURN_IF_ERROR(ReadTexts(path, node, "headers", &IsHeaderName, options.headers));
  TF_ASSIGN_OR_RETURN(options.ca_file, Text(path, node, "ca_file"));
  TF_RETURN_IF_ERROR(ReadTimeout(path, node, options.timeout));
  TF_RETURN_IF_ERROR(ReadDuration(path, node, "resend", options.resend_interval));
  if (options.resend_interval < absl::Seconds(1) || options.resend_interval > absl::Hours(1)) {
    return Wrong(path, node["resend"], "`resend` must be between 1s and 1h");
  }
  return options;
}

}  // namespace

absl::StatusOr<SinkOptions> ReadSink(const std::string& path, const YAML::Node& node) {
  if (!node.IsMap() || node.size() != 1) {
    return Wrong(path, node, "a sink is one of jsonl, command and webhook with its settings");
  }
  TF_RETURN_IF_ERROR(CheckKeys(path, node, {"jsonl", "command", "webhook"}));
  const std::string& kind = node.begin()->first.Scalar();
  const YAML::Node settings = node.begin()->second;
  if (!settings.IsMap()) return Wrong(path, node, absl::StrCat("`", kind, "` must be a mapping"));
  SinkOptions options;
  if (kind == "jsonl") {
    TF_ASSIGN_OR_RETURN(options.kind, ReadJsonl(path, settings));
  } else if (kind == "command") {
    TF_ASSIGN_OR_RETURN(options.kind, ReadCommand(path, settings));
  } else {
    TF_ASSIGN_OR_RETURN(options.kind, ReadWebhook(path, settings));
  }
  TF_ASSIGN_OR_RETURN(const std::string least, Text(path, settings, "least_severity"));
  if (least.empty()) return options;
  const std::optional<AlertLevel> level = ParseAlertLevel(least);
  if (!level) {
    return Wrong(path, settings["least_severity"],
                 "`least_severity` must be one of info, warn and crit");
  }
  options.least = *level;
  return options;
}

absl::Status ReadDuration(const std::string& path, const YAML::Node& mapping, const char* name,
                          absl::Duration& duration) {
  const YAML::Node node = mapping[name];
  if (!node) return absl::OkStatus();
  const absl::StatusOr<absl::Duration> parsed =
      node.IsScalar()
          ? base::ParseDuration(node.Scalar())
          : absl::InvalidArgumentError(absl::StrCat("`", name, "` must be a duration such as 30s"));
  if (!parsed.ok()) return Wrong(path, node, parsed.status().message());
  duration = *parsed;
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
