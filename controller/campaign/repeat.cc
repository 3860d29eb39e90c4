#include "controller/campaign/repeat.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <utility>

#include "controller/campaign/comparison.h"
#include "controller/campaign/headline.h"

namespace tcpfleet::controller {
namespace {

constexpr uint64_t kSeeds = uint64_t{1} << 32;  // as --seed takes them

GivenOptions WithSeed(GivenOptions options, uint64_t step) {
  const std::vector<std::string> arrivals = options.Get("arrivals");
  uint64_t seed = 1;
  if (options.Has("seed") && !absl::SimpleAtoi(options.Get("seed")[0], &seed)) return options;
  if (step == 0 || arrivals.empty() || arrivals[0] != "exponential") return options;
  options.Set("seed", {absl::StrCat((seed + step) % kSeeds)})
      .IgnoreError();  // there is such an option
  return options;
}

}  // namespace

absl::StatusOr<CampaignResult> RepeatRuns(const GivenOptions& options, int times,
                                          TrialRunner runner, const RunListener& listener) {
  RunLog log("repeat", std::move(runner));
  for (int i = 0; i < times; ++i) {
    Trial trial;
    trial.options = WithSeed(options, static_cast<uint64_t>(i));
    trial.label = "run";
    const v1::CampaignRun* const run = log.Make(trial);
    if (run == nullptr) break;
    listener(*run);
  }
  const auto runs = log.Counting("run");
  for (v1::NumberSpread& spread : SpreadsOf(runs)) *log.report().add_numbers() = std::move(spread);
  return log.ConcludeByRuns(absl::StrCat("all ", runs.size(), " runs passed"));
}

absl::StatusOr<CampaignResult> CompareInTurns(const GivenOptions& a, const GivenOptions& b,
                                              int pairs, TrialRunner runner,
                                              const RunListener& listener) {
  RunLog log("ab", std::move(runner));
  bool goes_on = true;
  for (int i = 0; i < 2 * pairs && goes_on; ++i) {
    const int pair = i / 2;
    // A B, B A, A B, ...: what drifts with time hits both alike.
    const bool is_a = (i % 2 == 0) == (pair % 2 == 0);
    Trial trial;
    trial.options = WithSeed(is_a ? a : b, static_cast<uint64_t>(pair));
    trial.label = is_a ? "A" : "B";
    trial.pair = static_cast<uint32_t>(pair + 1);
    const v1::CampaignRun* const run = log.Make(trial);
    goes_on = run != nullptr;
    if (goes_on) listener(*run);
  }
  for (v1::Difference& difference : OptionDifferences(a, b)) {
    *log.report().add_differences() = std::move(difference);
  }
  for (v1::NumberComparison& comparison : ComparePairs(log.report())) {
    *log.report().add_comparisons() = std::move(comparison);
  }
  return log.ConcludeByRuns(ConclusionOf(log.report()));
}

}  // namespace tcpfleet::controller
