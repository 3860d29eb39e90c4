#include "controller/campaign/find_max.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <map>
#include <utility>

#include "common/base/units.h"
#include "controller/campaign/headline.h"
#include "controller/campaign/rate_search.h"

namespace tcpfleet::controller {
namespace {

std::string RateText(double rate) { return absl::StrCat(base::FormatCount(rate), "/s"); }

struct Judged {
  std::string why_not;  // empty: it holds
  bool by_generator = false;
};

Judged JudgeAt(double rate, const v1::StressReport& report) {
  if (report.generator_limited()) {
    return {"by the generator: its own lateness explains the slow operations", true};
  }
  for (const v1::ThresholdResult& threshold : report.thresholds()) {
    if (threshold.passed()) continue;
    return {threshold.has_observed()
                ? absl::StrCat(threshold.expression(), " (observed ", threshold.observed(), ")")
                : absl::StrCat(threshold.expression(), " (nothing to observe)")};
  }
  const double achieved = report.total().rate_per_second();
  if (achieved < kLeastAchieved * rate) {
    return {absl::StrCat("achieved only ", RateText(achieved))};
  }
  if (report.verdict() != "FAIL") return {};
  const auto& failed = report.total().failed();
  return {report.verdict_reason(), failed.contains("localPort") || failed.contains("localFd")};
}

// The rate the options begin with; 0 when they name none.
double GivenRate(const GivenOptions& options) {
  if (!options.Has("rate")) return 0;
  const std::string text = options.Get("rate")[0];
  if (const auto count = base::ParseCount(text); count.ok()) return static_cast<double>(*count);
  double rate = 0;
  return absl::SimpleAtod(text, &rate) ? rate : 0;
}

// Without what only an open loop has, and what would end it early.
GivenOptions ClosedLoop(const GivenOptions& options) {
  GivenOptions closed;
  for (const v1::SavedOption& option : options.list()) {
    const std::string& name = option.name();
    if (name == "arrivals" || name == "seed" || name == "timer" || name == "threshold" ||
        name == "abort-on-fail") {
      continue;
    }
    closed.Set(name, {option.values().begin(), option.values().end()}).IgnoreError();
  }
  return closed;
}

class MaximumFinder {
 public:
  MaximumFinder(const GivenOptions& options, const std::vector<std::string>& bounds,
                TrialRunner runner, const RunListener& listener)
      : options_(options),
        bounds_(bounds),
        log_("find-max", std::move(runner)),
        listener_(listener) {
    std::vector<std::string> thresholds = options.Get("threshold");
    thresholds.insert(thresholds.end(), bounds.begin(), bounds.end());
    options_.Set("threshold", std::move(thresholds)).IgnoreError();
  }

  absl::StatusOr<CampaignResult> Find() {
    double first = GivenRate(options_);
    if (first <= 0) first = Probe();
    FoundRate found;
    if (first > 0) {
      RateSearch search([this](double rate, bool confirms) { return Try(rate, confirms); },
                        kMostSearchRuns - log_.runs());
      found = search.Run(first);
    }
    return Conclude(found);
  }

 private:
  // Half of what a closed loop achieves; 0 when it achieves nothing.
  double Probe() {
    Trial trial;
    trial.options = ClosedLoop(options_);
    trial.label = "probe";
    trial.duration_divisor = kSearchDivisor;
    trial.rate = 0;
    v1::CampaignRun* const run = log_.Make(trial);
    if (run == nullptr) return 0;
    run->clear_requested_rate_per_second();
    run->set_note("closed loop, to begin with half of its rate");
    listener_(*run);
    return run->report().total().rate_per_second() / 2;
  }

  std::optional<bool> Try(double rate, bool confirms) {
    Trial trial;
    trial.options = options_;
    trial.label = confirms ? "confirm" : "search";
    trial.duration_divisor = confirms ? 1 : kSearchDivisor;
    trial.rate = rate;
    v1::CampaignRun* const run = log_.Make(trial);
    if (run == nullptr) return std::nullopt;
    const Judged judged = JudgeAt(rate, run->report());
    run->set_holds(judged.why_not.empty());
    run->set_note(judged.why_not);
    by_generator_[rate] = judged.by_generator;
    listener_(*run);
    return run->holds();
  }

  absl::StatusOr<CampaignResult> Conclude(const FoundRate& found) {
    v1::FoundMaximum& maximum = *log_.report().mutable_maximum();
    if (found.held > 0) maximum.set_rate_per_second(found.held);
    if (found.refuted > 0) {
      maximum.set_refuted_rate_per_second(found.refuted);
      maximum.set_generator_limited(by_generator_[found.refuted]);
    }
    maximum.set_exhausted(found.exhausted);
    Observe(maximum);
    if (found.held > 0) return log_.Conclude("PASS", Found(maximum), kOk);
    return log_.Conclude("FAIL",
                         found.refuted > 0
                             ? absl::StrCat("no rate holds ", absl::StrJoin(bounds_, " and "),
                                            ", down to ", RateText(found.refuted))
                             : "there is no rate to begin with: the closed loop achieved nothing",
                         kCheckFailed);
  }

  // The confirming runs at the rate that was found.
  void Observe(v1::FoundMaximum& maximum) {
    std::map<std::string, std::vector<double>> observed;
    for (const v1::CampaignRun& run : log_.report().runs()) {
      if (run.label() != "confirm" || !run.has_holds() || !maximum.has_rate_per_second() ||
          run.requested_rate_per_second() != maximum.rate_per_second()) {
        continue;
      }
      maximum.set_confirmations(maximum.confirmations() + 1);
      maximum.set_held(maximum.held() + (run.holds() ? 1 : 0));
      for (const v1::ThresholdResult& threshold : run.report().thresholds()) {
        if (!threshold.has_observed()) continue;
        const std::string& expression = threshold.expression();
        observed[expression.substr(0, expression.find_first_of(" <>=!"))].push_back(
            threshold.observed());
      }
    }
    for (const auto& [name, values] : observed) *maximum.add_observed() = SpreadOf(name, values);
  }

  std::string Found(const v1::FoundMaximum& maximum) const {
    std::string text =
        absl::StrFormat("%s holds %s in %d of %d runs", RateText(maximum.rate_per_second()),
                        absl::StrJoin(bounds_, " and "), maximum.held(), maximum.confirmations());
    if (maximum.confirmations() == 0) {
      text = absl::StrFormat("%s held %s while searching, and no run was left to confirm it",
                             RateText(maximum.rate_per_second()), absl::StrJoin(bounds_, " and "));
    }
    if (maximum.has_refuted_rate_per_second()) {
      absl::StrAppend(&text, ", ", RateText(maximum.refuted_rate_per_second()), " does not");
    }
    if (maximum.generator_limited()) {
      absl::StrAppend(&text, " BY THE GENERATOR: the fleet may take more, give it more agents");
    }
    if (maximum.exhausted()) {
      absl::StrAppend(&text, "; not precise, all ", kMostSearchRuns, " runs were made");
    }
    return text;
  }

  GivenOptions options_;
  const std::vector<std::string>& bounds_;
  RunLog log_;
  const RunListener& listener_;
  std::map<double, bool> by_generator_;
};

}  // namespace

absl::StatusOr<CampaignResult> FindMaximum(const GivenOptions& options,
                                           const std::vector<std::string>& bounds,
                                           TrialRunner runner, const RunListener& listener) {
  return MaximumFinder(options, bounds, std::move(runner), listener).Find();
}

}  // namespace tcpfleet::controller
