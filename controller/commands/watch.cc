#include "controller/commands/watch.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/text.h"
#include "controller/commands/console_run.h"
#include "controller/commands/failures.h"
#include "controller/commands/line_run.h"
#include "controller/connections/filter_words.h"
#include "controller/connections/live_feed.h"
#include "controller/record/recorder.h"
#include "controller/tui/live_timeline.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLeastInterval = absl::Milliseconds(100);
constexpr absl::Duration kMostInterval = absl::Seconds(60);
constexpr absl::Duration kLongestWatch = absl::Hours(24 * 365);

class WatchCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  absl::StatusOr<std::unique_ptr<Recorder>> OpenRecorder(const filter::Filter& filter,
                                                         absl::Time now) const;
  absl::Status Follow(CommandContext& context, RecordedFeed& feed, bool in_console);

  std::vector<std::string> filter_words_;
  absl::Duration interval_ = absl::Seconds(1);
  absl::Duration duration_ = absl::InfiniteDuration();
  bool processes_ = true;
  bool all_namespaces_ = false;
  std::string record_path_;
  bool overwrite_ = false;
  ConsoleChoice console_;
};

void WatchCommand::AddOptions(CLI::App& app) {
  app.add_option("FILTER", filter_words_,
                 "as with snapshot and ss: state established dport = :443 rtt '>' 20ms")
      ->type_name("");
  AddDuration(app, "--interval", interval_, kLeastInterval, kMostInterval,
              "time between two polls of a host");
  AddDuration(app, "--for", duration_, absl::Milliseconds(1), kLongestWatch, "end after this time");
  AddConsoleOptions(app, console_);
  app.add_flag("--processes", processes_, "look for the owners of sockets (the default)");
  app.add_flag_callback(
      "--no-processes", [this] { processes_ = false; }, "do not");
  app.add_flag("--all-namespaces", all_namespaces_, "sockets of every network namespace");
  app.add_option("--record", record_path_, "also write everything to this file, for replay")
      ->type_name("FILE");
  app.add_flag("--overwrite", overwrite_, "with --record: replace the file when it is there");
}

absl::StatusOr<std::unique_ptr<Recorder>> WatchCommand::OpenRecorder(const filter::Filter& filter,
                                                                     absl::Time now) const {
  if (record_path_.empty()) return nullptr;
  RecorderOptions options;
  options.path = record_path_;
  options.overwrite = overwrite_;
  options.header.set_filter(filter.text());
  options.header.set_interval_ms(static_cast<uint32_t>(absl::ToInt64Milliseconds(interval_)));
  return Recorder::Create(std::move(options), now);
}

absl::Status WatchCommand::Follow(CommandContext& context, RecordedFeed& feed, bool in_console) {
  if (!in_console) {
    return PrintChanges(context, feed,
                        {.columns = console_.settings.columns, .duration = duration_});
  }
  LiveTimeline timeline(feed, context.clock);
  TF_ASSIGN_OR_RETURN(const ConsoleEnd end, ShowConsole(context, timeline, console_, duration_));
  return end == ConsoleEnd::kTerminalGone ? absl::CancelledError("the terminal was closed")
                                          : absl::OkStatus();
}

absl::StatusOr<ExitCode> WatchCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(const bool in_console, WantsConsole(context));
  TF_ASSIGN_OR_RETURN(const filter::Filter filter, ParseFilterWords(filter_words_));
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Recorder> recorder,
                      OpenRecorder(filter, context.clock.Now()));
  console_.settings.watched = filter.text();
  LiveFeed live(*fleet, context.clock,
                {.filter = filter,
                 .interval = interval_,
                 .processes = processes_,
                 .all_namespaces = all_namespaces_});
  const auto say_stopped = [&](const absl::Status& cause) {
    context.err << "tcpfleet: " << Printable(cause.message()) << '\n';
  };
  RecordedFeed feed(live, recorder.get(), in_console ? nullptr : OnStopped(say_stopped));
  const absl::Status followed = Follow(context, feed, in_console);
  feed.Finish();
  TF_RETURN_IF_ERROR(followed);
  const std::vector<v1::AgentFailure> failures = feed.failures();
  const ExitCode exit_code =
      ConcludeFanOut(context, live.agents(), {failures.begin(), failures.end()});
  if (feed.recording_status().ok()) return exit_code;
  if (in_console) say_stopped(feed.recording_status());
  return kAborted;
}

}  // namespace

std::unique_ptr<Command> MakeWatchCommand() { return std::make_unique<WatchCommand>(); }

}  // namespace tcpfleet::controller
