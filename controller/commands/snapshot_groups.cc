#include "controller/commands/snapshot_groups.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <utility>

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;

// Nothing when the column is no sum.
std::optional<double> SumIn(const RowGroup& group, const Column& column) {
  if (column.kind != Kind::kField) return std::nullopt;
  switch (column.field) {
    case Field::kRtt:
      return group.rtt_us_p50.value_or(-1);
    case Field::kBytesSent:
      return static_cast<double>(group.bytes_sent);
    case Field::kBytesReceived:
      return static_cast<double>(group.bytes_received);
    case Field::kTotalRetrans:
      return static_cast<double>(group.retransmits);
    default:
      return std::nullopt;
  }
}

std::string OrEmpty(const std::optional<double>& value) {
  return value ? absl::StrFormat("%.15g", *value) : "";
}

}  // namespace

absl::Status CheckGroupOrder(const Column& order, absl::Span<const Column> by) {
  if (std::find(by.begin(), by.end(), order) != by.end() || SumIn({}, order)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("groups have no '", ColumnName(order),
                   "': take a column of --group-by, rtt, total_retrans, bytes_sent or "
                   "bytes_received; without --sort the largest groups come first"));
}

void SortGroups(std::vector<RowGroup>& groups, const RowOrder& order,
                absl::Span<const HostView> hosts) {
  if (SumIn({}, order.column)) {
    std::stable_sort(groups.begin(), groups.end(), [&](const RowGroup& a, const RowGroup& b) {
      const std::optional<double> of_a = SumIn(a, order.column);
      const std::optional<double> of_b = SumIn(b, order.column);
      return order.descending ? of_b < of_a : of_a < of_b;
    });
    return;
  }
  // All rows of a group are alike in the column: its first one stands for it.
  absl::flat_hash_map<const ConnectionRow*, size_t> group_of;
  std::vector<const ConnectionRow*> first_rows;
  for (size_t i = 0; i < groups.size(); ++i) {
    first_rows.push_back(groups[i].rows.front());
    group_of[first_rows.back()] = i;
  }
  std::vector<RowGroup> sorted;
  for (const ConnectionRow* row : SelectRows(std::move(first_rows), hosts, {.order = order}).rows) {
    sorted.push_back(std::move(groups[group_of[row]]));
  }
  groups = std::move(sorted);
}

v1::ConnectionGroup GroupRecordOf(const RowGroup& group, absl::Span<const Column> by) {
  v1::ConnectionGroup record;
  for (size_t i = 0; i < by.size(); ++i) {
    (*record.mutable_keys())[ColumnName(by[i])] = group.keys[i];
  }
  record.set_connections(group.rows.size());
  record.set_bytes_sent(group.bytes_sent);
  record.set_bytes_received(group.bytes_received);
  record.set_retransmits(group.retransmits);
  if (group.rtt_us_p50) record.set_rtt_us_p50(*group.rtt_us_p50);
  if (group.rtt_us_max) record.set_rtt_us_max(*group.rtt_us_max);
  return record;
}

CsvRow GroupHeader(absl::Span<const Column> by) {
  CsvRow header;
  for (const Column& column : by) header.push_back(ColumnName(column));
  header.insert(header.end(), {"connections", "bytes_sent", "bytes_received", "retransmits",
                               "rtt_us_p50", "rtt_us_max"});
  return header;
}

CsvRow GroupCells(const RowGroup& group) {
  CsvRow cells = group.keys;
  cells.insert(cells.end(), {absl::StrCat(group.rows.size()), absl::StrCat(group.bytes_sent),
                             absl::StrCat(group.bytes_received), absl::StrCat(group.retransmits),
                             OrEmpty(group.rtt_us_p50), OrEmpty(group.rtt_us_max)});
  return cells;
}

}  // namespace tcpfleet::controller
