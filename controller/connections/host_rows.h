// The connections of one host, followed from frame to frame.
//
// Threads: not thread-safe.
// Errors:  DataLoss: the frame cannot be applied, or lists a socket twice; only a keyframe helps.
// Bounds:  sockets::kMostRows connections.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "common/sockets/frame_decoder.h"
#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {

class HostRows final : private sockets::RowObserver {
 public:
  struct Totals {
    double send_rate = 0;
    double receive_rate = 0;
    double retransmits_per_second = 0;
  };

  explicit HostRows(uint32_t host) : host_(host) {}

  // Only touches what the frame touches and what the frame before did. Ended connections go to
  // `closed`, and with the rest to `changes`, when that is given.
  absl::Status Apply(const v1::ConnectionFrame& frame, int64_t unix_ns, FrameChanges* changes,
                     std::vector<sockets::ClosedConnection>& closed);
  // The stream broke: the next frame must be a keyframe.
  void ExpectKeyframe() { expects_keyframe_ = true; }
  void Forget();

  size_t size() const { return by_key_.size(); }
  const Totals& totals() const { return totals_; }
  // Null when there is no such connection.
  const ConnectionRow* Find(uint64_t cookie, uint64_t network_namespace) const;
  void AppendTo(std::vector<const ConnectionRow*>& rows) const;

 private:
  using Key = std::pair<uint64_t, uint64_t>;  // cookie, network namespace
  struct Slot {
    ConnectionRow row;
    uint32_t number = 0;
    uint32_t seen_frame = 0;  // the last that named it
    bool used = false;
  };
  static constexpr size_t kChunk = 32;

  static Key KeyOf(const sockets::ConnectionSample& sample) {
    return {sample.identity.cookie, sample.identity.network_namespace};
  }
  absl::Status ApplyKeyframe(const v1::ConnectionFrame& frame);
  absl::Status ApplyDifference(const v1::ConnectionFrame& frame);
  absl::Status RefuseRepeated();
  void FrameBegins() override;
  void RowsChanged(absl::Span<const uint32_t> rows,
                   absl::Span<const sockets::Counters> before) override;
  void Attach(uint32_t row, Slot& slot);
  void Open(Slot& slot);
  void Update(Slot& slot, const sockets::Counters& before);
  void Close(const sockets::ClosedConnection& closed, const sockets::Counters& before);
  sockets::Derived Count(const sockets::Counters& before, const sockets::FieldValues& now);
  void Show(Slot& slot, const sockets::Derived& derived);
  void CoolDown();
  Slot& Take();
  void Release(Slot& slot);

  const uint32_t host_;
  std::unique_ptr<sockets::FrameDecoder> decoder_;
  bool expects_keyframe_ = true;
  bool has_frame_ = false;
  uint32_t frames_ = 0;
  int64_t last_ns_ = 0;  // CLOCK_MONOTONIC of the last frame
  Totals totals_;

  std::vector<std::unique_ptr<std::array<Slot, kChunk>>> chunks_;  // slots never move
  std::vector<Slot*> free_;
  absl::flat_hash_map<Key, Slot*> by_key_;
  std::vector<Slot*> by_row_;  // by row id of the decoder; only rows it has are up to date
  std::vector<uint32_t> changed_frame_;  // by slot number: the last frame that changed it
  std::vector<uint32_t> changed_;        // slot numbers, by the last frame
  std::vector<uint32_t> changed_before_;

  // Of the frame being applied; `changes_` is null otherwise.
  int64_t interval_ns_ = 0;
  int64_t unix_ns_ = 0;
  FrameChanges* changes_ = nullptr;
  std::vector<sockets::ClosedConnection>* closed_ = nullptr;
};

}  // namespace tcpfleet::controller
