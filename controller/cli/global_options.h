// Options every command understands, and the three places they come from.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>

#include "common/rpc/tls.h"
#include "controller/cli/color.h"
#include "controller/cli/environment.h"

namespace tcpfleet::controller {

enum class OutputFormat { kTable, kJson, kJsonl, kCsv };

struct GlobalOptions {
  // At most one of the three chooses the fleet; none means the private local agent.
  std::string agents;     // host list with ranges
  std::string inventory;  // path
  bool local = false;
  std::string select;
  OutputFormat output = OutputFormat::kTable;
  absl::Duration timeout = absl::Seconds(5);
  int parallel = 128;
  rpc::TlsFiles tls;
  ColorMode color = ColorMode::kAuto;
  bool verbose = false;
};

// One option: `--name` on the command line, `name` in the configuration file, TCPFLEET_NAME (upper
// case, '-' as '_') in the environment.
struct GlobalSetting {
  absl::string_view name;
  absl::string_view value_name;  // shown in help; empty for a switch
  absl::string_view help;
  bool chooses_fleet;
  // InvalidArgument says what would be right. Switches get "true" or "false".
  absl::Status (*set)(GlobalOptions& options, absl::string_view value);
};
absl::Span<const GlobalSetting> GlobalSettings();

struct GivenSetting {
  const GlobalSetting* setting = nullptr;
  std::string value;
  std::string place;  // for messages: "--timeout", "TCPFLEET_TIMEOUT"
};

// Applies what one source gave. A source that chooses the fleet does so alone: agents, inventory,
// local and select of weaker sources are forgotten. InvalidArgument with the place.
absl::Status ApplySettings(absl::Span<const GivenSetting> given, GlobalOptions& options);

// Built-in values, then the configuration file, then TCPFLEET_* variables. InvalidArgument with
// FILE:LINE or the variable's name. The file is $XDG_CONFIG_HOME/tcpfleet/config.yaml, else
// ~/.config/tcpfleet/config.yaml; it need not exist.
absl::StatusOr<GlobalOptions> LoadDefaults(const Environment& environment);

// The part of it that is the file: a YAML mapping of setting names to scalars.
absl::Status ApplyConfigFile(const std::string& path, absl::string_view content,
                             GlobalOptions& options);

}  // namespace tcpfleet::controller
