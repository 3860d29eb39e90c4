#include "controller/commands/snapshot.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "common/filter/filter.h"
#include "controller/cli/option_types.h"
#include "controller/cli/printer.h"
#include "controller/commands/connection_view.h"
#include "controller/commands/failures.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/snapshots.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;

constexpr uint64_t kMostTop = 1'000'000;

// What the kernel or a bound kept from us; a row that is missing must not look like one that is not
// there.
void SayWhatIsMissing(const AgentTarget& target, const v1::Completeness& completeness,
                      std::ostream& err) {
  if (completeness.dropped() > 0) {
    err << "tcpfleet: " << target.name << ": " << completeness.dropped()
        << " connections left out: more than one snapshot holds\n";
  }
  if (completeness.torn() > 0) {
    err << "tcpfleet: " << target.name << ": " << completeness.torn()
        << " records of the kernel could not be read\n";
  }
  if (completeness.gap()) {
    err << "tcpfleet: " << target.name
        << ": the kernel's table changed while it was read: connections may be missing\n";
  }
}

class SnapshotCommand final : public Command {
 public:
  void AddOptions(CLI::App& app) override;
  absl::StatusOr<ExitCode> Run(CommandContext& context) override;

 private:
  v1::SnapshotRequest Request() const;
  absl::Status Print(absl::Span<const ConnectionRow> rows, v1::SnapshotReport& report,
                     CommandContext& context) const;

  std::vector<std::string> filter_words_;
  std::vector<Field> fields_;
  std::optional<SortKey> sort_;
  uint64_t top_ = 0;
};

void SnapshotCommand::AddOptions(CLI::App& app) {
  app.add_option("FILTER", filter_words_,
                 "as with ss: state established dport = :443 dst 10.0.0.0/8")
      ->type_name("");
  AddParsed(app, "--sort", "[-]KEY", "host, local, peer or a field; '-' for largest first",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(sort_, ParseSortKey(text));
              return absl::OkStatus();
            });
  AddCount(app, "--top", top_, 1, kMostTop, "only the first N after sorting");
  AddParsed(app, "--fields", "NAME,...", "fields of tcp_info to show, for example rtt,snd_cwnd",
            [this](absl::string_view text) -> absl::Status {
              TF_ASSIGN_OR_RETURN(fields_, ParseFields(text));
              return absl::OkStatus();
            });
}

v1::SnapshotRequest SnapshotCommand::Request() const {
  v1::SnapshotRequest request;
  request.set_filter(absl::StrJoin(filter_words_, " "));
  if (fields_.empty()) return request;
  std::vector<Field> wanted = fields_;
  wanted.insert(wanted.end(), {Field::kState, Field::kReceiveQueue, Field::kSendQueue});
  if (sort_ && sort_->by == SortKey::By::kField) wanted.push_back(sort_->field);
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  for (const Field field : wanted) request.add_field_ids(static_cast<uint32_t>(field));
  return request;
}

absl::Status SnapshotCommand::Print(absl::Span<const ConnectionRow> rows,
                                    v1::SnapshotReport& report, CommandContext& context) const {
  std::ostream& out = context.out;
  switch (context.options.output) {
    case OutputFormat::kTable:
      ConnectionTable(rows, fields_)
          .Print(out, context.out_is_terminal ? context.terminal_columns : 0, context.out_color);
      break;
    case OutputFormat::kJson:
      for (const ConnectionRow& row : rows) *report.add_connections() = ToRecord(row, fields_);
      return WriteJson(out, report);
    case OutputFormat::kJsonl:
      for (const ConnectionRow& row : rows) {
        TF_RETURN_IF_ERROR(WriteJsonl(out, ToRecord(row, fields_)));
      }
      break;
    case OutputFormat::kCsv: {
      std::vector<CsvRow> cells;
      for (const ConnectionRow& row : rows) cells.push_back(ConnectionCsvRow(row, fields_));
      WriteCsv(out, ConnectionCsvHeader(fields_), cells);
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> SnapshotCommand::Run(CommandContext& context) {
  const v1::SnapshotRequest request = Request();
  TF_RETURN_IF_ERROR(filter::Filter::Parse(request.filter()).status());
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
  const std::vector<AgentSnapshot> snapshots =
      CollectSnapshots(*fleet, request, context.interrupt->token());
  std::vector<ConnectionRow> rows;
  v1::SnapshotReport report;
  for (size_t i = 0; i < snapshots.size(); ++i) {
    const AgentTarget& target = fleet->members()[i].target;
    const AgentSnapshot& snapshot = snapshots[i];
    for (const sockets::ConnectionSample& sample : snapshot.connections) {
      rows.push_back({&target.name, &sample});
    }
    SayWhatIsMissing(target, snapshot.completeness, context.err);
    if (!snapshot.status.ok()) {
      const auto phase =
          snapshot.connections.empty() ? CallPhase::kFirstAnswer : CallPhase::kUnderWay;
      *report.add_failures() = DescribeFailure(target, snapshot.status, phase);
    }
  }
  if (sort_) SortRows(rows, *sort_);
  if (top_ > 0 && rows.size() > top_) rows.resize(top_);
  TF_RETURN_IF_ERROR(Print(rows, report, context));
  return ConcludeFanOut(context, snapshots.size(), report.failures());
}

}  // namespace

std::unique_ptr<Command> MakeSnapshotCommand() { return std::make_unique<SnapshotCommand>(); }

}  // namespace tcpfleet::controller
