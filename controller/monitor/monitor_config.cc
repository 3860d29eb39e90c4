#include "controller/monitor/monitor_config.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "controller/fleet/yaml_file.h"
#include "controller/monitor/sink_config.h"

namespace tcpfleet::controller {
namespace {

constexpr double kDefaultClearShare = 0.9;
constexpr absl::Duration kShortestInterval = absl::Seconds(1);
constexpr absl::Duration kLongestInterval = absl::Hours(24);

class ConfigReader {
 public:
  ConfigReader(const std::string& path, const KnownRules& known_rules)
      : path_(path), known_rules_(known_rules) {
    for (const auto& [rule, parameters] : known_rules_) rule_names_.push_back(rule);
    for (const SeriesDefinition& series : SeriesDefinitions()) {
      series_names_.emplace_back(series.name);
    }
  }

  absl::StatusOr<MonitorConfig> Read(const YAML::Node& document) {
    if (document.IsNull()) return config_;
    if (!document.IsMap()) return Wrong(document, "a configuration is a mapping");
    TF_RETURN_IF_ERROR(
        CheckKeys(path_, document,
                  {"interval", "for", "clear_for", "notify_interval", "repeat_interval", "series",
                   "rules", "clear", "timing", "sinks"}));
    TF_RETURN_IF_ERROR(ReadIntervals(document));
    TF_RETURN_IF_ERROR(ReadTiming(document, config_.timing));
    TF_RETURN_IF_ERROR(ReadSeries(document["series"]));
    TF_RETURN_IF_ERROR(ReadRules(document["rules"], true, config_.rules));
    TF_RETURN_IF_ERROR(ReadRules(document["clear"], false, config_.clear));
    TF_RETURN_IF_ERROR(ReadTimings(document["timing"]));
    TF_RETURN_IF_ERROR(ReadSinks(document["sinks"]));
    return std::move(config_);
  }

 private:
  absl::Status Wrong(const YAML::Node& node, absl::string_view what) const {
    return YamlError(path_, node, what);
  }

  absl::Status ReadIntervals(const YAML::Node& document) {
    TF_RETURN_IF_ERROR(ReadDuration(path_, document, "interval", config_.interval));
    if (config_.interval < kShortestInterval || config_.interval > kLongestInterval) {
      return Wrong(document["interval"], "`interval` must be between 1s and 24h");
    }
    TF_RETURN_IF_ERROR(ReadDuration(path_, document, "notify_interval", config_.notify_interval));
    const YAML::Node repeat = document["repeat_interval"];
    if (repeat && repeat.IsScalar() && repeat.Scalar() == "never") {
      config_.repeat_interval = absl::InfiniteDuration();
    } else {
      TF_RETURN_IF_ERROR(ReadDuration(path_, document, "repeat_interval", config_.repeat_interval));
    }
    if (config_.repeat_interval < std::max(config_.notify_interval, kShortestInterval)) {
      return Wrong(repeat ? repeat : document,
                   "`repeat_interval` must not be shorter than `notify_interval`");
    }
    return absl::OkStatus();
  }

  absl::Status ReadTiming(const YAML::Node& node, AlertTiming& timing) const {
    TF_RETURN_IF_ERROR(ReadDuration(path_, node, "for", timing.hold));
    return ReadDuration(path_, node, "clear_for", timing.clear);
  }

  absl::Status ReadTimings(const YAML::Node& node) {
    if (!node) return absl::OkStatus();
    if (!node.IsMap()) return Wrong(node, "`timing` must be a mapping of rules");
    TF_RETURN_IF_ERROR(CheckKeys(path_, node, rule_names_));
    for (const auto& entry : node) {
      if (!entry.second.IsMap()) return Wrong(entry.second, "write {for: 30s, clear_for: 2m}");
      TF_RETURN_IF_ERROR(CheckKeys(path_, entry.second, {"for", "clear_for"}));
      AlertTiming timing = config_.timing;
      TF_RETURN_IF_ERROR(ReadTiming(entry.second, timing));
      config_.timings[entry.first.Scalar()] = timing;
    }
    return absl::OkStatus();
  }

  absl::Status ReadSeries(const YAML::Node& node) {
    if (!node) return absl::OkStatus();
    if (!node.IsMap()) return Wrong(node, "`series` must be a mapping of series to thresholds");
    TF_RETURN_IF_ERROR(CheckKeys(path_, node, series_names_));
    for (const auto& entry : node) {
      const YAML::Node& thresholds = entry.second;
      if (!thresholds.IsMap()) return Wrong(thresholds, "write {warn: NUMBER, crit: NUMBER}");
      TF_RETURN_IF_ERROR(
          CheckKeys(path_, thresholds, {"info", "warn", "crit", "for", "clear_for"}));
      SeriesThreshold& threshold = config_.series.emplace_back();
      threshold.series = FindSeriesDefinition(entry.first.Scalar());
      TF_RETURN_IF_ERROR(ReadLevels(thresholds, threshold.levels));
      AlertTiming timing = config_.timing;
      TF_RETURN_IF_ERROR(ReadTiming(thresholds, timing));
      config_.timings[entry.first.Scalar()] = timing;
    }
    return absl::OkStatus();
  }

  absl::Status ReadLevels(const YAML::Node& node, std::map<AlertLevel, ThresholdLevel>& levels) {
    double lower = 0;
    for (const AlertLevel level : {AlertLevel::kInfo, AlertLevel::kWarn, AlertLevel::kCrit}) {
      const YAML::Node given = node[std::string(AlertLevelName(level))];
      if (!given) continue;
      ThresholdLevel& threshold = levels[level];
      if (given.IsMap()) {
        TF_RETURN_IF_ERROR(CheckKeys(path_, given, {"above", "clear"}));
        if (!given["above"]) return Wrong(given, "`above` is missing");
        TF_ASSIGN_OR_RETURN(threshold.above, Number(given["above"]));
        threshold.clear = kDefaultClearShare * threshold.above;
        if (given["clear"]) {
          TF_ASSIGN_OR_RETURN(threshold.clear, Number(given["clear"]));
        }
      } else {
        TF_ASSIGN_OR_RETURN(threshold.above, Number(given));
        threshold.clear = kDefaultClearShare * threshold.above;
      }
      if (threshold.above <= 0) return Wrong(given, "a threshold must be more than 0");
      if (threshold.clear > threshold.above) {
        return Wrong(given, "`clear` must not be more than `above`");
      }
      if (threshold.above <= lower) {
        return Wrong(given, "info, warn and crit must ascend");
      }
      lower = threshold.above;
    }
    return levels.empty() ? Wrong(node, "no threshold: write {warn: NUMBER, crit: NUMBER}")
                          : absl::OkStatus();
  }

  // "50k", "0.7", "70%"
  absl::StatusOr<double> Number(const YAML::Node& node) const {
    if (!node.IsScalar()) return Wrong(node, "a number was due");
    absl::string_view text = node.Scalar();
    double number = 0;
    if (const auto count = base::ParseCount(text); count.ok()) {
      return static_cast<double>(*count);
    }
    const double share = absl::ConsumeSuffix(&text, "%") ? 0.01 : 1;
    if (!absl::SimpleAtod(text, &number) || !std::isfinite(number) || number < 0) {
      return Wrong(
          node, absl::StrCat("'", node.Scalar(), "' is no number such as 20000, 50k, 0.7 or 70%"));
    }
    return number * share;
  }

  absl::Status ReadRules(const YAML::Node& node, bool may_be_off, RuleNumbers& numbers) {
    if (!node) return absl::OkStatus();
    if (!node.IsMap()) return Wrong(node, "must be a mapping of rules to their numbers");
    TF_RETURN_IF_ERROR(CheckKeys(path_, node, rule_names_));
    for (const auto& entry : node) {
      const std::string& rule = entry.first.Scalar();
      if (may_be_off && entry.second.IsScalar() && entry.second.Scalar() == "off") {
        config_.rules_off.insert(rule);
        continue;
      }
      if (!entry.second.IsMap()) {
        return Wrong(entry.second, may_be_off ? "write {NAME: NUMBER, ...}, or off"
                                              : "write {NAME: NUMBER, ...}");
      }
      TF_RETURN_IF_ERROR(CheckKeys(path_, entry.second, known_rules_.at(rule)));
      for (const auto& parameter : entry.second) {
        TF_ASSIGN_OR_RETURN(numbers[rule][parameter.first.Scalar()], Number(parameter.second));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadSinks(const YAML::Node& node) {
    if (!node) return absl::OkStatus();
    if (!node.IsSequence()) return Wrong(node, "`sinks` must be a list");
    if (node.size() > kMostSinks) return Wrong(node, absl::StrCat("more than ", kMostSinks));
    for (const YAML::Node& sink : node) {
      TF_ASSIGN_OR_RETURN(config_.sinks.emplace_back(), ReadSink(path_, sink));
      // Sinks are refreshed by rounds: no more often than there is one.
      if (auto* webhook = std::get_if<WebhookSinkOptions>(&config_.sinks.back().kind)) {
        webhook->resend_interval = std::max(webhook->resend_interval, config_.interval);
      }
    }
    return absl::OkStatus();
  }

  const std::string& path_;
  const KnownRules& known_rules_;
  std::vector<std::string> rule_names_;
  std::vector<std::string> series_names_;
  MonitorConfig config_;
};

}  // namespace

AlertTiming MonitorConfig::TimingOf(const std::string& rule) const {
  const auto own = timings.find(rule);
  return own == timings.end() ? timing : own->second;
}

absl::StatusOr<MonitorConfig> ParseMonitorConfig(const std::string& path, absl::string_view yaml,
                                                 const KnownRules& known_rules) {
  MonitorConfig config;
  TF_RETURN_IF_ERROR(ReadYaml(path, yaml, [&](const YAML::Node& document) -> absl::Status {
    TF_ASSIGN_OR_RETURN(config, ConfigReader(path, known_rules).Read(document));
    return absl::OkStatus();
  }));
  return config;
}

absl::StatusOr<MonitorConfig> LoadMonitorConfig(const std::string& path,
                                                const KnownRules& known_rules) {
  TF_ASSIGN_OR_RETURN(const std::string yaml, sys::ReadFile(path, kMostConfigBytes));
  return ParseMonitorConfig(path, yaml, known_rules);
}

}  // namespace tcpfleet::controller
