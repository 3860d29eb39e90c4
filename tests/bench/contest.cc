#include "tests/bench/contest.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <cstdio>

#include "common/base/status_macros.h"

namespace tcpfleet::bench {

absl::Status Contest::Run(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    std::map<std::string, Cost> costs;
    for (size_t i = 0; i < contestants_.size(); ++i) {
      const auto& [name, run] = contestants_[round % 2 == 0 ? i : contestants_.size() - 1 - i];
      TF_ASSIGN_OR_RETURN(costs[name], run());
    }
    absl::FPrintF(stderr, "%s %d/%d:", name_, round + 1, rounds);
    for (const auto& [name, cost] : costs) {
      absl::FPrintF(stderr, "  %s %.4g us, %.4g/s", name, cost.cpu_us, cost.rate);
    }
    std::fputc('\n', stderr);
    rounds_.push_back(std::move(costs));
  }
  return absl::OkStatus();
}

Measurement Contest::Ratio(const std::string& row, double Cost::*what, const std::string& ours,
                           const std::string& other, std::optional<Goal> goal) const {
  std::vector<double> ratios;
  for (const auto& costs : rounds_) {
    ratios.push_back(costs.at(ours).*what / (costs.at(other).*what));
  }
  return FromRounds(absl::StrCat(name_, "/", row), std::move(ratios), absl::StrCat("x ", other),
                    goal);
}

Measurement Contest::Value(const std::string& row, double Cost::*what,
                           const std::string& contestant, const std::string& unit) const {
  std::vector<double> values;
  for (const auto& costs : rounds_) values.push_back(costs.at(contestant).*what);
  return FromRounds(absl::StrCat(name_, "/", row), std::move(values), unit);
}

}  // namespace tcpfleet::bench
