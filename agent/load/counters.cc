#include "agent/load/counters.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace tcpfleet::agent {

void Counters::CancelInFlight() { cancelled += std::exchange(in_flight, 0); }

void Counters::Restart(bool keep_operations) {
  const Counters before = std::exchange(*this, Counters());
  if (keep_operations) {
    attempted = before.attempted;
    succeeded = before.succeeded;
    failed = before.failed;
    in_flight = before.in_flight;
  }
  active = before.active;
  opened = before.opened;
  accepted = before.accepted;
  reconnects = before.reconnects;
}

void Counters::TakeTimed(const Counters& at_end) {
  active = at_end.active;
  bytes_sent = at_end.bytes_sent;
  bytes_received = at_end.bytes_received;
  lost = at_end.lost;
  dead = at_end.dead;
  accept_failed = at_end.accept_failed;
  cpu_ns = at_end.cpu_ns;
  measured_ns = at_end.measured_ns;
}

void Counters::Merge(const Counters& other) {
  attempted += other.attempted;
  succeeded += other.succeeded;
  failed.Merge(other.failed);
  cancelled += other.cancelled;
  in_flight += other.in_flight;
  active += other.active;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
  opened += other.opened;
  accepted += other.accepted;
  lost += other.lost;
  dead += other.dead;
  reconnects += other.reconnects;
  for (size_t i = 0; i < by_status.size(); ++i) by_status[i] += other.by_status[i];
  accept_failed.Merge(other.accept_failed);
  cpu_ns += other.cpu_ns;
}

v1::RunCounters ToProto(const Counters& counters, int64_t measured_ns) {
  v1::RunCounters proto;
  proto.set_attempted(counters.attempted);
  proto.set_succeeded(counters.succeeded);
  counters.failed.AddTo(*proto.mutable_failed());
  proto.set_cancelled(counters.cancelled);
  proto.set_in_flight(counters.in_flight);
  proto.set_active(counters.active);
  proto.set_bytes_sent(counters.bytes_sent);
  proto.set_bytes_received(counters.bytes_received);
  proto.set_connections_opened(counters.opened);
  proto.set_connections_accepted(counters.accepted);
  proto.set_connections_lost(counters.lost);
  proto.set_cpu_seconds(static_cast<double>(counters.cpu_ns) / 1e9);
  proto.set_measured_seconds(static_cast<double>(measured_ns) / 1e9);
  counters.accept_failed.AddTo(*proto.mutable_accept_failed());
  proto.set_connections_dead(counters.dead);
  proto.set_reconnects(counters.reconnects);
  for (size_t i = 0; i < counters.by_status.size(); ++i) {
    if (counters.by_status[i] == 0) continue;
    (*proto.mutable_responses_by_status())[absl::StrCat(i + 1, "xx")] = counters.by_status[i];
  }
  return proto;
}

}  // namespace tcpfleet::agent
