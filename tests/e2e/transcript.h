// Files of sessions: "$ command", what it prints (lines of stderr behind "! "), "[exit N]" when
// that is not 0, and "# comment".
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/support/run_command.h"

namespace tcpfleet::tests {

// Of the files in this directory, without .txt.
std::vector<std::string> SessionNames(const std::string& directory);

// What a session shows of one command; `home` is shown as $HOME.
std::string Shown(const absl::StatusOr<CommandResult>& result, const std::string& home);

// Types every command of the file and compares what is shown; with UPDATE_GOLDEN in the environment
// writes the file anew.
void ExpectSession(const std::string& path,
                   const std::function<std::string(const std::string& command)>& type);

}  // namespace tcpfleet::tests
