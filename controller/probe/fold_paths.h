// Paths that say the same, as one.
#pragma once

#include <absl/types/span.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

struct FoldedPaths {
  std::vector<const v1::ProbePath*> paths;  // never empty

  const v1::ProbePath& first() const { return *paths.front(); }
  std::vector<std::string> agents() const;
  uint64_t tries() const;
  uint64_t connected() const;
  uint64_t syn_retransmits() const;
  std::map<std::string, uint64_t> failed() const;
  // Of tries that connected, over all paths: the smallest, the median of medians, the largest.
  std::optional<double> latency_min_us() const;
  std::optional<double> latency_median_us() const;
  std::optional<double> latency_max_us() const;
  // Median of a field of TCP_INFO.
  std::optional<double> FieldMedian(const std::string& field) const;
};

// In the order in which addresses, and what is said of them, come first. Paths of which `what`
// is empty are left out.
std::vector<FoldedPaths> FoldPaths(const v1::ProbeReport& report,
                                   const std::function<std::string(const v1::ProbePath&)>& what);

}  // namespace tcpfleet::controller
