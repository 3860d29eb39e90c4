#include "controller/stress/option_parts.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "common/base/status_context.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "controller/cli/option_types.h"

namespace tcpfleet::controller {
namespace {

constexpr double kMostRate = 1e9;

}  // namespace

absl::StatusOr<uint32_t> ParseBoundedCount(absl::string_view option, absl::string_view text,
                                           uint64_t least, uint64_t most) {
  const absl::StatusOr<uint64_t> count = ParseCountWithin(text, least, most);
  if (!count.ok()) return base::WithContext(option, count.status());
  return static_cast<uint32_t>(*count);
}

absl::StatusOr<uint64_t> ParseBoundedMs(absl::string_view option, absl::string_view text,
                                        absl::Duration least, absl::Duration most) {
  const absl::StatusOr<absl::Duration> duration = ParseDurationWithin(text, least, most);
  if (!duration.ok()) return base::WithContext(option, duration.status());
  return static_cast<uint64_t>(absl::ToInt64Milliseconds(*duration));
}

absl::StatusOr<double> ParseRate(absl::string_view option, absl::string_view text) {
  double rate = 0;
  if (const absl::StatusOr<uint64_t> count = base::ParseCount(text); count.ok()) {
    rate = static_cast<double>(*count);
  } else if (text.find_first_not_of("0123456789.") != absl::string_view::npos ||
             !absl::SimpleAtod(text, &rate)) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": '", text,
                     "' is not a rate: write operations per second such as 0.5, 500 or 20k"));
  }
  if (rate > kMostRate) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": ", text, " is out of range, allowed are 0 (no limit) to 1G"));
  }
  return rate;
}

absl::StatusOr<size_t> ParseChoice(absl::string_view option, absl::string_view text,
                                   const std::vector<std::string>& choices) {
  const auto found = std::find(choices.begin(), choices.end(), text);
  if (found != choices.end()) return static_cast<size_t>(found - choices.begin());
  return absl::InvalidArgumentError(absl::StrCat(option, ": '", text, "' is not one of ",
                                                 absl::StrJoin(choices, ", "),
                                                 base::DidYouMean(text, choices)));
}

absl::Status OnlyFor(absl::string_view option, absl::string_view text, const v1::StressSpec& spec,
                     std::initializer_list<v1::StressSpec::Workload> workloads) {
  if (text.empty()) return absl::OkStatus();
  std::vector<absl::string_view> names;
  for (const v1::StressSpec::Workload workload : workloads) {
    if (workload == spec.workload()) return absl::OkStatus();
    names.push_back(WorkloadName(workload));
  }
  return absl::InvalidArgumentError(absl::StrCat(option, ": does not apply to ",
                                                 WorkloadName(spec.workload()), ", only to ",
                                                 absl::StrJoin(names, ", ")));
}

}  // namespace tcpfleet::controller
