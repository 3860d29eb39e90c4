#include "tests/bench/measurement.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <utility>

namespace tcpfleet::bench {
namespace {

std::string Number(double value) { return absl::StrFormat("%.4g", value); }

std::string GoalText(const std::optional<Goal>& goal) {
  if (!goal) return "-";
  return absl::StrCat(goal->at_least ? ">=" : "<=", Number(goal->bound));
}

absl::string_view Verdict(const Measurement& measurement) {
  if (!measurement.goal) return "";
  return measurement.Missed() ? "MISSED" : "ok";
}

}  // namespace

Measurement FromRounds(std::string name, std::vector<double> rounds, std::string unit,
                       std::optional<Goal> goal) {
  std::sort(rounds.begin(), rounds.end());
  const size_t count = rounds.size();
  const double median = (rounds[(count - 1) / 2] + rounds[count / 2]) / 2;
  const double spread = median == 0 ? 0 : (rounds.back() - rounds.front()) / median;
  return {.name = std::move(name),
          .value = median,
          .goal = goal,
          .unit = std::move(unit),
          .rounds = count,
          .spread = spread};
}

std::string ToTable(absl::Span<const Measurement> measurements) {
  constexpr char kRow[] = "%-26s %10s %8s %-8s %6s %7s  %s\n";
  std::string table =
      absl::StrFormat(kRow, "NAME", "VALUE", "GOAL", "UNIT", "ROUNDS", "SPREAD", "VERDICT");
  for (const Measurement& m : measurements) {
    absl::StrAppendFormat(&table, kRow, m.name, Number(m.value), GoalText(m.goal), m.unit,
                          absl::StrCat(m.rounds), absl::StrFormat("%.1f%%", m.spread * 100),
                          Verdict(m));
  }
  return table;
}

std::string ToJson(absl::Span<const Measurement> measurements) {
  std::string json = "[";
  for (const Measurement& m : measurements) {
    // Names and units are ours: nothing to escape.
    absl::StrAppendFormat(&json,
                          "%s\n  {\"name\": \"%s\", \"value\": %.9g, \"goal\": \"%s\", \"unit\": "
                          "\"%s\", \"rounds\": %d, "
                          "\"spread\": %.4g}",
                          json.size() == 1 ? "" : ",", m.name, m.value, GoalText(m.goal), m.unit,
                          m.rounds, m.spread);
  }
  return json + "\n]\n";
}

}  // namespace tcpfleet::bench
