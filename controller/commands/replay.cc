#include "controller/commands/replay.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/commands/console_run.h"
#include "controller/commands/line_run.h"
#include "controller/commands/replayed.h"
#include "controller/connections/filter_words.h"
#include "controller/record/replay_feed.h"
#include "controller/tui/replay_timeline.h"

namespace tcpfleet::controller {
namespace {

class ReplayCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  std::string path_;
  std::vector<std::string> filter_words_;
  ReplayOptions options_;
  std::optional<double> speed_;
  ConsoleChoice console_;
};

void ReplayCommand::AddOptions(CLI::App& app) {
  app.add_option("FILE", path_, "what `record` or `watch --record` wrote")
      ->type_name("")
      ->required();
  app.add_option("FILTER", filter_words_, "as with watch")->type_name("");
  AddReplayTime(app, "--at", options_.at,
                "begin here: 2026-11-20T14:03:07Z, or 10m after the begin");
  AddReplayTime(app, "--from", options_.from, "nothing before this is shown");
  AddReplayTime(app, "--to", options_.to, "end here");
  AddParsed(app, "--speed", "N|max", "times real time, 0.1 to 1000 (lines: max by default)",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(speed_, ParseReplaySpeed(text));
              return absl::OkStatus();
            });
  AddConsoleOptions(app, console_);
}

absl::StatusOr<ExitCode> ReplayCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const bool in_console, WantsConsole(context));
  if (!filter_words_.empty()) {
    TF_ASSIGN_OR_RETURN(console_.settings.filter, ParseFilterWords(filter_words_));
  }
  options_.speed = speed_.value_or(in_console ? 1 : kUnpacedReplay);
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<ReplayFeed> feed,
                      ReplayFeed::Open(path_, options_, context.clock));
  if (in_console) {
    console_.settings.watched = feed->header().filter();
    ReplayTimeline timeline(*feed, context.clock);
    TF_RETURN_IF_ERROR(ShowConsole(context, timeline, console_).status());
  } else {
    const std::optional<filter::Filter>& filter = console_.settings.filter;
    const bool begins_later = options_.from.has_value() || options_.at.has_value();
    TF_RETURN_IF_ERROR(PrintChanges(context, *feed,
                                    {.columns = console_.settings.columns,
                                     .filter = filter.has_value() ? &*filter : nullptr,
                                     .from_unix_ns = begins_later ? feed->sought_unix_ns() : 0}));
  }
  return ConcludeReplay(context, *feed);
}

}  // namespace

std::unique_ptr<Command> MakeReplayCommand() { return std::make_unique<ReplayCommand>(); }

}  // namespace tcpfleet::controller
