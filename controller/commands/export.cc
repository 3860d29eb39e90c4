#include "controller/commands/export.h"

#include <absl/strings/str_cat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/option_types.h"
#include "controller/cli/text.h"
#include "controller/connections/change_lines.h"
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
  absl::Status Write(CommandContext& context, ReplayFeed& feed, ChangeLines& lines) const;
  absl::Status WriteMatching(FrameChanges changes, const FleetTable& table,
                             ChangeLines& lines) const;
  absl::Status WritePresent(const FleetTable& table, int64_t unix_ns, ChangeLines& lines) const;
  bool Matches(const ConnectionRow& row, absl::Span<const HostView> hosts) const;

  std::string path_;
  std::vector<std::string> filter_words_;
  std::optional<filter::Filter> filter_;
  std::optional<LineFormat> format_;
  std::vector<Column> columns_;
  ReplayOptions options_{.from = {}, .to = {}, .at = {}, .speed = kUnpacedReplay};
};

void ExportCommand::AddOptions(CLI::App& app) {
  const auto add_time = [&app](const std::string& name, std::optional<ReplayTime>& time,
                               const std::string& help) {
    AddParsed(app, name, "TIME", help, [&time](absl::string_view text) -> absl::Status {
      TF_ASSIGN_OR_RETURN(time, ParseReplayTime(text));
      return absl::OkStatus();
    });
  };
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
  add_time("--from", options_.from,
           "begin with what was there at 2026-11-20T14:03:07Z, or 10m after the begin");
  add_time("--to", options_.to, "end here");
}

absl::StatusOr<ExitCode> ExportCommand::Run(CommandContext& context) {
  if (!filter_words_.empty()) {
    TF_ASSIGN_OR_RETURN(filter_, ParseFilterWords(filter_words_));
  }
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<ReplayFeed> feed,
                      ReplayFeed::Open(path_, options_, context.clock));
  const LineFormat format = format_.value_or(
      context.options.output == OutputFormat::kCsv ? LineFormat::kCsv : LineFormat::kJsonl);
  ChangeLines lines(context.out, format, columns_);
  TF_RETURN_IF_ERROR(Write(context, *feed, lines));
  TF_RETURN_IF_ERROR(feed->status());
  for (const std::string& note : feed->condition().Lines()) {
    context.err << "tcpfleet: " << Printable(note) << '\n';
  }
  if (context.interrupt->requested()) return kAborted;
  return feed->condition().whole() ? kOk : kPartial;
}

absl::Status ExportCommand::Write(CommandContext& context, ReplayFeed& feed,
                                  ChangeLines& lines) const {
  FleetTable table;
  bool is_before = options_.from.has_value();
  while (!feed.ended() && context.out.good() && !context.interrupt->requested()) {
    const std::optional<v1::RecordingEntry> entry =
        feed.Next(absl::ZeroDuration(), context.interrupt->token());
    if (!entry) continue;
    if (is_before && static_cast<int64_t>(entry->unix_ns()) > feed.sought_unix_ns()) {
      TF_RETURN_IF_ERROR(WritePresent(table, feed.sought_unix_ns(), lines));
      is_before = false;
    }
    FrameChanges changes;
    if (const absl::Status applied = table.Apply(*entry, &changes); !applied.ok()) {
      context.err << "tcpfleet: " << Printable(applied.message()) << '\n';
    } else if (!is_before && entry->has_frame()) {
      TF_RETURN_IF_ERROR(WriteMatching(std::move(changes), table, lines));
    }
  }
  return is_before ? WritePresent(table, feed.sought_unix_ns(), lines) : absl::OkStatus();
}

absl::Status ExportCommand::WriteMatching(FrameChanges changes, const FleetTable& table,
                                          ChangeLines& lines) const {
  if (!filter_) return lines.Write(changes, table.hosts());
  const auto keep_matching = [&](std::vector<const ConnectionRow*>& rows) {
    rows.erase(
        std::remove_if(rows.begin(), rows.end(),
                       [&](const ConnectionRow* row) { return !Matches(*row, table.hosts()); }),
        rows.end());
  };
  keep_matching(changes.opened);
  keep_matching(changes.changed);
  std::vector<sockets::ClosedConnection> closed;
  for (const sockets::ClosedConnection& connection : changes.closed) {
    ConnectionRow row;
    row.host = changes.host;
    row.sample = &connection.last;
    if (Matches(row, table.hosts())) closed.push_back(connection);
  }
  changes.closed = closed;
  return lines.Write(changes, table.hosts());
}

absl::Status ExportCommand::WritePresent(const FleetTable& table, int64_t unix_ns,
                                         ChangeLines& lines) const {
  std::map<uint32_t, FrameChanges> by_host;
  for (const ConnectionRow* row : table.Rows()) by_host[row->host].opened.push_back(row);
  for (auto& [host, changes] : by_host) {
    changes.host = host;
    changes.unix_ns = unix_ns;
    changes.first = true;
    TF_RETURN_IF_ERROR(WriteMatching(std::move(changes), table, lines));
  }
  return absl::OkStatus();
}

bool ExportCommand::Matches(const ConnectionRow& row, absl::Span<const HostView> hosts) const {
  const HostView& host = hosts[row.host];
  return filter_->Matches({.sample = row.sample,
                           .derived = &row.derived,
                           .host = host.name,
                           .now_ns = host.last_frame_monotonic_ns});
}

}  // namespace

std::unique_ptr<Command> MakeExportCommand() { return std::make_unique<ExportCommand>(); }

}  // namespace tcpfleet::controller
