#include "controller/commands/record.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/cli/option_types.h"
#include "controller/cli/text.h"
#include "controller/connections/filter_words.h"
#include "controller/connections/live_feed.h"
#include "controller/fleet/failure.h"
#include "controller/record/part_files.h"
#include "controller/record/recorder.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLongestWait = absl::Milliseconds(200);
constexpr absl::Duration kLongestRecording = absl::Hours(24 * 365);
constexpr uint64_t kSmallestPart = 100'000;
constexpr const char* kEraseLine = "\r\x1b[K";

std::string Counted(uint64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

// What is recorded, for the status line and the last one.
class RecordTally {
 public:
  void Take(const v1::RecordingEntry& entry) {
    Host& host = hosts_[entry.agent()];
    if (entry.has_up()) {
      heard_.insert(entry.up().name());
      host.down.reset();
    } else if (entry.has_down()) {
      heard_.insert(entry.down().name());
      host = {.connections = 0, .down = entry.down()};
    } else if (entry.has_frame()) {
      host.connections = entry.frame().completeness().seen();
    }
  }
  size_t down() const { return failures().size(); }
  size_t up() const { return hosts_.size() - down(); }
  uint64_t connections() const {
    uint64_t sum = 0;
    for (const auto& [number, host] : hosts_) sum += host.connections;
    return sum;
  }
  std::vector<v1::AgentFailure> failures() const {
    std::vector<v1::AgentFailure> failures;
    for (const auto& [number, host] : hosts_) {
      if (host.down) failures.push_back(*host.down);
    }
    return failures;
  }
  bool HasHeardOf(const std::string& name) const { return heard_.count(name) > 0; }

 private:
  struct Host {
    uint64_t connections = 0;
    std::optional<v1::AgentFailure> down;
  };
  std::map<uint32_t, Host> hosts_;
  std::set<std::string> heard_;
};

class RecordCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  absl::Status Record(CommandContext& context, LiveFeed& feed);
  void ShowStatus(CommandContext& context, absl::Duration elapsed) const;
  void SayWhatIsKept(CommandContext& context, absl::Duration elapsed) const;
  // The agents that neither answered nor failed.
  std::vector<v1::AgentFailure> Silent(Fleet& fleet, const LiveFeed& feed) const;
  static void Say(CommandContext& context, const std::vector<v1::AgentFailure>& failures);

  std::vector<std::string> filter_words_;
  WatchOptions watch_{.filter = *filter::Filter::Parse(""), .processes = true};
  RecorderOptions options_;
  uint64_t keep_parts_ = 0;
  absl::Duration duration_ = absl::InfiniteDuration();

  std::unique_ptr<Recorder> recorder_;
  RecordTally tally_;
};

void RecordCommand::AddOptions(CLI::App& app) {
  app.add_option("FILTER", filter_words_, "as with snapshot and watch")->type_name("");
  app.add_option("--to", options_.path, "file to write; look at it with replay and export")
      ->type_name("FILE")
      ->required();
  app.add_flag("--overwrite", options_.overwrite, "replace the file when it is there");
  AddDuration(app, "--interval", watch_.interval, absl::Milliseconds(100), absl::Seconds(60),
              "time between two polls of a host (default 1s)");
  AddDuration(app, "--for", duration_, absl::Milliseconds(1), kLongestRecording,
              "end after this time; else with Ctrl-C");
  AddCount(app, "--rotate-size", options_.rotate_bytes, kSmallestPart, uint64_t{1} << 50,
           "begin a new part FILE.000001, .000002 ... before one has more bytes, for example 100M");
  AddDuration(app, "--rotate-every", options_.rotate_every, absl::Seconds(1), kLongestRecording,
              "begin a new part after this time");
  AddCount(app, "--keep", keep_parts_, 1, 1'000'000, "remove all but the newest N parts");
  app.add_flag("--processes", watch_.processes, "look for the owners of sockets (the default)");
  app.add_flag_callback(
      "--no-processes", [this] { watch_.processes = false; }, "do not");
  app.add_flag("--all-namespaces", watch_.all_namespaces, "sockets of every network namespace");
}

absl::StatusOr<ExitCode> RecordCommand::Run(CommandContext& context) {
  TF_ASSIGN_OR_RETURN(watch_.filter, ParseFilterWords(filter_words_));
  options_.keep_parts = static_cast<uint32_t>(keep_parts_);
  if (options_.keep_parts > 0 && !options_.rotates()) {
    return absl::InvalidArgumentError(
        "--keep: there are parts only with --rotate-size or --rotate-every");
  }
  options_.header.set_filter(watch_.filter.text());
  options_.header.set_interval_ms(
      static_cast<uint32_t>(absl::ToInt64Milliseconds(watch_.interval)));
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  LiveFeed feed(*fleet, context.clock, watch_);
  if (feed.agents() == 0) {
    return absl::InvalidArgumentError("filter: it can match on none of the agents");
  }
  TF_ASSIGN_OR_RETURN(recorder_, Recorder::Create(options_, context.clock.Now()));
  const absl::Status recorded = Record(context, feed);
  if (!recorded.ok()) {
    context.err << "tcpfleet: " << Printable(recorded.message()) << '\n';
    return kAborted;
  }
  const std::vector<v1::AgentFailure> silent = Silent(*fleet, feed);
  Say(context, silent);
  const size_t failed = tally_.failures().size() + silent.size();
  if (failed == 0) return kOk;
  context.err << "tcpfleet: " << failed << " of " << Counted(feed.agents(), "agent") << " failed\n";
  return kPartial;
}

void RecordCommand::Say(CommandContext& context, const std::vector<v1::AgentFailure>& failures) {
  for (const std::string& line : FailureLines(failures)) {
    if (context.err_is_terminal) context.err << kEraseLine;
    context.err << "tcpfleet: " << Styled(Style::kRed, Printable(line), context.err_color) << '\n';
  }
}

absl::Status RecordCommand::Record(CommandContext& context, LiveFeed& feed) {
  const int64_t begin_ns = context.clock.MonotonicNs();
  const std::stop_token stop = context.interrupt->token();
  absl::Status status;
  absl::Duration elapsed;
  absl::Duration shown = -absl::Seconds(1);
  while (status.ok() && !stop.stop_requested() && elapsed < duration_) {
    const std::optional<v1::RecordingEntry> entry =
        feed.Next(std::min(duration_ - elapsed, kLongestWait), stop);
    if (entry) {
      tally_.Take(*entry);
      if (entry->has_down()) Say(context, {entry->down()});
      status = recorder_->Append(*entry);
    }
    elapsed = absl::Nanoseconds(context.clock.MonotonicNs() - begin_ns);
    if (context.err_is_terminal && elapsed - shown >= absl::Seconds(1)) {
      ShowStatus(context, elapsed);
      shown = elapsed;
    }
  }
  if (status.ok()) status = recorder_->Finish();
  if (context.err_is_terminal) context.err << kEraseLine;
  SayWhatIsKept(context, elapsed);
  return status;
}

void RecordCommand::ShowStatus(CommandContext& context, absl::Duration elapsed) const {
  const std::string line =
      absl::StrCat("recording ", base::FormatAge(elapsed), ": ", Counted(tally_.up(), "host"),
                   tally_.down() > 0 ? absl::StrCat(" (", tally_.down(), " down)") : "", ", ",
                   Counted(tally_.connections(), "connection"), ", ",
                   base::FormatBytes(static_cast<double>(recorder_->totals().bytes)), " to ",
                   std::filesystem::path(recorder_->part_path()).filename().string());
  // The last column stays free: some terminals wrap as soon as it is written.
  context.err << kEraseLine << Shortened(Printable(line), std::max(context.terminal_columns - 1, 1))
              << std::flush;
}

void RecordCommand::SayWhatIsKept(CommandContext& context, absl::Duration elapsed) const {
  const Recorder::Totals& totals = recorder_->totals();
  std::string where = recorder_->part_path();
  if (options_.rotates()) {
    const uint32_t kept =
        options_.keep_parts > 0 ? std::min(options_.keep_parts, totals.parts) : totals.parts;
    where = absl::StrCat(Counted(kept, "part"), " of ", options_.path, ", the last is ", where);
  }
  context.err << "tcpfleet: recorded " << base::FormatAge(elapsed) << " of "
              << Counted(tally_.up() + tally_.down(), "host") << ": "
              << Counted(totals.entries, "record") << ", "
              << base::FormatBytes(static_cast<double>(totals.bytes)) << " in " << Printable(where)
              << '\n';
}

std::vector<v1::AgentFailure> RecordCommand::Silent(Fleet& fleet, const LiveFeed& feed) const {
  std::vector<v1::AgentFailure> failures;
  if (feed.agents() != fleet.size()) return failures;  // those the filter rules out are not asked
  for (const FleetMember& member : fleet.members()) {
    if (tally_.HasHeardOf(member.target.name)) continue;
    failures.push_back(
        DescribeFailure(member.target, absl::DeadlineExceededError("not heard of until the end")));
  }
  return failures;
}

}  // namespace

std::unique_ptr<Command> MakeRecordCommand() { return std::make_unique<RecordCommand>(); }

}  // namespace tcpfleet::controller
