// The numbers that are watched over time, read from what kernels count. Pure.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "tcpfleet/v1/kernel.pb.h"

namespace tcpfleet::controller {

struct SeriesDefinition {
  absl::string_view name;
  absl::string_view unit;
  absl::string_view title;  // of an alert: "many connections"
  double resolution;        // of its percentiles
  double least_change;      // less is no pattern
};

// connections          neither listening nor in TIME-WAIT
// time_wait            all of it
// time_wait_per_tuple  towards one (local address, peer address, peer port)
// connect_rate         outgoing connections begun, per second
// accept_rate          incoming connections established, per second
// error_rate           attempts that failed and connections that were reset, per second
// retransmitted_share  of the segments sent; of 1,000 when fewer were, so that a few are no alarm
// port_use             share of the ephemeral ports in use towards one destination
absl::Span<const SeriesDefinition> SeriesDefinitions();
// Null when there is none.
const SeriesDefinition* FindSeriesDefinition(absl::string_view name);

struct SubjectValue {
  std::string subject;  // a destination; empty: the namespace as a whole
  double value = 0;
};

struct SeriesReading {
  const SeriesDefinition* series = nullptr;
  std::string network_namespace;     // name, or "netns INODE"; empty: the agent's own
  std::string unknown;               // why there is no value
  std::vector<SubjectValue> values;  // largest first; none: there was no such destination

  double Largest() const { return values.empty() ? 0 : values.front().value; }
};

// As series and alerts call one that is not the agent's own.
std::string NamespaceName(const v1::NamespaceStatistics& statistics);

// Every series of every namespace of `now`. Rates are unknown without a snapshot `before` of the
// same boot, and when a counter went back.
std::vector<SeriesReading> ReadSeries(const v1::KernelSnapshot* before,
                                      const v1::KernelSnapshot& now);

}  // namespace tcpfleet::controller
