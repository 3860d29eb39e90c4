#include "controller/connections/row_query.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "controller/connections/column_value.h"

namespace tcpfleet::controller {
namespace {

// Rows lie scattered in memory; asking for those ahead hides most of the wait.
constexpr size_t kRowsAhead = 16;
constexpr size_t kSamplesAhead = 8;

void FetchAhead(absl::Span<const ConnectionRow* const> rows, size_t i) {
  if (i + kRowsAhead < rows.size()) __builtin_prefetch(rows[i + kRowsAhead]);
  if (i + kSamplesAhead >= rows.size()) return;
  const auto* sample = reinterpret_cast<const char*>(rows[i + kSamplesAhead]->sample);
  __builtin_prefetch(sample);
  __builtin_prefetch(sample + 64);
}

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
  for (uint32_t i = 0; i < rows.size(); ++i) {
    FetchAhead(rows, i);
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

std::vector<const ConnectionRow*> Ordered(const std::vector<const ConnectionRow*>& rows,
                                          absl::Span<const HostView> hosts, const RowOrder& order,
                                          size_t most) {
  Keys keys = KeysOf(rows, hosts, order.column);
  if (order.descending) {
    for (Keyed& keyed : keys.with) keyed.key = ~keyed.key;
  }
  const auto before = [](const Keyed& a, const Keyed& b) {
    return a.key != b.key ? a.key < b.key : a.index < b.index;
  };
  const size_t sorted = std::min(most, keys.with.size());
  const auto cut = keys.with.begin() + static_cast<ptrdiff_t>(sorted);
  if (cut != keys.with.end()) std::nth_element(keys.with.begin(), cut, keys.with.end(), before);
  std::sort(keys.with.begin(), cut, before);
  std::vector<const ConnectionRow*> ordered;
  ordered.reserve(std::min(most, rows.size()));
  for (size_t i = 0; i < sorted; ++i) ordered.push_back(rows[keys.with[i].index]);
  for (const uint32_t index : keys.without) {
    if (ordered.size() == most) break;
    ordered.push_back(rows[index]);
  }
  return ordered;
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
  if (query.order == RowOrder{}) {
    rows.resize(most);  // they come in the order of hosts
    selection.rows = std::move(rows);
  } else {
    selection.rows = Ordered(rows, hosts, query.order, most);
  }
  return selection;
}

RowSelection SelectRows(const FleetTable& table, const RowQuery& query) {
  return SelectRows(table.Rows(), table.hosts(), query);
}

}  // namespace tcpfleet::controller
