#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <array>
#include <utility>

#include "controller/connections/column_value.h"
#include "controller/connections/endpoint_key.h"
#include "controller/connections/fetch_ahead.h"
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
    const Value value = ValueOf(row);
    if (last_ != nullptr && last_->first == value) return last_->second;  // as mostly
    const auto [found, is_new] = by_value_.try_emplace(value, 0);
    if (is_new) {
      const auto [text, is_new_text] = by_text_.try_emplace(CellText(column_, row, hosts_),
                                                            static_cast<uint32_t>(by_text_.size()));
      found->second = text->second;
    }
    last_ = &*found;
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
  const std::pair<const Value, uint32_t>* last_ = nullptr;  // into by_value_, until the next insert
  absl::flat_hash_map<std::string, uint32_t> by_text_;
};

// What Fold reads.
constexpr std::array kSummed = {Field::kRtt, Field::kBytesReceived, Field::kBytesSent};

struct Rtts {
  std::vector<uint32_t> us;

  void SummarizeInto(RowGroup& group) {
    if (us.empty()) return;
    const auto middle = us.begin() + static_cast<ptrdiff_t>((us.size() - 1) / 2);
    std::nth_element(us.begin(), middle, us.end());
    group.rtt_us_p50 = *middle;
    group.rtt_us_max = *std::max_element(middle, us.end());
  }
};

void Fold(const ConnectionRow& row, RowGroup& group, Rtts& rtts) {
  const sockets::FieldValues& values = row.sample->values;
  group.rows.push_back(&row);
  group.send_rate += row.derived.send_rate.value_or(0);
  group.receive_rate += row.derived.receive_rate.value_or(0);
  group.bytes_sent += values.Get(Field::kBytesSent);
  group.bytes_received += values.Get(Field::kBytesReceived);
  group.retransmits += values.Get(Field::kTotalRetrans);
  if (values.Has(Field::kRtt)) rtts.us.push_back(static_cast<uint32_t>(values.Get(Field::kRtt)));
}

}  // namespace

std::vector<RowGroup> GroupRows(absl::Span<const ConnectionRow* const> rows,
                                absl::Span<const Column> by, absl::Span<const HostView> hosts) {
  std::vector<ColumnTexts> texts;
  for (const Column& column : by) texts.emplace_back(column, hosts);
  absl::flat_hash_map<absl::InlinedVector<uint32_t, 4>, size_t> index;
  std::vector<RowGroup> groups;
  std::vector<Rtts> rtts;
  absl::InlinedVector<uint32_t, 4> key(by.size(), UINT32_MAX);
  size_t group = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
    FetchAhead(rows, row, kSummed);
    bool is_same = row > 0;  // as the row before
    for (size_t i = 0; i < by.size(); ++i) {
      const uint32_t number = texts[i].NumberOf(*rows[row]);
      is_same = std::exchange(key[i], number) == number && is_same;
    }
    if (!is_same) {
      const auto [found, is_new] = index.try_emplace(key, groups.size());
      group = found->second;
      if (is_new) {
        rtts.emplace_back();
        std::vector<std::string>& keys = groups.emplace_back().keys;
        for (const Column& column : by) keys.push_back(CellText(column, *rows[row], hosts));
      }
    }
    Fold(*rows[row], groups[group], rtts[group]);
  }
  for (size_t i = 0; i < groups.size(); ++i) rtts[i].SummarizeInto(groups[i]);
  std::sort(groups.begin(), groups.end(), [](const RowGroup& a, const RowGroup& b) {
    return a.rows.size() != b.rows.size() ? a.rows.size() > b.rows.size() : a.keys < b.keys;
  });
  return groups;
}

}  // namespace tcpfleet::controller
