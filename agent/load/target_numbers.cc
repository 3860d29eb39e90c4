#include "agent/load/target_numbers.h"

namespace tcpfleet::agent {

void TargetNumbers::CopyCountsFrom(const TargetNumbers& other) {
  attempted = other.attempted;
  succeeded = other.succeeded;
  failed = other.failed;
  bytes_sent = other.bytes_sent;
  bytes_received = other.bytes_received;
}

void TargetNumbers::AddCounts(const TargetNumbers& other) {
  attempted += other.attempted;
  succeeded += other.succeeded;
  failed += other.failed;
  bytes_sent += other.bytes_sent;
  bytes_received += other.bytes_received;
}

void TargetNumbers::MergeHistograms(const TargetNumbers& other) {
  connect_ns.Merge(other.connect_ns);
  response_ns.Merge(other.response_ns);
  rtt_us.Merge(other.rtt_us);
}

void TargetNumbers::ClearHistograms() {
  connect_ns.Clear();
  response_ns.Clear();
  rtt_us.Clear();
}

void TargetNumbers::Restart(bool keep_operations) {
  ClearHistograms();
  bytes_sent = bytes_received = 0;
  if (!keep_operations) attempted = succeeded = failed = 0;
}

void AddToProto(const TargetNumbers& numbers, v1::Progress& progress) {
  v1::TargetProgress& target = *progress.add_targets();
  target.set_attempted(numbers.attempted);
  target.set_succeeded(numbers.succeeded);
  target.set_failed(numbers.failed);
  target.set_bytes_sent(numbers.bytes_sent);
  target.set_bytes_received(numbers.bytes_received);
  *target.mutable_connect_latency() = numbers.connect_ns.ToDelta();
  *target.mutable_response_latency() = numbers.response_ns.ToDelta();
  *target.mutable_rtt_us() = numbers.rtt_us.ToDelta();
}

}  // namespace tcpfleet::agent
