#include "controller/connections/row_query.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "controller/connections/column_value.h"
#include "controller/connections/fetch_ahead.h"

namespace tcpfleet::controller {
namespace {

struct Keyed {
  uint64_t key;
  uint32_t index;  // into the rows, and their order where keys are the same
};

// Keys of rows with a value in the column; `without` gets the others.
struct Keys {
  std::vector<Keyed> with;
  std::vector<uint32_t> without;
};

Keys NumberKeys(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts,
                const Column& column) {
  Keys keys;
  keys.with.reserve(rows.size());
  const size_t fields = column.kind == Column::Kind::kField ? 1 : 0;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i, absl::MakeConstSpan(&column.field, fields));
    if (const auto number = NumberIn(column, *rows[i], hosts[rows[i]->host])) {
      keys.with.push_back({*number, i});
    } else {
      keys.without.push_back(i);
    }
  }
  return keys;
}

// Numbers the distinct values of many rows by their order.
template <class Value>
class Ranks {
 public:
  uint64_t Add(const Value& value) {
    const auto [found, is_new] = numbers_.try_emplace(value, values_.size());
    if (is_new) values_.push_back(value);
    return found->second;
  }
  // By the numbers Add gave.
  std::vector<uint64_t> InOrder() const {
    std::vector<size_t> order(values_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(),
              [this](size_t a, size_t b) { return values_[a] < values_[b]; });
    std::vector<uint64_t> ranks(values_.size());
    for (size_t rank = 0; rank < order.size(); ++rank) ranks[order[rank]] = rank;
    return ranks;
  }

 private:
  absl::flat_hash_map<Value, uint64_t> numbers_;
  std::vector<Value> values_;
};

Keys TextKeys(absl::Span<const ConnectionRow* const> rows, const Column& column) {
  Keys keys;
  Ranks<absl::string_view> ranks;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i);
    const absl::string_view text = TextIn(column, *rows[i]);
    if (text.empty()) {
      keys.without.push_back(i);
    } else {
      keys.with.push_back({ranks.Add(text), i});
    }
  }
  const std::vector<uint64_t> order = ranks.InOrder();
  for (Keyed& keyed : keys.with) keyed.key = order[keyed.key];
  return keys;
}

Keys EndpointKeys(absl::Span<const ConnectionRow* const> rows, const Column& column) {
  Keys keys;
  keys.with.reserve(rows.size());
  std::vector<std::pair<base::Endpoint, uint32_t>> ends;
  ends.reserve(rows.size());
  bool all_v4 = true;
  for (uint32_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i);
    ends.emplace_back(EndpointIn(column, *rows[i]), i);
    all_v4 = all_v4 && ends.back().first.address.is_v4();
  }
  if (!all_v4) std::sort(ends.begin(), ends.end());
  uint64_t rank = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const base::Endpoint& end = ends[i].first;
    if (all_v4) {
      uint64_t key = 0;
      for (const uint8_t byte : end.address.bytes()) key = key << 8 | byte;
      keys.with.push_back({key << 16 | end.port, ends[i].second});
    } else {
      if (i > 0 && ends[i - 1].first != end) ++rank;
      keys.with.push_back({rank, ends[i].second});
    }
  }
  return keys;
}

Keys KeysOf(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts,
            const Column& column) {
  switch (OrderOf(column)) {
    case ColumnOrder::kNumber:
      return NumberKeys(rows, hosts, column);
    case ColumnOrder::kText:
      return TextKeys(rows, column);
    case ColumnOrder::kEndpoint:
      return EndpointKeys(rows, column);
  }
  return {};
}

bool ComesBefore(const Keyed& a, const Keyed& b) {
  return a.key != b.key ? a.key < b.key : a.index < b.index;
}

Keys OrderedKeysOf(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts,
                   const RowOrder& order) {
  Keys keys;
  if (order == RowOrder{}) {  // they come in the order of hosts
    keys.without.resize(rows.size());
    std::iota(keys.without.begin(), keys.without.end(), 0U);
    return keys;
  }
  keys = KeysOf(rows, hosts, order.column);
  if (order.descending) {
    for (Keyed& keyed : keys.with) keyed.key = ~keyed.key;
  }
  return keys;
}

// The place of the row with this index.
size_t PlaceOf(uint32_t index, const Keys& keys) {
  const auto self = std::find_if(keys.with.begin(), keys.with.end(),
                                 [&](const Keyed& keyed) { return keyed.index == index; });
  if (self == keys.with.end()) {
    const auto without = std::lower_bound(keys.without.begin(), keys.without.end(), index);
    return keys.with.size() + static_cast<size_t>(without - keys.without.begin());
  }
  return static_cast<size_t>(
      std::count_if(keys.with.begin(), keys.with.end(),
                    [&](const Keyed& keyed) { return ComesBefore(keyed, *self); }));
}

// Sorts only what is wanted: the keys at the places [begin, end).
void SortPlaces(std::vector<Keyed>& keys, size_t begin, size_t end) {
  const auto at = [&](size_t place) {
    return keys.begin() + static_cast<ptrdiff_t>(std::min(place, keys.size()));
  };
  if (at(begin) != keys.begin() && at(begin) != keys.end()) {
    std::nth_element(keys.begin(), at(begin), keys.end(), ComesBefore);
  }
  if (at(end) != keys.end()) std::nth_element(at(begin), at(end), keys.end(), ComesBefore);
  std::sort(at(begin), at(end), ComesBefore);
}

void KeepMatching(std::vector<const ConnectionRow*>& rows, absl::Span<const HostView> hosts,
                  const filter::Filter& filter) {
  size_t kept = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i);
    const ConnectionRow& row = *rows[i];
    const HostView& host = hosts[row.host];
    if (filter.Matches(filter::Subject{.sample = row.sample,
                                       .derived = &row.derived,
                                       .host = host.name,
                                       .now_ns = host.last_frame_monotonic_ns})) {
      rows[kept++] = rows[i];
    }
  }
  rows.resize(kept);
}

}  // namespace

RowSelection SelectRows(std::vector<const ConnectionRow*> rows, absl::Span<const HostView> hosts,
                        const RowQuery& query) {
  if (query.filter != nullptr) KeepMatching(rows, hosts, *query.filter);
  RowSelection selection;
  selection.matched = rows.size();
  const size_t most = query.most == 0 ? rows.size() : std::min(query.most, rows.size());
  Keys keys = OrderedKeysOf(rows, hosts, query.order);
  const auto around =
      query.around == nullptr ? rows.end() : std::find(rows.begin(), rows.end(), query.around);
  size_t begin = query.from;
  if (around != rows.end()) {
    selection.place = PlaceOf(static_cast<uint32_t>(around - rows.begin()), keys);
    begin = *selection.place - std::min(*selection.place, most / 2);
  }
  begin = selection.begin = std::min(begin, rows.size() - most);
  SortPlaces(keys.with, begin, begin + most);
  for (size_t place = begin; place < begin + most; ++place) {
    const size_t sorted = keys.with.size();
    selection.rows.push_back(
        rows[place < sorted ? keys.with[place].index : keys.without[place - sorted]]);
  }
  return selection;
}

RowSelection SelectRows(const FleetTable& table, const RowQuery& query) {
  return SelectRows(table.Rows(), table.hosts(), query);
}

}  // namespace tcpfleet::controller
