#include "controller/stress/load_shape.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/stress/option_parts.h"

namespace tcpfleet::controller {
namespace {

absl::Status Bad(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("--shape: '", text, "': ", what));
}

void AddSegment(uint64_t duration_ms, double from, double to, v1::StressSpec& spec) {
  if (duration_ms == 0) return;
  v1::RateSegment& segment = *spec.add_rate_segments();
  segment.set_duration_ms(duration_ms);
  segment.set_from_per_second(from);
  segment.set_to_per_second(to);
}

absl::Status ParseRamp(absl::string_view text, absl::string_view rates, v1::StressSpec& spec) {
  const std::vector<absl::string_view> ends = absl::StrSplit(rates, '-');
  if (ends.size() != 2) return Bad(text, "write ramp:FROM-TO, for example ramp:100-20k");
  TF_ASSIGN_OR_RETURN(const double from, ParseRate("--shape", ends[0]));
  TF_ASSIGN_OR_RETURN(const double to, ParseRate("--shape", ends[1]));
  if (from == 0 && to == 0) return Bad(text, "a ramp from 0 to 0 starts nothing");
  AddSegment(spec.warmup_ms(), from, from, spec);
  AddSegment(spec.duration_ms(), from, to, spec);
  return absl::OkStatus();
}

absl::Status ParseSteps(absl::string_view text, absl::string_view rates, v1::StressSpec& spec) {
  const std::vector<absl::string_view> steps = absl::StrSplit(rates, ',');
  const uint64_t count = std::min<uint64_t>(kMostRateSteps, spec.duration_ms());
  if (steps.size() > count) return Bad(text, absl::StrCat("at most ", count, " steps fit"));
  uint64_t begin_ms = 0;
  double sum = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    TF_ASSIGN_OR_RETURN(const double rate, ParseRate("--shape", steps[i]));
    if (i == 0) AddSegment(spec.warmup_ms(), rate, rate, spec);
    const uint64_t end_ms = spec.duration_ms() * (i + 1) / steps.size();
    AddSegment(end_ms - begin_ms, rate, rate, spec);
    begin_ms = end_ms;
    sum += rate;
  }
  return sum > 0 ? absl::OkStatus() : Bad(text, "steps of 0 start nothing");
}

// Since the start of the run.
absl::StatusOr<uint64_t> ParseMoment(absl::string_view time, const v1::StressSpec& spec) {
  TF_ASSIGN_OR_RETURN(const uint64_t ms,
                      ParseBoundedMs("--shape", time, absl::ZeroDuration(),
                                     absl::Milliseconds(static_cast<int64_t>(spec.duration_ms()))));
  return spec.warmup_ms() + ms;
}

absl::Status ParseStorm(absl::string_view text, absl::string_view times, v1::StressSpec& spec) {
  TF_RETURN_IF_ERROR(OnlyFor("--shape storm", text, spec,
                             {v1::StressSpec::WORKLOAD_RR, v1::StressSpec::WORKLOAD_HOLD,
                              v1::StressSpec::WORKLOAD_STREAM}));
  for (const absl::string_view time : absl::StrSplit(times, ',')) {
    TF_ASSIGN_OR_RETURN(const uint64_t moment_ms, ParseMoment(time, spec));
    if (spec.reset_at_ms_size() == kMostStorms) {
      return Bad(text, absl::StrCat("at most ", kMostStorms, " storms"));
    }
    spec.add_reset_at_ms(moment_ms);
  }
  std::sort(spec.mutable_reset_at_ms()->begin(), spec.mutable_reset_at_ms()->end());
  return absl::OkStatus();
}

// Seconds until a rate that changes evenly from `from` to `to` within `length_s` has started
// `count` operations; absent when it does not.
std::optional<double> TimeOfCount(double count, double from, double to, double length_s) {
  const double slope = (to - from) / length_s;
  const double root = from * from + 2 * slope * count;
  if (count == 0) return 0;
  if (root < 0 || from + std::sqrt(root) <= 0) return std::nullopt;
  const double time_s = 2 * count / (from + std::sqrt(root));
  return time_s <= length_s ? std::optional(time_s) : std::nullopt;
}

// Operations between two moments since the start, milliseconds; the last rate goes on.
double SegmentOperations(const v1::StressSpec& spec, double begin_ms, double end_ms) {
  double operations = 0;
  double at_ms = 0;
  for (const v1::RateSegment& segment : spec.rate_segments()) {
    const auto length_ms = static_cast<double>(segment.duration_ms());
    const double from_ms = std::max(begin_ms, at_ms);
    const double to_ms = std::min(end_ms, at_ms + length_ms);
    if (to_ms > from_ms) {
      const double middle = ((from_ms + to_ms) / 2 - at_ms) / length_ms;
      const double rate = segment.from_per_second() +
                          middle * (segment.to_per_second() - segment.from_per_second());
      operations += rate * (to_ms - from_ms) / 1e3;
    }
    at_ms += length_ms;
  }
  const double rest_ms = end_ms - std::max(begin_ms, at_ms);
  return operations + std::max(0.0, rest_ms) / 1e3 * spec.rate_segments().rbegin()->to_per_second();
}

}  // namespace

absl::Status ParseShape(absl::string_view text, v1::StressSpec& spec) {
  if (text.empty() || text == "constant") return absl::OkStatus();
  const size_t end = text.find_first_of(":@");
  const absl::string_view name = text.substr(0, end);
  const absl::string_view rest =
      end == absl::string_view::npos ? absl::string_view() : text.substr(end + 1);
  const bool has_rate = spec.rate_per_second() > 0 || spec.rate_per_connection() > 0;
  if (has_rate && (name == "ramp" || name == "steps" || name == "herd")) {
    return Bad(text, name == "herd" ? "all connections start at one instant: leave --rate out"
                                    : "it says the rates itself: leave --rate out");
  }
  if (name == "ramp" || name == "steps") {
    if (end == absl::string_view::npos || text[end] != ':') {
      return Bad(text, "write ramp:FROM-TO or steps:R1,R2,...");
    }
    return name == "ramp" ? ParseRamp(text, rest, spec) : ParseSteps(text, rest, spec);
  }
  if (name == "herd" && (end == absl::string_view::npos || text[end] == '@')) {
    TF_ASSIGN_OR_RETURN(const uint64_t moment_ms,
                        ParseMoment(end == absl::string_view::npos ? "0" : rest, spec));
    spec.set_herd_at_ms(moment_ms);
    return absl::OkStatus();
  }
  if (name == "storm") {
    if (end == absl::string_view::npos || text[end] != '@') {
      return Bad(text, "write storm@TIME[,TIME], for example storm@3s");
    }
    return ParseStorm(text, rest, spec);
  }
  return ParseChoice("--shape", name, {"constant", "ramp", "steps", "herd", "storm"}).status();
}

bool IsOpenLoop(const v1::StressSpec& spec) {
  return spec.rate_per_second() > 0 || spec.rate_per_connection() > 0 ||
         !spec.rate_segments().empty();
}

std::optional<double> FirstDueSeconds(const v1::StressSpec& spec) {
  if (spec.has_herd_at_ms()) return static_cast<double>(spec.herd_at_ms()) / 1e3;
  if (!IsOpenLoop(spec)) return 0;
  if (spec.has_arrivals() || spec.rate_per_connection() > 0) return std::nullopt;
  double count = spec.schedule_share().offsets().empty() ? 0 : spec.schedule_share().offsets(0);
  if (spec.rate_segments().empty()) return count / spec.rate_per_second();
  double begin_s = 0;
  for (const v1::RateSegment& segment : spec.rate_segments()) {
    const double from = segment.from_per_second();
    const double to = segment.to_per_second();
    const double length_s = static_cast<double>(segment.duration_ms()) / 1e3;
    if (const auto time_s = TimeOfCount(count, from, to, length_s); time_s.has_value()) {
      return begin_s + *time_s;
    }
    count -= (from + to) / 2 * length_s;
    begin_s += length_s;
  }
  return std::nullopt;
}

std::optional<double> ScheduledOperations(const v1::StressSpec& spec) {
  if (!IsOpenLoop(spec) || spec.workload() == v1::StressSpec::WORKLOAD_HOLD ||
      spec.workload() == v1::StressSpec::WORKLOAD_STREAM) {
    return std::nullopt;
  }
  const auto begin_ms = static_cast<double>(spec.warmup_ms());
  const double end_ms = begin_ms + static_cast<double>(spec.duration_ms());
  if (!spec.rate_segments().empty()) return SegmentOperations(spec, begin_ms, end_ms);
  const double rate = spec.rate_per_second() > 0 ? spec.rate_per_second()
                                                 : spec.rate_per_connection() * spec.connections();
  return rate * (end_ms - begin_ms) / 1e3;
}

}  // namespace tcpfleet::controller
