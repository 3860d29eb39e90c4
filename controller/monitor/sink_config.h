// Parts of a configuration file that sinks are made of.
#pragma once

#include <absl/status/statusor.h>
#include <yaml-cpp/yaml.h>

#include <string>

#include "controller/monitor/sink_options.h"

namespace tcpfleet::controller {

// One entry of `sinks`.
absl::StatusOr<SinkOptions> ReadSink(const std::string& path, const YAML::Node& node);

// `mapping[name]`, when it is there, as "1.5s", "2m", "1h30m".
absl::Status ReadDuration(const std::string& path, const YAML::Node& mapping, const char* name,
                          absl::Duration& duration);

}  // namespace tcpfleet::controller
