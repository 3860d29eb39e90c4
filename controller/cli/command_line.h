// The command line as CLI11 parses it, and its mistakes as one clear line each.
#pragma once

#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <memory>
#include <string>
#include <vector>

#include "controller/cli/command.h"
#include "controller/cli/global_options.h"

namespace tcpfleet::controller {

class CommandLine {
 public:
  explicit CommandLine(absl::Span<const CommandEntry> commands);
  ~CommandLine();

  struct Parsed {
    // Nothing else is to be done when it is not empty: help or the version.
    std::string text;
    // Null when no command was given.
    Command* command = nullptr;
    std::vector<GivenSetting> settings;
  };
  // InvalidArgument: the mistake in one line, and where to look in a second one. Call once.
  absl::StatusOr<Parsed> Parse(absl::Span<const std::string> arguments);

  // Text of `tcpfleet help`.
  std::string Help() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace tcpfleet::controller
