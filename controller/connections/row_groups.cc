#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <utility>

#include "controller/connections/column_value.h"
#include "controller/connections/endpoint_key.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;

// Numbers the texts of one column. Texts are only made for values not met before.
class ColumnTexts {
 public:
  ColumnTexts(const Column& column, absl::Span<const HostView> hosts)
      : column_(column), hosts_(hosts) {}

  uint32_t NumberOf(const ConnectionRow& row) {
    const auto [found, is_new] = by_value_.try_emplace(ValueOf(row), 0);
    if (is_new) {
      const auto [text, is_new_text] = by_text_.try_emplace(CellText(column_, row, hosts_),
                                                            static_cast<uint32_t>(by_text_.size()));
      found->second = text->second;
    }
    return found->second;
  }

 private:
  struct Value {
    EndpointKey end = {};
    absl::string_view text = {};
    std::optional<uint64_t> number = {};
    bool operator==(const Value&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const Value& value) {
      return H::combine(std::move(h), value.end, value.text, value.number);
    }
  };
  Value ValueOf(const ConnectionRow& row) const {
    switch (OrderOf(column_)) {
      case ColumnOrder::kNumber:
        return {.number = NumberIn(column_, row, hosts_[row.host])};
      case ColumnOrder::kText:
        return {.text = TextIn(column_, row)};
      case ColumnOrder::kEndpoint:
        return {.end = EndpointKey(EndpointIn(column_, row))};
    }
    return {};
  }

  const Column& column_;
  const absl::Span<const HostView> hosts_;
  absl::flat_hash_map<Value, uint32_t> by_value_;
  absl::flat_hash_map<std::string, uint32_t> by_text_;
};

void Summarize(RowGroup& group) {
  std::vector<uint64_t> rtts;
  for (const ConnectionRow* row : group.rows) {
    const sockets::FieldValues& values = row->sample->values;
    group.send_rate += row->derived.send_rate.value_or(0);
    group.receive_rate += row->derived.receive_rate.value_or(0);
    group.bytes_sent += values.Get(Field::kBytesSent);
    group.bytes_received += values.Get(Field::kBytesReceived);
    group.retransmits += values.Get(Field::kTotalRetrans);
    if (const auto rtt_us = values.Find(Field::kRtt)) rtts.push_back(*rtt_us);
  }
  if (rtts.empty()) return;
  const auto middle = rtts.begin() + static_cast<ptrdiff_t>((rtts.size() - 1) / 2);
  std::nth_element(rtts.begin(), middle, rtts.end());
  group.rtt_us_p50 = static_cast<double>(*middle);
  group.rtt_us_max = static_cast<double>(*std::max_element(middle, rtts.end()));
}

}  // namespace

std::vector<RowGroup> GroupRows(absl::Span<const ConnectionRow* const> rows,
                                absl::Span<const Column> by, absl::Span<const HostView> hosts) {
  std::vector<ColumnTexts> texts;
  for (const Column& column : by) texts.emplace_back(column, hosts);
  absl::flat_hash_map<absl::InlinedVector<uint32_t, 4>, size_t> index;
  std::vector<RowGroup> groups;
  absl::InlinedVector<uint32_t, 4> key(by.size());
  for (const ConnectionRow* row : rows) {
    for (size_t i = 0; i < by.size(); ++i) key[i] = texts[i].NumberOf(*row);
    const auto [found, is_new] = index.try_emplace(key, groups.size());
    if (is_new) {
      RowGroup& group = groups.emplace_back();
      for (const Column& column : by) group.keys.push_back(CellText(column, *row, hosts));
    }
    groups[found->second].rows.push_back(row);
  }
  for (RowGroup& group : groups) Summarize(group);
  std::sort(groups.begin(), groups.end(), [](const RowGroup& a, const RowGroup& b) {
    return a.rows.size() != b.rows.size() ? a.rows.size() > b.rows.size() : a.keys < b.keys;
  });
  return groups;
}

}  // namespace tcpfleet::controller
