#include "controller/diagnose/picked_connections.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

bool IsIn(absl::Span<const absl::string_view> states, const v1::ConnectionRecord& record) {
  return std::find(states.begin(), states.end(), record.state()) != states.end();
}

}  // namespace

absl::StatusOr<PickedConnections> PickConnections(
    const HostObservation& host, absl::Span<const absl::string_view> states,
    absl::Span<const absl::string_view> fields,
    const std::function<bool(const ConnectionHistory&)>& predicate) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ConnectionHistory> all, host.Connections());
  const int64_t last_ns = host.evidence().sockets().rbegin()->monotonic_ns();
  PickedConnections picked;
  picked.complete = host.ConnectionsComplete();
  for (const ConnectionHistory& one : all) {
    if (one.samples.back().monotonic_ns != last_ns || !IsIn(states, one.last())) continue;
    const auto unknown = std::find_if(fields.begin(), fields.end(), [&](absl::string_view field) {
      return !one.Value(field).has_value();
    });
    if (unknown != fields.end()) {
      picked.complete = absl::FailedPreconditionError(
          absl::StrCat("inet_diag: the kernel does not report ", *unknown));
    } else if (predicate(one)) {
      picked.connections.push_back(&one);
    }
  }
  return picked;
}

ConnectionSampling SamplingOf(const HostObservation& host) {
  const auto& samples = host.evidence().sockets();
  if (samples.empty()) return {};
  return {static_cast<double>(samples.size()),
          static_cast<double>(samples.rbegin()->monotonic_ns() - samples.begin()->monotonic_ns()) /
              1e9};
}

absl::Status Sampled(const HostObservation& host, const ConnectionSampling& least) {
  const ConnectionSampling sampling = SamplingOf(host);
  if (sampling.samples < least.samples) {
    return absl::FailedPreconditionError(absl::StrCat("judged by at least ", least.samples,
                                                      " samples of connections, not by ",
                                                      sampling.samples));
  }
  if (sampling.seconds < least.seconds) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "connections are judged by at least %g s, not by %.4g s", least.seconds, sampling.seconds));
  }
  return absl::OkStatus();
}

const v1::ConnectionRecord& RecordWithOwner(const ConnectionHistory& connection) {
  for (auto sample = connection.samples.rbegin(); sample != connection.samples.rend(); ++sample) {
    if (sample->record->has_pid()) return *sample->record;
  }
  return connection.last();
}

std::vector<ConnectionGroup> GroupBy(
    absl::Span<const ConnectionHistory* const> connections,
    const std::function<std::string(const v1::ConnectionRecord&)>& key) {
  std::map<std::string, std::vector<const ConnectionHistory*>> by_key;
  for (const ConnectionHistory* one : connections)
    by_key[key(RecordWithOwner(*one))].push_back(one);
  std::vector<ConnectionGroup> groups;
  for (auto& [name, members] : by_key) groups.push_back({name, std::move(members)});
  std::stable_sort(groups.begin(), groups.end(),
                   [](const ConnectionGroup& a, const ConnectionGroup& b) {
                     return a.connections.size() > b.connections.size();
                   });
  return groups;
}

std::string AddressOf(absl::string_view endpoint) {
  absl::string_view address = endpoint.substr(0, endpoint.rfind(':'));
  if (absl::ConsumePrefix(&address, "[")) absl::ConsumeSuffix(&address, "]");
  absl::ConsumePrefix(&address, "::ffff:");
  return std::string(address);
}

uint32_t PortOf(absl::string_view endpoint) {
  uint32_t port = 0;
  const size_t colon = endpoint.rfind(':');
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(endpoint.substr(colon + 1), &port)) {
    return 0;
  }
  return port;
}

}  // namespace tcpfleet::controller
