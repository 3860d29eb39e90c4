#include "controller/probe/fold_paths.h"

#include <algorithm>
#include <utility>

namespace tcpfleet::controller {
namespace {

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::vector<std::string> FoldedPaths::agents() const {
  std::vector<std::string> names;
  for (const v1::ProbePath* path : paths) names.push_back(path->agent());
  return names;
}

uint64_t FoldedPaths::tries() const {
  uint64_t sum = 0;
  for (const v1::ProbePath* path : paths) sum += path->tries();
  return sum;
}

uint64_t FoldedPaths::connected() const {
  uint64_t sum = 0;
  for (const v1::ProbePath* path : paths) sum += path->connected();
  return sum;
}

uint64_t FoldedPaths::syn_retransmits() const {
  uint64_t sum = 0;
  for (const v1::ProbePath* path : paths) sum += path->syn_retransmits();
  return sum;
}

std::map<std::string, uint64_t> FoldedPaths::failed() const {
  std::map<std::string, uint64_t> failed;
  for (const v1::ProbePath* path : paths) {
    for (const auto& [outcome, tries] : path->failed()) failed[outcome] += tries;
  }
  return failed;
}

std::optional<double> FoldedPaths::latency_min_us() const {
  std::optional<double> least;
  for (const v1::ProbePath* path : paths) {
    const v1::Distribution& latency = path->connect_latency_us();
    if (latency.has_min()) least = std::min(least.value_or(latency.min()), latency.min());
  }
  return least;
}

std::optional<double> FoldedPaths::latency_median_us() const {
  std::vector<double> medians;
  for (const v1::ProbePath* path : paths) {
    if (path->connect_latency_us().has_p50()) medians.push_back(path->connect_latency_us().p50());
  }
  return Median(std::move(medians));
}

std::optional<double> FoldedPaths::latency_max_us() const {
  std::optional<double> most;
  for (const v1::ProbePath* path : paths) {
    const v1::Distribution& latency = path->connect_latency_us();
    if (latency.has_max()) most = std::max(most.value_or(latency.max()), latency.max());
  }
  return most;
}

std::optional<double> FoldedPaths::FieldMedian(const std::string& field) const {
  std::vector<double> values;
  for (const v1::ProbePath* path : paths) {
    const auto found = path->fields().find(field);
    if (found != path->fields().end()) values.push_back(static_cast<double>(found->second));
  }
  return Median(std::move(values));
}

std::vector<FoldedPaths> FoldPaths(const v1::ProbeReport& report,
                                   const std::function<std::string(const v1::ProbePath&)>& what) {
  std::vector<FoldedPaths> folded;
  std::map<std::pair<std::string, std::string>, size_t> index;
  std::map<std::string, size_t> order;  // of addresses
  for (const v1::ProbePath& path : report.paths()) {
    const std::string said = what(path);
    if (said.empty()) continue;
    order.try_emplace(path.address(), order.size());
    const auto [found, is_new] = index.try_emplace({path.address(), said}, folded.size());
    if (is_new) folded.emplace_back();
    folded[found->second].paths.push_back(&path);
  }
  std::stable_sort(folded.begin(), folded.end(), [&](const FoldedPaths& a, const FoldedPaths& b) {
    return order[a.first().address()] < order[b.first().address()];
  });
  return folded;
}

}  // namespace tcpfleet::controller
