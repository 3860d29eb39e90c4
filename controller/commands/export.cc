#include "controller/commands/export.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/commands/line_run.h"
#include "controller/commands/replayed.h"
#include "controller/connections/filter_words.h"
#include "controller/connections/row_query.h"
#include "controller/record/replay_feed.h"

namespace tcpfleet::controller {
namespace {

class ExportCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  std::string path_;
  std::vector<std::string> filter_words_;
  std::optional<filter::Filter> filter_;
  std::optional<LineFormat> format_;
  std::vector<Column> columns_;
  ReplayOptions options_{.from = {}, .to = {}, .at = {}, .speed = kUnpacedReplay};
};

void ExportCommand::AddOptions(CLI::App& app) {
  app.add_option("FILE", path_, "what `record` or `watch --record` wrote")
      ->type_name("")
      ->required();
  app.add_option("FILTER", filter_words_, "only these connections, as with snapshot and watch")
      ->type_name("");
  AddParsed(app, "--format", "csv|jsonl", "one line per change of a connection (default jsonl)",
            [this](absl::string_view text) -> absl::Status {
              if (text != "csv" && text != "jsonl") {
                return absl::InvalidArgumentError(
                    absl::StrCat("'", text, "' is no format: write csv or jsonl"));
              }
              format_ = text == "csv" ? LineFormat::kCsv : LineFormat::kJsonl;
              return absl::OkStatus();
            });
  AddParsed(app, "--fields", "NAME,...",
            "fields of tcp_info, for example rtt,snd_cwnd (default all)",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(columns_, ParseColumns(text));
              return absl::OkStatus();
            });
  AddReplayTime(app, "--from", options_.from,
                "begin with what was there at 2026-11-20T14:03:07Z, or 10m after the begin");
  AddReplayTime(app, "--to", options_.to, "end here");
}

absl::StatusOr<ExitCode> ExportCommand::Run(CommandContext& context) {
  if (!filter_words_.empty()) {
    TF_ASSIGN_OR_RETURN(filter_, ParseFilterWords(filter_words_));
  }
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<ReplayFeed> feed,
                      ReplayFeed::Open(path_, options_, context.clock));
  const LineFormat by_default =
      context.options.output == OutputFormat::kCsv ? LineFormat::kCsv : LineFormat::kJsonl;
  TF_RETURN_IF_ERROR(
      PrintChanges(context, *feed,
                   {.columns = columns_,
                    .filter = filter_.has_value() ? &*filter_ : nullptr,
                    .from_unix_ns = options_.from.has_value() ? feed->sought_unix_ns() : 0,
                    .format = format_.value_or(by_default),
                    .tells_hosts = false}));
  return ConcludeReplay(context, *feed);
}

}  // namespace

std::unique_ptr<Command> MakeExportCommand() { return std::make_unique<ExportCommand>(); }

}  // namespace tcpfleet::controller
