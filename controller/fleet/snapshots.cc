#include "controller/fleet/snapshots.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/status_context.h"
#include "common/sockets/frame_decoder.h"
#include "controller/fleet/fan_out.h"

namespace tcpfleet::controller {
namespace {

// One agent's stream. Frames are only kept in the callback; decoding them would hold up gRPC.
struct Stream {
  std::atomic<StreamCall*> call = nullptr;
  std::unique_ptr<StreamCall> owned_call;
  std::vector<v1::ConnectionFrame> frames;
  size_t bytes = 0;
  bool overflow = false;
  bool asked = true;
  absl::Status status = absl::CancelledError("interrupted");

  void OnMessage(v1::SnapshotResponse response) {
    bytes += response.ByteSizeLong();
    if (bytes > kMostSnapshotBytes) overflow = true;
    if (!overflow) frames.push_back(std::move(*response.mutable_frame()));
  }
};

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

AgentSnapshot Decode(Stream& stream) {
  AgentSnapshot snapshot;
  snapshot.status = std::move(stream.status);
  snapshot.asked = stream.asked;
  if (stream.overflow)
    snapshot.status = absl::ResourceExhaustedError("more than 256 MiB of frames");
  sockets::FrameDecoder decoder;
  for (const v1::ConnectionFrame& frame : stream.frames) {
    // Every frame of a snapshot is a keyframe that holds its share of the rows.
    const absl::Status applied =
        frame.keyframe() ? decoder.Apply(frame) : absl::DataLossError("not a keyframe");
    if (!applied.ok()) {
      snapshot.status = base::WithContext("unreadable frame", applied);
      break;
    }
    for (const auto& [row, sample] : decoder.rows()) snapshot.connections.push_back(sample);
    AddTo(snapshot.completeness, frame.completeness());
    snapshot.monotonic_ns = static_cast<int64_t>(frame.monotonic_ns());
  }
  return snapshot;
}

}  // namespace

std::vector<AgentSnapshot> CollectSnapshots(Fleet& fleet, const SnapshotRequestFor& request_for,
                                            const std::stop_token& stop) {
  std::vector<Stream> streams(fleet.size());
  // A call made while the interrupt arrives is seen by one of both: the callback, or its maker.
  std::optional<std::stop_callback<std::function<void()>>> cancel_all(
      std::in_place, stop, [&streams] {
        for (Stream& stream : streams) {
          if (StreamCall* call = stream.call) call->Cancel();
        }
      });
  FanOut(
      fleet.size(), fleet.parallel(),
      [&](size_t index, Done done) {
        Stream& stream = streams[index];
        const FleetMember& member = fleet.members()[index];
        const std::optional<v1::SnapshotRequest> request = request_for(member.target);
        if (!request) {
          stream.asked = false;
          stream.status = absl::OkStatus();
          done();
          return;
        }
        stream.owned_call = member.client->Snapshot(
            *request, fleet.timeout(),
            [&stream](v1::SnapshotResponse response) { stream.OnMessage(std::move(response)); },
            [&stream, done = std::move(done)](absl::Status status) {
              stream.status = std::move(status);
              done();
            });
        stream.call = stream.owned_call.get();
        if (stop.stop_requested()) stream.owned_call->Cancel();
      },
      stop);
  cancel_all.reset();
  std::vector<AgentSnapshot> snapshots;
  for (Stream& stream : streams) {
    stream.owned_call.reset();  // waits for the last callback, which may still be returning
    snapshots.push_back(Decode(stream));
  }
  return snapshots;
}

}  // namespace tcpfleet::controller
