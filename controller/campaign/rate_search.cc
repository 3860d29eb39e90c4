#include "controller/campaign/rate_search.h"

#include <algorithm>
#include <cmath>

namespace tcpfleet::controller {
namespace {

// From a place that is near already.
constexpr double kSmallStep = 1.25;

// Four digits: people read rates and type them again.
double Rounded(double rate) {
  const double unit = std::pow(10, std::floor(std::log10(rate)) - 3);
  return std::round(rate / unit) * unit;
}

}  // namespace

FoundRate RateSearch::Run(double first_rate) {
  first_rate = std::clamp(first_rate, kLeastRate, kMostRate);
  while (may_go_on()) {
    if (const double rate = NextRate(first_rate); rate > 0) {
      (Try(rate, false) ? low_ : high_) = rate;
      continue;
    }
    if (low_ == 0) break;
    if (!Confirm()) {
      if (may_go_on()) DropLow();
      continue;
    }
    if (high_ == 0 || refuted_[high_] > 1 || !may_go_on()) break;
    if (!Try(high_, false)) break;
    low_ = high_;
    high_ = 0;
    step_ = kSmallStep;
  }
  const bool precise = high_ > 0 && low_ > 0 && NextRate(first_rate) == 0;
  return {low_, high_, !ended_ && runs_left_ == 0 && !precise};
}

bool RateSearch::Try(double rate, bool confirms) {
  --runs_left_;
  const std::optional<bool> holds = try_rate_(rate, confirms);
  ended_ = !holds.has_value();
  if (ended_) return false;
  ++(*holds ? held_ : refuted_)[rate];
  return *holds;
}

double RateSearch::NextRate(double first_rate) const {
  if (low_ == 0 && high_ == 0) return first_rate;
  if (low_ == 0) return high_ <= kLeastRate ? 0 : std::max(Rounded(high_ / step_), kLeastRate);
  if (high_ == 0) return low_ >= kMostRate ? 0 : std::min(Rounded(low_ * step_), kMostRate);
  if (high_ / low_ <= 1 + kPrecision) return 0;
  const double middle = Rounded(std::sqrt(low_ * high_));
  return middle > low_ && middle < high_ ? middle : 0;
}

bool RateSearch::Confirm() {
  int held = 0;
  int failed = 0;
  while (may_go_on() && held + failed < kConfirmations && 2 * failed <= kConfirmations) {
    ++(Try(low_, true) ? held : failed);
  }
  return held > failed;
}

// What held at low_ was chance: back to the highest rate below it that held and was never refuted.
void RateSearch::DropLow() {
  high_ = low_;
  low_ = 0;
  step_ = kSmallStep;
  for (const auto& [rate, times] : held_) {
    if (rate < high_ && refuted_.find(rate) == refuted_.end()) low_ = rate;
  }
}

}  // namespace tcpfleet::controller
