#include "agent/load/tcp_info_sampler.h"

#include <linux/tcp.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

// The member at `offset`, or 0 when this kernel's tcp_info ends before it.
uint32_t ReadU32(const RawConnectionSample& sample, size_t offset) {
  uint32_t value = 0;
  if (offset + sizeof(value) <= sample.raw_length) {
    std::memcpy(&value, sample.raw.data() + offset, sizeof(value));
  }
  return value;
}

}  // namespace

uint32_t ReadTotalRetransmits(int fd) {
  RawConnectionSample sample;
  sample.raw_length = sys::ReadTcpInfo(fd, absl::MakeSpan(sample.raw));
  return ReadU32(sample, offsetof(tcp_info, tcpi_total_retrans));
}

ConnectionKey ReadConnectionKey(int fd) {
  ConnectionKey key;
  key.cookie = sys::SocketCookie(fd);
  if (const auto local = sys::LocalEndpoint(fd); local.ok()) key.local = *local;
  if (const auto remote = sys::PeerEndpoint(fd); remote.ok()) key.remote = *remote;
  const std::string name = sys::CongestionControl(fd);
  std::copy_n(name.begin(), std::min(name.size(), key.congestion_control.size() - 1),
              key.congestion_control.begin());
  return key;
}

TcpInfoSampler::TcpInfoSampler(uint32_t slots, size_t frame_rows, size_t closed_rows)
    : frame_rows_(frame_rows),
      closed_rows_(closed_rows),
      states_(slots),
      keys_(std::min<size_t>(slots, frame_rows)),
      next_(slots) {}

void TcpInfoSampler::Restart() {
  ++window_;
  counts_ = TcpInfoCounts();
  StartSweep();
}

void TcpInfoSampler::StartSweep() {
  next_ = 0;
  live_.clear();
}

bool TcpInfoSampler::ContinueSweep(int64_t now_ns, TcpInfoHistograms& histograms) {
  const size_t end = std::min<size_t>(next_ + kChunk, states_.size());
  for (; next_ < end; ++next_) {
    State& state = states_[next_];
    if (state.fd < 0 || !Sample(state, now_ns, histograms)) continue;
    Keep(static_cast<uint32_t>(next_), state.fd, live_, frame_rows_);
  }
  return next_ == states_.size();
}

void TcpInfoSampler::SampleClosing(uint32_t slot, int64_t now_ns, TcpInfoHistograms& histograms) {
  State& state = states_[slot];
  if (Sample(state, now_ns, histograms)) Keep(slot, state.fd, closed_, closed_rows_);
  state.fd = -1;
}

bool TcpInfoSampler::Sample(State& state, int64_t now_ns, TcpInfoHistograms& histograms) {
  scratch_.monotonic_ns = now_ns;
  scratch_.raw_length = sys::ReadTcpInfo(state.fd, absl::MakeSpan(scratch_.raw));
  if (scratch_.raw_length == 0) return false;
  const uint32_t rtt = ReadU32(scratch_, offsetof(tcp_info, tcpi_rtt));
  if (rtt != 0) {
    histograms.rtt_us.Record(rtt);
    if (state.target_rtt_us != nullptr) state.target_rtt_us->Record(rtt);
    histograms.snd_cwnd.Record(ReadU32(scratch_, offsetof(tcp_info, tcpi_snd_cwnd)));
    // ~0 until the first measurement.
    const uint32_t min_rtt = ReadU32(scratch_, offsetof(tcp_info, tcpi_min_rtt));
    if (min_rtt != 0 && min_rtt != ~uint32_t{0}) histograms.min_rtt_us.Record(min_rtt);
  }
  const uint32_t retransmits = ReadU32(scratch_, offsetof(tcp_info, tcpi_total_retrans));
  const uint32_t lost = ReadU32(scratch_, offsetof(tcp_info, tcpi_lost));
  // The first sample after the warm-up of a connection that was sampled in it is only a base.
  const bool is_base = state.window != 0 && state.window != window_;
  if (state.window != window_) {
    ++counts_.connections_sampled;
    state.lost = 0;
  }
  if (!is_base) counts_.total_retransmits += retransmits - state.retransmits;
  if (lost > state.lost) counts_.lost_segments += lost - std::exchange(state.lost, lost);
  state.retransmits = retransmits;
  state.window = window_;
  return true;
}

void TcpInfoSampler::Keep(uint32_t slot, int fd, std::vector<RawConnectionSample>& rows,
                          size_t most) {
  if (slot >= keys_.size() || rows.size() >= most) {
    ++dropped_;
    return;
  }
  ConnectionKey& key = keys_[slot];
  if (key.cookie == 0) key = ReadConnectionKey(fd);
  scratch_.key = key;
  rows.push_back(scratch_);
}

uint64_t TcpInfoSampler::TakeDropped() { return std::exchange(dropped_, 0); }

}  // namespace tcpfleet::agent
