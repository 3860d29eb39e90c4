// TCP_INFO of the first connections of one load thread: summaries for Progress, and raw samples for
// connection frames.
//
// Threads: one owner, the load thread; samples leave it by being moved out.
// Bounds:  a sweep reads kChunk connections per turn. Frames get at most `frame_rows` live and
//          `closed_rows` closed connections per hand-over; the rest is counted as dropped.
// Source:  tcp(7) TCP_INFO, linux/tcp.h. Values beyond kRawBytes of a newer kernel are cut off.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/load/paged_histogram.h"
#include "common/base/ip_address.h"
#include "common/stats/histogram.h"

namespace tcpfleet::agent {

struct ConnectionKey {
  uint64_t cookie = 0;  // 0: not read yet
  base::Endpoint local;
  base::Endpoint remote;
  std::array<char, 16> congestion_control{};
};

// tcpi_total_retrans; 0 when it cannot be read.
uint32_t ReadTotalRetransmits(int fd);
// Members that cannot be read stay empty.
ConnectionKey ReadConnectionKey(int fd);

struct RawConnectionSample {
  static constexpr size_t kRawBytes = 384;

  ConnectionKey key;
  int64_t monotonic_ns = 0;
  size_t raw_length = 0;
  std::array<std::byte, kRawBytes> raw;
};

struct TcpInfoHistograms {
  stats::Histogram rtt_us;
  stats::Histogram min_rtt_us;
  stats::Histogram snd_cwnd;
};

// Since the end of the warm-up.
struct TcpInfoCounts {
  uint64_t total_retransmits = 0;
  uint64_t lost_segments = 0;
  uint64_t connections_sampled = 0;
};

class TcpInfoSampler {
 public:
  static constexpr uint32_t kChunk = 32;

  // Samples the connections in slots 0 to `slots` - 1.
  TcpInfoSampler(uint32_t slots, size_t frame_rows, size_t closed_rows);

  // The connection in `slot` has opened; `target_rtt_us`, if any, outlives it. Slots that are not
  // sampled are ignored, here and below.
  void Opened(uint32_t slot, int fd, PagedHistogram* target_rtt_us = nullptr) {
    if (slot >= states_.size()) return;
    states_[slot] = State{.fd = fd, .target_rtt_us = target_rtt_us};
    if (slot < keys_.size()) keys_[slot].cookie = 0;
  }
  // To be called right before close(); the last sample.
  void Closing(uint32_t slot, int64_t now_ns, TcpInfoHistograms& histograms) {
    if (slot < states_.size() && states_[slot].fd >= 0) SampleClosing(slot, now_ns, histograms);
  }

  // Counts start anew: what a connection retransmitted before is not part of them.
  void Restart();

  size_t slots() const { return states_.size(); }
  void StartSweep();
  bool sweeping() const { return next_ < states_.size(); }
  // Samples the next kChunk open connections; true when that finished a sweep.
  bool ContinueSweep(int64_t now_ns, TcpInfoHistograms& histograms);

  const TcpInfoCounts& counts() const { return counts_; }
  // The last finished sweep, and the connections closed since the last hand-over.
  std::vector<RawConnectionSample>& live() { return live_; }
  std::vector<RawConnectionSample>& closed() { return closed_; }
  // Rows that found no place since the last call.
  uint64_t TakeDropped();

 private:
  struct State {
    int fd = -1;
    uint32_t retransmits = 0;  // tcpi_total_retrans of the last sample
    uint32_t lost = 0;         // highest tcpi_lost
    uint32_t window = 0;       // of the last sample; 0: none yet
    PagedHistogram* target_rtt_us = nullptr;
  };

  void SampleClosing(uint32_t slot, int64_t now_ns, TcpInfoHistograms& histograms);
  bool Sample(State& state, int64_t now_ns, TcpInfoHistograms& histograms);
  void Keep(uint32_t slot, int fd, std::vector<RawConnectionSample>& rows, size_t most);

  const size_t frame_rows_;
  const size_t closed_rows_;
  std::vector<State> states_;
  std::vector<ConnectionKey> keys_;  // of the first frame_rows_ slots
  uint32_t window_ = 1;              // grows at Restart
  size_t next_;                      // next slot of the sweep
  TcpInfoCounts counts_;
  RawConnectionSample scratch_;
  std::vector<RawConnectionSample> live_;
  std::vector<RawConnectionSample> closed_;
  uint64_t dropped_ = 0;
};

}  // namespace tcpfleet::agent
