// Pass/fail conditions on the totals of a run: `PATH OP NUMBER`, for example
// "connectLatencyUs.p99<50000".
//
// PATH is the JSON path of a number in StressReport.total (RunResult), or startSkewUs. A class of
// `failed` or `acceptFailed` that did not occur is 0; any other field that the run did not observe
// breaks its threshold: nothing was shown.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <optional>
#include <string>
#include <vector>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

class Threshold {
 public:
  enum class Op { kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kEqual, kNotEqual };

  v1::ThresholdResult Check(const v1::StressReport& report) const;
  const std::string& expression() const { return expression_; }
  // Of a run that goes on: `observed` breaks it, but is a count that can still grow to the bound.
  bool MayRecover(double observed) const;

 private:
  friend absl::StatusOr<Threshold> ParseThreshold(absl::string_view expression);
  std::optional<double> Observe(const v1::StressReport& report) const;
  bool Holds(double observed) const;

  std::string expression_;
  std::vector<std::string> path_;  // JSON names, checked against the descriptor
  Op op_ = Op::kLess;
  double bound_ = 0;
  bool is_count_ = false;  // only grows during a run
};

// InvalidArgument for anything that is not an expression over known fields, with a suggestion.
absl::StatusOr<Threshold> ParseThreshold(absl::string_view expression);

}  // namespace tcpfleet::controller
