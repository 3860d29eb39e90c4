#include "controller/rollout/nearest_value.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/value.h"
#include "controller/audit/evaluate.h"

namespace tcpfleet::controller {
namespace {

using Numbers = std::vector<int64_t>;

absl::Status WrongCount(size_t has, size_t wanted) {
  return absl::InvalidArgumentError(absl::StrCat("has ", has, has == 1 ? " number" : " numbers",
                                                 " on this host, ", wanted,
                                                 wanted == 1 ? " is" : " are", " wanted"));
}

absl::StatusOr<std::string> Exact(const Rule& rule, const std::string& value) {
  const std::optional<Numbers> has = sysctl::ParseNumbers(value);
  if (!has || sysctl::IsRangeList(rule.key)) return *rule.equals;
  std::optional<Numbers> wanted = sysctl::ParseNumbers(*rule.equals);
  if (!wanted) {
    return absl::InvalidArgumentError(
        absl::StrCat("is a number on this host: '", *rule.equals, "' is none"));
  }
  if (wanted->size() != has->size()) return WrongCount(has->size(), wanted->size());
  if (!rule.never_lower) return *rule.equals;
  for (size_t i = 0; i < has->size(); ++i) (*wanted)[i] = std::max((*wanted)[i], (*has)[i]);
  return absl::StrJoin(*wanted, " ");
}

// Of equally near ones the first.
std::string NearestOf(const std::vector<std::string>& allowed, const std::string& value) {
  const std::optional<Numbers> has = sysctl::ParseNumbers(value);
  const std::string* nearest = &allowed.front();
  std::optional<double> smallest;
  for (const std::string& candidate : allowed) {
    const std::optional<Numbers> numbers = sysctl::ParseNumbers(candidate);
    if (!has || !numbers || has->size() != 1 || numbers->size() != 1) continue;
    const double distance =
        std::abs(static_cast<double>(numbers->front()) - static_cast<double>(has->front()));
    if (smallest && distance >= *smallest) continue;
    smallest = distance;
    nearest = &candidate;
  }
  return *nearest;
}

absl::StatusOr<std::string> Within(const Rule& rule, const std::string& value) {
  std::optional<Numbers> numbers = sysctl::ParseNumbers(value);
  if (!numbers) {
    return absl::InvalidArgumentError(absl::StrCat("is '", value, "' on this host, no number"));
  }
  if (numbers->size() != rule.elements.size()) {
    return WrongCount(numbers->size(), rule.elements.size());
  }
  for (size_t i = 0; i < numbers->size(); ++i) {
    int64_t& number = (*numbers)[i];
    const Bounds& bounds = rule.elements[i];
    if (bounds.most) number = std::min(number, *bounds.most);
    if (bounds.least) number = std::max(number, *bounds.least);
    if (rule.ordered && i > 0) number = std::max(number, (*numbers)[i - 1]);
  }
  return absl::StrJoin(*numbers, " ");
}

absl::StatusOr<std::string> Candidate(const Rule& rule, const std::string& value) {
  if (rule.absent) return absl::InvalidArgumentError("is on this kernel and must not be");
  if (rule.equals) return Exact(rule, value);
  if (!rule.one_of.empty()) return NearestOf(rule.one_of, value);
  return Within(rule, value);
}

}  // namespace

absl::StatusOr<std::string> NearestWanted(const Rule& rule, const std::string& value) {
  TF_ASSIGN_OR_RETURN(std::string candidate, Candidate(rule, value));
  if (IsWanted(rule, candidate)) return candidate;
  return absl::InvalidArgumentError(absl::StrCat("is ", value, ": no value near it is ",
                                                 WantedText(rule),
                                                 rule.ordered ? " in ascending order" : ""));
}

}  // namespace tcpfleet::controller
