#include "controller/tui/columns.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using Kind = Column::Kind;

struct KnownColumn {
  TableColumn column;
  absl::string_view title;
};

constexpr TableColumn Shows(Kind kind, int importance) {
  return {.column = {.kind = kind}, .importance = importance};
}
constexpr TableColumn Shows(Field field, int importance) {
  return {.column = {.kind = Kind::kField, .field = field}, .importance = importance};
}
constexpr TableColumn Pictures(TableColumn column) {
  column.sparkline = true;
  return column;
}

// In the order of the default table.
constexpr std::array kKnown = {
    KnownColumn{Shows(Kind::kHost, 2), "HOST"},
    KnownColumn{Shows(Kind::kProcess, 10), "PROCESS"},
    KnownColumn{Shows(Kind::kState, 7), "STATE"},
    KnownColumn{Shows(Kind::kLocal, 0), "LOCAL"},
    KnownColumn{Shows(Kind::kPeer, 1), "PEER"},
    KnownColumn{Shows(Kind::kSendRate, 3), "SEND"},
    KnownColumn{Pictures(Shows(Kind::kSendRate, 5)), ""},
    KnownColumn{Shows(Kind::kReceiveRate, 8), "RECEIVE"},
    KnownColumn{Pictures(Shows(Kind::kReceiveRate, 14)), ""},
    KnownColumn{Shows(Field::kRtt, 4), "RTT"},
    KnownColumn{Pictures(Shows(Field::kRtt, 9)), ""},
    KnownColumn{Shows(Field::kTotalRetrans, 6), "RETRANS"},
    KnownColumn{Shows(Kind::kLimited, 11), "LIMITED"},
    KnownColumn{Shows(Field::kSndCwnd, 12), "CWND"},
    KnownColumn{Shows(Field::kSendQueue, 13), "SEND-Q"},
    KnownColumn{Shows(Field::kReceiveQueue, 15), "RECV-Q"},
    KnownColumn{Shows(Kind::kAge, 16), "AGE"},
    KnownColumn{Shows(Kind::kCongestionControl, 17), "CC"},
};

}  // namespace

std::string ColumnTitle(const Column& column) {
  const auto* const known = std::find_if(kKnown.begin(), kKnown.end(), [&](const KnownColumn& k) {
    return k.column.column == column && !k.column.sparkline;
  });
  if (known != kKnown.end()) return std::string(known->title);
  return absl::AsciiStrToUpper(ColumnName(column));
}

bool AlignsRight(const Column& column) {
  switch (column.kind) {
    case Kind::kHost:
    case Kind::kState:
    case Kind::kLocal:
    case Kind::kLocalAddress:
    case Kind::kPeer:
    case Kind::kPeerAddress:
    case Kind::kProcess:
    case Kind::kCommand:
    case Kind::kCgroup:
    case Kind::kCongestionControl:
    case Kind::kLimited:
      return false;
    default:
      return true;
  }
}

bool HasTrace(const Column& column) {
  return column.kind == Kind::kSendRate || column.kind == Kind::kReceiveRate ||
         (column.kind == Kind::kField && column.field == Field::kRtt);
}

const Trace& TraceOf(const Column& column, const ConnectionRow& row) {
  if (column.kind == Kind::kSendRate) return row.send_rate;
  return column.kind == Kind::kReceiveRate ? row.receive_rate : row.rtt_us;
}

absl::Span<const TableColumn> DefaultTableColumns() {
  static const std::vector<TableColumn>* const columns = [] {
    auto* const list = new std::vector<TableColumn>;
    for (const KnownColumn& known : kKnown) list->push_back(known.column);
    return list;
  }();
  return *columns;
}

std::vector<TableColumn> WithSparklines(absl::Span<const Column> chosen) {
  std::vector<TableColumn> columns;
  for (const Column& column : chosen) {
    columns.push_back({.column = column});
    if (HasTrace(column)) columns.push_back({.column = column, .sparkline = true});
  }
  return columns;
}

std::vector<PlacedColumn> PlaceColumns(absl::Span<const TableColumn> columns,
                                       absl::Span<const int> widths, int width) {
  std::vector<size_t> by_importance(columns.size());
  std::iota(by_importance.begin(), by_importance.end(), 0);
  std::stable_sort(by_importance.begin(), by_importance.end(), [&](size_t a, size_t b) {
    return columns[a].importance < columns[b].importance;
  });
  std::vector<int> placed(columns.size(), 0);
  int left = width;
  for (const size_t index : by_importance) {
    const int needed = widths[index] + (left == width ? 0 : 1);
    if (needed > left && left < width) continue;
    placed[index] = std::min(widths[index], width);
    left -= std::min(needed, width);
  }
  std::vector<PlacedColumn> result;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (placed[i] > 0) result.push_back({columns[i], placed[i]});
  }
  return result;
}

}  // namespace tcpfleet::controller
