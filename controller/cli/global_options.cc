#include "controller/cli/global_options.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/sys/file.h"
#include "controller/cli/option_types.h"
#include "controller/fleet/fleet.h"
#include "controller/fleet/yaml_file.h"

namespace tcpfleet::controller {
namespace {

template <class T>
struct Choice {
  absl::string_view name;
  T value;
};

template <class T, size_t kCount>
absl::Status SetChoice(const Choice<T> (&choices)[kCount], absl::string_view text, T& value) {
  std::vector<std::string> names;
  for (const Choice<T>& choice : choices) {
    names.emplace_back(choice.name);
    if (choice.name == text) {
      value = choice.value;
      return absl::OkStatus();
    }
  }
  std::string message = absl::StrCat("'", text, "' is none of ");
  for (size_t i = 0; i < kCount; ++i) absl::StrAppend(&message, i == 0 ? "" : ", ", names[i]);
  return absl::InvalidArgumentError(absl::StrCat(message, base::DidYouMean(text, names)));
}

absl::Status SetText(absl::string_view text, std::string& value) {
  if (text.empty()) return absl::InvalidArgumentError("the value is empty");
  value = std::string(text);
  return absl::OkStatus();
}

absl::Status SetSwitch(absl::string_view text, bool& value) {
  constexpr Choice<bool> kChoices[] = {{"true", true}, {"false", false}};
  return SetChoice(kChoices, text, value);
}

absl::Status SetOutput(GlobalOptions& options, absl::string_view text) {
  constexpr Choice<OutputFormat> kChoices[] = {{"table", OutputFormat::kTable},
                                               {"json", OutputFormat::kJson},
                                               {"jsonl", OutputFormat::kJsonl},
                                               {"csv", OutputFormat::kCsv}};
  return SetChoice(kChoices, text, options.output);
}

absl::Status SetColor(GlobalOptions& options, absl::string_view text) {
  constexpr Choice<ColorMode> kChoices[] = {
      {"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}};
  return SetChoice(kChoices, text, options.color);
}

absl::Status SetTimeout(GlobalOptions& options, absl::string_view text) {
  TF_ASSIGN_OR_RETURN(options.timeout,
                      ParseDurationWithin(text, absl::Milliseconds(100), absl::Minutes(10)));
  return absl::OkStatus();
}

absl::Status SetParallel(GlobalOptions& options, absl::string_view text) {
  TF_ASSIGN_OR_RETURN(const uint64_t parallel, ParseCountWithin(text, 1, kMostAgents));
  options.parallel = static_cast<int>(parallel);
  return absl::OkStatus();
}

constexpr GlobalSetting kSettings[] = {
    {"agents", "HOSTS", "agents to call: HOST[:PORT],... with ranges web[01-20], or unix:/path",
     true,
     [](GlobalOptions& options, absl::string_view text) { return SetText(text, options.agents); }},
    {"inventory", "FILE", "file of hosts, labels and groups (YAML), or Prometheus file_sd", true,
     [](GlobalOptions& options, absl::string_view text) {
       return SetText(text, options.inventory);
     }},
    {"local", "", "a private agent on this host; the default when no agents are named", true,
     [](GlobalOptions& options, absl::string_view text) { return SetSwitch(text, options.local); }},
    {"select", "LABEL=VALUE,...", "only hosts that match: role=web,dc!=fra,name=db*,group=edge",
     false,
     [](GlobalOptions& options, absl::string_view text) { return SetText(text, options.select); }},
    {"output", "FORMAT", "table, json, jsonl or csv (default table)", false, &SetOutput},
    {"timeout", "TIME", "longest wait for an agent's answer (default 5s)", false, &SetTimeout},
    {"parallel", "N", "agents called at the same time (default 128)", false, &SetParallel},
    {"tls-ca", "FILE", "authority that signed the agents' certificates (PEM)", false,
     [](GlobalOptions& options, absl::string_view text) { return SetText(text, options.tls.ca); }},
    {"tls-cert", "FILE", "certificate of this controller (PEM)", false,
     [](GlobalOptions& options, absl::string_view text) {
       return SetText(text, options.tls.cert);
     }},
    {"tls-key", "FILE", "its private key (PEM)", false,
     [](GlobalOptions& options, absl::string_view text) { return SetText(text, options.tls.key); }},
    {"color", "WHEN", "auto, always or never (default auto)", false, &SetColor},
    {"verbose", "", "say on stderr what is done", false,
     [](GlobalOptions& options, absl::string_view text) {
       return SetSwitch(text, options.verbose);
     }},
};

std::string VariableName(const GlobalSetting& setting) {
  return absl::StrCat("TCPFLEET_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(setting.name, {{"-", "_"}})));
}

std::string ConfigPath(const Environment& environment) {
  const std::string config = environment("XDG_CONFIG_HOME").value_or("");
  if (absl::StartsWith(config, "/")) return config + "/tcpfleet/config.yaml";
  const std::string home = environment("HOME").value_or("");
  return home.empty() ? "" : home + "/.config/tcpfleet/config.yaml";
}

}  // namespace

absl::Span<const GlobalSetting> GlobalSettings() { return kSettings; }

absl::Status ApplySettings(absl::Span<const GivenSetting> given, GlobalOptions& options) {
  std::string chooser;
  for (const GivenSetting& one : given) {
    if (!one.setting->chooses_fleet || one.value == "false") continue;
    if (!chooser.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(chooser, " and ", one.place, " exclude each other: name the agents once"));
    }
    chooser = one.place;
    options.agents.clear();
    options.inventory.clear();
    options.local = false;
    options.select.clear();
  }
  for (const GivenSetting& one : given) {
    const absl::Status set = one.setting->set(options, absl::StripAsciiWhitespace(one.value));
    if (!set.ok()) return absl::InvalidArgumentError(absl::StrCat(one.place, ": ", set.message()));
  }
  return absl::OkStatus();
}

absl::Status ApplyConfigFile(const std::string& path, absl::string_view content,
                             GlobalOptions& options) {
  return ReadYaml(path, content, [&](const YAML::Node& document) -> absl::Status {
    if (document.IsNull()) return absl::OkStatus();
    if (!document.IsMap()) return YamlError(path, document, "write one 'name: value' per line");
    std::vector<std::string> names;
    for (const GlobalSetting& setting : kSettings) names.emplace_back(setting.name);
    TF_RETURN_IF_ERROR(CheckKeys(path, document, names));
    std::vector<GivenSetting> given;
    for (const GlobalSetting& setting : kSettings) {
      const YAML::Node value = document[std::string(setting.name)];
      if (!value) continue;
      if (!value.IsScalar()) {
        return YamlError(path, value, absl::StrCat("'", setting.name, "' must be one value"));
      }
      given.push_back({&setting, value.Scalar(),
                       absl::StrCat(path, ":", value.Mark().line + 1, ": ", setting.name)});
    }
    return ApplySettings(given, options);
  });
}

absl::StatusOr<GlobalOptions> LoadDefaults(const Environment& environment) {
  GlobalOptions options;
  const std::string path = ConfigPath(environment);
  std::error_code ignored;
  if (!path.empty() && std::filesystem::exists(path, ignored)) {
    const absl::StatusOr<std::string> content = sys::ReadFile(path);
    if (!content.ok()) return absl::InvalidArgumentError(content.status().message());
    TF_RETURN_IF_ERROR(ApplyConfigFile(path, *content, options));
  }
  std::vector<GivenSetting> given;
  for (const GlobalSetting& setting : kSettings) {
    const std::string name = VariableName(setting);
    if (const std::optional<std::string> value = environment(name); value && !value->empty()) {
      given.push_back({&setting, *value, name});
    }
  }
  TF_RETURN_IF_ERROR(ApplySettings(given, options));
  return options;
}

}  // namespace tcpfleet::controller
