// Connections of a host that a rule means, and groups of them.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <functional>
#include <string>
#include <vector>

#include "controller/diagnose/host_observation.h"

namespace tcpfleet::controller {

struct PickedConnections {
  std::vector<const ConnectionHistory*> connections;
  // Why there may be more: some were left out, or the kernel does not report what decides.
  absl::Status complete;
};

// Those in one of `states` (as ss names them) in the last sample for which `predicate` holds. It is
// only asked of connections with all of `fields`.
absl::StatusOr<PickedConnections> PickConnections(
    const HostObservation& host, absl::Span<const absl::string_view> states,
    absl::Span<const absl::string_view> fields,
    const std::function<bool(const ConnectionHistory&)>& predicate);

// How often the host's connections were looked at one by one, and for how long.
struct ConnectionSampling {
  double samples = 0;
  double seconds = 0;  // from the first sample to the last
};
ConnectionSampling SamplingOf(const HostObservation& host);
// OK when that is enough to judge by.
absl::Status Sampled(const HostObservation& host, const ConnectionSampling& least);
// What happens from one sample to the next takes two.
inline constexpr ConnectionSampling kForChange = {2, 0};

struct ConnectionGroup {
  std::string key;
  std::vector<const ConnectionHistory*> connections;
};

// Its last record that names its process; the last one when none does.
const v1::ConnectionRecord& RecordWithOwner(const ConnectionHistory& connection);

// By a key of such a record. Largest first; groups of one size by their key.
std::vector<ConnectionGroup> GroupBy(
    absl::Span<const ConnectionHistory* const> connections,
    const std::function<std::string(const v1::ConnectionRecord&)>& key);

// "10.0.0.2" of "10.0.0.2:443" and "[::ffff:10.0.0.2]:443", "2001:db8::1" of "[2001:db8::1]:443".
std::string AddressOf(absl::string_view endpoint);
uint32_t PortOf(absl::string_view endpoint);

}  // namespace tcpfleet::controller
