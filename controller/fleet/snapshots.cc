#include "controller/fleet/snapshots.h"

#include <memory>
#include <optional>
#include <utility>

#include "common/base/status_context.h"
#include "common/sockets/frame_decoder.h"
#include "controller/fleet/collect.h"

namespace tcpfleet::controller {
namespace {

void AddTo(v1::Completeness& sum, const v1::Completeness& more) {
  sum.set_seen(sum.seen() + more.seen());
  sum.set_skipped(sum.skipped() + more.skipped());
  sum.set_torn(sum.torn() + more.torn());
  sum.set_dropped(sum.dropped() + more.dropped());
  sum.set_gap(sum.gap() || more.gap());
  sum.set_time_wait(sum.time_wait() + more.time_wait());
  sum.set_syn_recv(sum.syn_recv() + more.syn_recv());
  sum.set_unattributed(sum.unattributed() + more.unattributed());
}

AgentSnapshot Decode(const Collected<v1::SnapshotResponse>& collected) {
  AgentSnapshot snapshot;
  snapshot.status = collected.status;
  snapshot.asked = collected.asked;
  for (const v1::SnapshotResponse& response : collected.messages) {
    const absl::Status added = AddFrame(response.frame(), snapshot);
    if (added.ok()) continue;
    snapshot.status = added;
    break;
  }
  return snapshot;
}

}  // namespace

absl::Status AddFrame(const v1::ConnectionFrame& frame, AgentSnapshot& snapshot) {
  sockets::FrameDecoder decoder;
  // Every frame of a snapshot is a keyframe that holds its share of the rows.
  const absl::Status applied =
      frame.keyframe() ? decoder.Apply(frame) : absl::DataLossError("not a keyframe");
  if (!applied.ok()) return base::WithContext("unreadable frame", applied);
  for (const auto& [row, sample] : decoder.rows()) snapshot.connections.push_back(sample);
  AddTo(snapshot.completeness, frame.completeness());
  snapshot.monotonic_ns = static_cast<int64_t>(frame.monotonic_ns());
  return absl::OkStatus();
}

std::vector<AgentSnapshot> CollectSnapshots(Fleet& fleet, const SnapshotRequestFor& request_for,
                                            const std::stop_token& stop) {
  const auto start = [&](FleetMember& member, OnMessage<v1::SnapshotResponse> on_message,
                         OnDone on_done) -> std::unique_ptr<StreamCall> {
    const std::optional<v1::SnapshotRequest> request = request_for(member.target);
    if (!request) return nullptr;
    return member.client->Snapshot(*request, fleet.timeout(), std::move(on_message),
                                   std::move(on_done));
  };
  std::vector<AgentSnapshot> snapshots;
  for (const auto& collected : CollectFromAgents<v1::SnapshotResponse>(fleet, start, stop)) {
    snapshots.push_back(Decode(collected));
  }
  return snapshots;
}

}  // namespace tcpfleet::controller
