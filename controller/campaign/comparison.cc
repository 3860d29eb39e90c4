#include "controller/campaign/comparison.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "controller/campaign/given_options.h"
#include "controller/campaign/headline.h"
#include "controller/campaign/run_log.h"
#include "controller/campaign/statistics.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

using Reports = std::vector<const v1::StressReport*>;

std::vector<double> ValuesOf(const HeadlineNumber& number,
                             absl::Span<const v1::StressReport* const> runs) {
  std::vector<double> values;
  for (const v1::StressReport* const run : runs) {
    if (const auto value = number.read(*run); value.has_value()) values.push_back(*value);
  }
  return values;
}

void SetInterval(const std::optional<Interval>& interval, v1::NumberComparison& comparison) {
  if (!interval.has_value()) return;
  comparison.set_ratio_low(interval->low);
  comparison.set_ratio_high(interval->high);
  comparison.set_confidence_percent(interval->confidence_percent);
  comparison.set_conclusive(interval->low > 1 || interval->high < 1);
}

std::optional<v1::NumberComparison> Compared(const HeadlineNumber& number,
                                             const std::vector<double>& a,
                                             const std::vector<double>& b) {
  if (a.empty() || b.empty()) return std::nullopt;
  v1::NumberComparison comparison;
  comparison.set_name(std::string(number.name));
  comparison.set_median_a(Median(a));
  comparison.set_median_b(Median(b));
  comparison.set_runs_a(static_cast<uint32_t>(a.size()));
  comparison.set_runs_b(static_cast<uint32_t>(b.size()));
  return comparison;
}

double GeometricMean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

// Runs of a file that count, of the side that is asked for.
Reports RunsOf(const v1::SavedRun& saved) {
  Reports runs;
  if (saved.has_report() && !saved.report().verdict().empty()) {
    if (saved.report().total().measured_seconds() > 0) runs.push_back(&saved.report());
    return runs;
  }
  const bool searched = saved.campaign().kind() == "find-max";
  for (const v1::CampaignRun& run : saved.campaign().runs()) {
    if (Counts(run) && (!searched || run.label() == "confirm")) runs.push_back(&run.report());
  }
  return runs;
}

void AddRuns(const Reports& runs, const char* label, v1::CampaignReport& campaign) {
  for (const v1::StressReport* const run : runs) {
    v1::CampaignRun& added = *campaign.add_runs();
    added.set_label(label);
    *added.mutable_report() = *run;
  }
}

// Of a host in a role: "kernel" to value.
using Facts = std::map<std::string, std::string>;
using Hosts = std::map<std::string, Facts>;

Hosts HostFacts(const v1::SavedRun& saved) {
  Hosts hosts;
  for (const v1::SavedHost& host : saved.hosts()) {
    Facts& facts =
        hosts[host.role() == "server" ? absl::StrCat(host.name(), " (server)") : host.name()];
    facts = {host.settings().begin(), host.settings().end()};
    facts["agent version"] = host.host().version();
    facts["kernel"] = host.host().kernel();
    facts["CPUs"] = absl::StrCat(host.host().cpus());
  }
  return hosts;
}

std::string ValueIn(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? "" : found->second;
}

std::set<std::string> NamesIn(const Facts& a, const Facts& b) {
  std::set<std::string> names;
  for (const Facts* const facts : {&a, &b}) {
    for (const auto& [name, value] : *facts) names.insert(name);
  }
  return names;
}

}  // namespace

std::vector<v1::NumberSpread> SpreadsOf(absl::Span<const v1::StressReport* const> runs) {
  std::vector<v1::NumberSpread> spreads;
  for (const HeadlineNumber& number : HeadlineNumbers()) {
    const std::vector<double> values = ValuesOf(number, runs);
    if (!values.empty()) spreads.push_back(SpreadOf(number.name, values));
  }
  return spreads;
}

std::vector<v1::NumberComparison> ComparePairs(const v1::CampaignReport& campaign) {
  std::map<uint32_t, std::pair<const v1::StressReport*, const v1::StressReport*>> pairs;
  for (const v1::CampaignRun& run : campaign.runs()) {
    if (!Counts(run)) continue;
    auto& pair = pairs[run.pair()];
    (run.label() == "A" ? pair.first : pair.second) = &run.report();
  }
  std::vector<v1::NumberComparison> comparisons;
  for (const HeadlineNumber& number : HeadlineNumbers()) {
    std::vector<double> a;
    std::vector<double> b;
    std::vector<double> ratios;
    for (const auto& [index, pair] : pairs) {
      if (pair.first == nullptr || pair.second == nullptr) continue;
      const auto value_a = number.read(*pair.first);
      const auto value_b = number.read(*pair.second);
      if (!value_a.has_value() || !value_b.has_value()) continue;
      a.push_back(*value_a);
      b.push_back(*value_b);
      if (*value_a > 0) ratios.push_back(*value_b / *value_a);
    }
    std::optional<v1::NumberComparison> comparison = Compared(number, a, b);
    if (!comparison.has_value()) continue;
    comparison->set_pairs(static_cast<uint32_t>(ratios.size()));
    // Pairs without a ratio would be left out in favour of one side.
    if (!ratios.empty() && ratios.size() == a.size()) {
      comparison->set_ratio(Median(ratios));
      SetInterval(MedianInterval(ratios), *comparison);
    }
    comparisons.push_back(*std::move(comparison));
  }
  return comparisons;
}

std::vector<v1::NumberComparison> CompareGroups(absl::Span<const v1::StressReport* const> a,
                                                absl::Span<const v1::StressReport* const> b) {
  std::vector<v1::NumberComparison> comparisons;
  for (const HeadlineNumber& number : HeadlineNumbers()) {
    const std::vector<double> values_a = ValuesOf(number, a);
    const std::vector<double> values_b = ValuesOf(number, b);
    std::optional<v1::NumberComparison> comparison = Compared(number, values_a, values_b);
    if (!comparison.has_value()) continue;
    const auto is_positive = [](double value) { return value > 0; };
    if (std::all_of(values_a.begin(), values_a.end(), is_positive) &&
        std::all_of(values_b.begin(), values_b.end(), is_positive)) {
      comparison->set_ratio(GeometricMean(values_b) / GeometricMean(values_a));
      SetInterval(RatioInterval(values_a, values_b), *comparison);
    }
    comparisons.push_back(*std::move(comparison));
  }
  return comparisons;
}

absl::StatusOr<v1::CampaignReport> CompareSaved(const v1::SavedRun& a, const v1::SavedRun& b) {
  const Reports runs_a = RunsOf(a);
  const Reports runs_b = RunsOf(b);
  if (runs_a.empty() || runs_b.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(runs_a.empty() ? "A" : "B", ": holds no run that measured anything"));
  }
  v1::CampaignReport campaign;
  campaign.set_kind("compare");
  AddRuns(runs_a, "A", campaign);
  AddRuns(runs_b, "B", campaign);
  const auto options_a = GivenOptions::FromSaved(a.options());
  const auto options_b = GivenOptions::FromSaved(b.options());
  if (options_a.ok() && options_b.ok()) {
    for (v1::Difference& difference : OptionDifferences(*options_a, *options_b)) {
      *campaign.add_differences() = std::move(difference);
    }
  }
  for (v1::Difference& difference : HostDifferences(a, b)) {
    *campaign.add_differences() = std::move(difference);
  }
  for (v1::NumberComparison& comparison : CompareGroups(runs_a, runs_b)) {
    *campaign.add_comparisons() = std::move(comparison);
  }
  campaign.set_verdict("PASS");
  campaign.set_verdict_reason(ConclusionOf(campaign));
  return campaign;
}

std::vector<v1::Difference> HostDifferences(const v1::SavedRun& a, const v1::SavedRun& b) {
  const Hosts hosts_a = HostFacts(a);
  const Hosts hosts_b = HostFacts(b);
  // What differs in the same way, to the hosts.
  std::map<std::array<std::string, 3>, std::vector<std::string>> folded;
  for (const auto& [host, facts] : hosts_a) {
    const auto other = hosts_b.find(host);
    if (other == hosts_b.end()) {
      folded[{"takes part", "yes", ""}].push_back(host);
      continue;
    }
    for (const std::string& name : NamesIn(facts, other->second)) {
      const std::string in_a = ValueIn(facts, name);
      const std::string in_b = ValueIn(other->second, name);
      if (in_a != in_b) folded[{name, in_a, in_b}].push_back(host);
    }
  }
  for (const auto& [host, facts] : hosts_b) {
    if (hosts_a.find(host) == hosts_a.end()) folded[{"takes part", "", "yes"}].push_back(host);
  }
  std::vector<v1::Difference> differences;
  for (const auto& [what, hosts] : folded) {
    v1::Difference& difference = differences.emplace_back();
    difference.set_what(absl::StrCat(FoldNames(hosts), ": ", what[0]));
    difference.set_a(what[1]);
    difference.set_b(what[2]);
  }
  return differences;
}

std::string ConclusionOf(const v1::CampaignReport& campaign) {
  std::vector<std::string> differ;
  bool any_known = false;
  for (const v1::NumberComparison& comparison : campaign.comparisons()) {
    any_known |= comparison.has_ratio_low();
    if (!comparison.conclusive()) continue;
    differ.push_back(absl::StrFormat("%s x %.3f", TitleOf(comparison.name()), comparison.ratio()));
  }
  if (!any_known) return "NOT CONCLUSIVE: too few runs to tell a difference from chance";
  if (differ.empty()) return "NOT CONCLUSIVE: no number differs beyond chance";
  return absl::StrCat("B / A beyond chance: ", absl::StrJoin(differ, ", "));
}

}  // namespace tcpfleet::controller
