#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestNumber = 9;  // digits; longer runs are taken as text

// A name cut at one of its numbers. Numbers of the same shape can stand in one bracket.
struct Cut {
  std::string prefix;
  std::string digits;
  std::string suffix;
};

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// Cuts at the number `index`, counted from the left; a name without it stays whole in `prefix`.
Cut CutAt(const std::string& name, size_t index) {
  size_t begin = 0;
  for (size_t number = 0; begin < name.size(); ++number) {
    while (begin < name.size() && !IsDigit(name[begin])) ++begin;
    size_t end = begin;
    while (end < name.size() && IsDigit(name[end])) ++end;
    if (number == index && end > begin && end - begin <= kLongestNumber) {
      return {name.substr(0, begin), name.substr(begin, end - begin), name.substr(end)};
    }
    begin = end;
  }
  return {name, "", ""};
}

size_t CountNumbers(const std::string& name) {
  size_t numbers = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    if (IsDigit(name[i]) && (i == 0 || !IsDigit(name[i - 1]))) ++numbers;
  }
  return numbers;
}

// Prefix, suffix, and the width where zeros are kept (0: plain numbers).
using Shape = std::tuple<std::string, std::string, size_t>;
using Groups = std::map<Shape, std::vector<uint32_t>>;

Groups GroupBy(absl::Span<const std::string> names, size_t index) {
  std::map<std::pair<std::string, std::string>, bool> has_zeros;
  std::vector<Cut> cuts;
  for (const std::string& name : names) {
    cuts.push_back(CutAt(name, index));
    const Cut& cut = cuts.back();
    has_zeros[{cut.prefix, cut.suffix}] |= cut.digits.size() > 1 && cut.digits.front() == '0';
  }
  Groups groups;
  for (const Cut& cut : cuts) {
    const size_t width = has_zeros[{cut.prefix, cut.suffix}] ? cut.digits.size() : 0;
    std::vector<uint32_t>& numbers = groups[{cut.prefix, cut.suffix, width}];
    uint32_t number = 0;
    if (absl::SimpleAtoi(cut.digits, &number)) numbers.push_back(number);
  }
  return groups;
}

std::string Padded(uint32_t number, size_t width) {
  const std::string digits = absl::StrCat(number);
  const size_t zeros = width > digits.size() ? width - digits.size() : 0;
  return absl::StrCat(std::string(zeros, '0'), digits);
}

std::string Bracket(std::vector<uint32_t> numbers, size_t width) {
  std::sort(numbers.begin(), numbers.end());
  if (numbers.empty()) return "";
  if (numbers.size() == 1) return Padded(numbers[0], width);
  std::string text = "[";
  for (size_t first = 0; first < numbers.size();) {
    size_t last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (first > 0) text.push_back(',');
    absl::StrAppend(&text, Padded(numbers[first], width));
    if (last > first) absl::StrAppend(&text, "-", Padded(numbers[last], width));
    first = last + 1;
  }
  return text + "]";
}

}  // namespace

std::string FoldNames(absl::Span<const std::string> names) {
  size_t most_numbers = 1;
  for (const std::string& name : names) most_numbers = std::max(most_numbers, CountNumbers(name));
  Groups best = GroupBy(names, 0);
  for (size_t index = 1; index < most_numbers; ++index) {
    Groups groups = GroupBy(names, index);
    if (groups.size() < best.size()) best = std::move(groups);
  }
  std::string text;
  for (const auto& [shape, numbers] : best) {
    const auto& [prefix, suffix, width] = shape;
    absl::StrAppend(&text, text.empty() ? "" : ",", prefix, Bracket(numbers, width), suffix);
  }
  if (names.size() > 1) absl::StrAppend(&text, " (", names.size(), ")");
  return text;
}

}  // namespace tcpfleet::controller
