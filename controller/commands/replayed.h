// What the commands that read recordings share.
#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "controller/cli/command_context.h"
#include "controller/cli/exit_code.h"
#include "controller/record/replay_feed.h"

namespace CLI {
class App;
}

namespace tcpfleet::controller {

void AddReplayTime(CLI::App& app, const std::string& name, std::optional<ReplayTime>& time,
                   const std::string& help);

// Once `feed` has been read: says on stderr what of the recording is missing.
absl::StatusOr<ExitCode> ConcludeReplay(CommandContext& context, const ReplayFeed& feed);

}  // namespace tcpfleet::controller
