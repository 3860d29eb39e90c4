#include "controller/commands/snapshot_table.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "common/base/units.h"
#include "controller/connections/column_value.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;
using Kind = Column::Kind;
using sockets::Field;
using sockets::FieldValues;

constexpr char kUnknown[] = "-";

struct Subject {
  const ConnectionRow& row;
  absl::Span<const HostView> hosts;

  const FieldValues& values() const { return row.sample->values; }
  std::string Text(const Column& column) const { return CellText(column, row, hosts); }
  std::string Text(Field field) const { return Text(Column{Kind::kField, field}); }
};

struct TableColumn {
  std::string header;
  Align align = Align::kRight;
  std::function<std::string(const Subject& subject)> text;
};

std::string Exact(const FieldValues& values, Field field) {
  const std::optional<uint64_t> value = values.Find(field);
  return value ? absl::StrCat(*value) : kUnknown;
}

// The queues of LISTEN are those of accept, as ss shows them.
std::string Queue(const Subject& subject, Field field, Field of_listener) {
  return Exact(subject.values(), subject.values().Has(of_listener) ? of_listener : field);
}

// "0.045/0.012", milliseconds.
std::string RttAndVariance(const Subject& subject) {
  const std::optional<uint64_t> rtt = subject.values().Find(Field::kRtt);
  const std::optional<uint64_t> rttvar = subject.values().Find(Field::kRttvar);
  if (!rtt || !rttvar) return kUnknown;
  return absl::StrFormat("%.3f/%.3f", static_cast<double>(*rtt) / 1e3,
                         static_cast<double>(*rttvar) / 1e3);
}

// "0/3": in flight now / in all.
std::string Retransmits(const Subject& subject) {
  const std::string total = Exact(subject.values(), Field::kTotalRetrans);
  return total == kUnknown ? total
                           : absl::StrCat(Exact(subject.values(), Field::kRetrans), "/", total);
}

// "nginx[1234]"
std::string Process(const Subject& subject) {
  const auto& process = subject.row.sample->identity.process;
  return process ? absl::StrCat(process->comm, "[", process->pid, "]") : kUnknown;
}

TableColumn Plain(std::string header, Align align, const Column& column) {
  return {std::move(header), align,
          [column](const Subject& subject) { return subject.Text(column); }};
}

TableColumn OfField(std::string header, Field field) {
  return Plain(std::move(header), Align::kRight, {Kind::kField, field});
}

std::vector<TableColumn> IdentityColumns(const SnapshotTableShape& shape) {
  std::vector<TableColumn> columns;
  if (shape.with_hosts) columns.push_back(Plain("HOST", Align::kLeft, {Kind::kHost}));
  columns.push_back(Plain("STATE", Align::kLeft, {Kind::kState}));
  columns.push_back({"RECV-Q", Align::kRight, [](const Subject& subject) {
                       return Queue(subject, Field::kReceiveQueue, Field::kAcceptQueue);
                     }});
  columns.push_back({"SEND-Q", Align::kRight, [](const Subject& subject) {
                       return Queue(subject, Field::kSendQueue, Field::kBacklog);
                     }});
  // To the right, as in ss: only columns to the left are shortened on narrow terminals.
  columns.push_back(Plain("LOCAL", Align::kRight, {Kind::kLocal}));
  columns.push_back(Plain("PEER", Align::kRight, {Kind::kPeer}));
  if (shape.with_processes) columns.push_back({"PROCESS", Align::kLeft, &Process});
  return columns;
}

// Most wanted first: narrow terminals leave out the last ones.
void AddFamiliarColumns(std::vector<TableColumn>& columns, bool short_form) {
  columns.push_back({"RTT/VAR ms", Align::kRight, &RttAndVariance});
  columns.push_back(OfField("CWND", Field::kSndCwnd));
  columns.push_back({"RETRANS", Align::kRight, &Retransmits});
  if (short_form) return;
  columns.push_back(OfField("SENT", Field::kBytesSent));
  columns.push_back(OfField("RECEIVED", Field::kBytesReceived));
  columns.push_back(OfField("DELIVERY", Field::kDeliveryRate));
  columns.push_back(Plain("LIMITED", Align::kRight, {Kind::kLimited}));
  columns.push_back(OfField("MIN-RTT", Field::kMinRtt));
  columns.push_back(OfField("PACING", Field::kPacingRate));
  columns.push_back(OfField("LAST-SENT", Field::kLastDataSentAtMs));
  columns.push_back(OfField("LAST-RECV", Field::kLastDataRecvAtMs));
  columns.push_back(Plain("CC", Align::kRight, {Kind::kCongestionControl}));
}

std::vector<TableColumn> ColumnsOf(const SnapshotTableShape& shape) {
  std::vector<TableColumn> columns = IdentityColumns(shape);
  for (const Column& column : shape.columns) {
    const Align align = OrderOf(column) == ColumnOrder::kNumber ? Align::kRight : Align::kLeft;
    columns.push_back(Plain(absl::AsciiStrToUpper(ColumnName(column)), align, column));
  }
  if (shape.columns.empty()) AddFamiliarColumns(columns, shape.peers != nullptr);
  if (shape.peers == nullptr) return columns;
  columns.push_back({"BOTH ENDS", Align::kLeft, [&peers = *shape.peers](const Subject& subject) {
                       const ConnectionRow* peer = peers.PeerOf(subject.row);
                       return peer ? ExplainPair(subject.row, *peer, subject.hosts) : "";
                     }});
  return columns;
}

template <class Value>
std::string OrUnknown(const std::optional<double>& value, Value text) {
  return value ? text(*value) : kUnknown;
}

}  // namespace

Table ConnectionTable(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts,
                      const SnapshotTableShape& shape) {
  const std::vector<TableColumn> columns = ColumnsOf(shape);
  std::vector<Table::Column> headers;
  for (const TableColumn& column : columns) headers.push_back({column.header, column.align});
  Table table(std::move(headers));
  absl::flat_hash_set<const ConnectionRow*> told;  // by the line of their other end
  for (const ConnectionRow* row : rows) {
    if (told.contains(row)) continue;
    if (shape.peers != nullptr) told.insert(shape.peers->PeerOf(*row));
    std::vector<Cell> cells;
    for (const TableColumn& column : columns) cells.emplace_back(column.text({*row, hosts}));
    table.AddRow(std::move(cells));
  }
  return table;
}

Table GroupTable(absl::Span<const RowGroup> groups, absl::Span<const Column> by) {
  std::vector<Table::Column> headers;
  for (const Column& column : by) headers.push_back({absl::AsciiStrToUpper(ColumnName(column))});
  for (const char* header : {"CONNECTIONS", "RTT p50", "RTT max", "RETRANS", "SENT", "RECEIVED"}) {
    headers.push_back({header, Align::kRight});
  }
  Table table(std::move(headers));
  for (const RowGroup& group : groups) {
    std::vector<Cell> cells(group.keys.begin(), group.keys.end());
    cells.emplace_back(absl::StrCat(group.rows.size()));
    cells.emplace_back(OrUnknown(group.rtt_us_p50, &base::FormatMicroseconds));
    cells.emplace_back(OrUnknown(group.rtt_us_max, &base::FormatMicroseconds));
    cells.emplace_back(absl::StrCat(group.retransmits));
    cells.emplace_back(base::FormatBytes(static_cast<double>(group.bytes_sent)));
    cells.emplace_back(base::FormatBytes(static_cast<double>(group.bytes_received)));
    table.AddRow(std::move(cells));
  }
  return table;
}

}  // namespace tcpfleet::controller
