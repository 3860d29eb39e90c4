// A command table for tests of the command line.
#pragma once

#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "controller/cli/command.h"
#include "controller/cli/option_types.h"

namespace tcpfleet::controller {

// Prints what it was given.
class EchoCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override {
    app.add_option("WORDS", words, "what to say");
    AddCount(app, "--times", times, 1, 9, "how often");
    app.add_option("--target", target, "to whom")->required();
  }
  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    context.out << target << ": " << absl::StrJoin(words, "|") << " x" << times << " agents "
                << context.options.agents << "\n";
    return kOk;
  }
  std::vector<std::string> words;
  std::string target;
  uint64_t times = 1;
};

// Ends as the test says.
class EndCommand final : public Command {
 public:
  void AddOptions(CLI::App&) override {}
  absl::StatusOr<ExitCode> Run(CommandContext&) override { return next(); }
  static inline std::function<absl::StatusOr<ExitCode>()> next = [] { return kOk; };
};

inline constexpr std::array kTestCommands = {
    CommandEntry{"echo", "say words",
                 []() -> std::unique_ptr<Command> { return std::make_unique<EchoCommand>(); }},
    CommandEntry{"end", "end somehow",
                 []() -> std::unique_ptr<Command> { return std::make_unique<EndCommand>(); }},
};

}  // namespace tcpfleet::controller
