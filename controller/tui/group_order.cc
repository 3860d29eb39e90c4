#include "controller/tui/group_order.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <cstddef>
#include <string>

namespace tcpfleet::controller {
namespace {

// Numbers as numbers, before all else.
bool KeyLess(const std::string& a, const std::string& b) {
  double number_a = 0;
  double number_b = 0;
  const bool a_is = absl::SimpleAtod(a, &number_a);
  const bool b_is = absl::SimpleAtod(b, &number_b);
  if (a_is && b_is && number_a != number_b) return number_a < number_b;
  return a_is != b_is ? a_is : a < b;
}

bool KeysLess(const RowGroup& a, const RowGroup& b) {
  return std::lexicographical_compare(a.keys.begin(), a.keys.end(), b.keys.begin(), b.keys.end(),
                                      KeyLess);
}

double SumOf(const RowGroup& group, const Column& column) {
  using Kind = Column::Kind;
  switch (column.kind) {
    case Kind::kSendRate:
    case Kind::kDeliveryRate:
      return group.send_rate;
    case Kind::kReceiveRate:
      return group.receive_rate;
    case Kind::kRetransShare:
      return static_cast<double>(group.retransmits);
    case Kind::kField:
      if (column.field == sockets::Field::kRtt) return group.rtt_us_p50.value_or(-1);
      if (column.field == sockets::Field::kTotalRetrans) {
        return static_cast<double>(group.retransmits);
      }
      [[fallthrough]];
    default:
      return static_cast<double>(group.rows.size());
  }
}

bool HasSum(const Column& column) {
  using Kind = Column::Kind;
  return column.kind == Kind::kSendRate || column.kind == Kind::kDeliveryRate ||
         column.kind == Kind::kReceiveRate || column.kind == Kind::kRetransShare ||
         (column.kind == Kind::kField &&
          (column.field == sockets::Field::kRtt || column.field == sockets::Field::kTotalRetrans));
}

}  // namespace

void SortGroups(absl::Span<RowGroup> groups, absl::Span<const Column> by, const RowOrder& order) {
  std::sort(groups.begin(), groups.end(), KeysLess);
  const auto key = std::find(by.begin(), by.end(), order.column);
  if (key != by.end()) {
    const auto index = static_cast<size_t>(key - by.begin());
    std::stable_sort(groups.begin(), groups.end(), [&](const RowGroup& a, const RowGroup& b) {
      const bool swap = order.descending;
      return KeyLess((swap ? b : a).keys[index], (swap ? a : b).keys[index]);
    });
    return;
  }
  const bool largest_first = !HasSum(order.column) || order.descending;
  std::stable_sort(groups.begin(), groups.end(), [&](const RowGroup& a, const RowGroup& b) {
    const double sum_a = SumOf(a, order.column);
    const double sum_b = SumOf(b, order.column);
    return largest_first ? sum_a > sum_b : sum_a < sum_b;
  });
}

}  // namespace tcpfleet::controller
