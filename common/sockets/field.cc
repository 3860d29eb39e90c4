#include "common/sockets/field.h"

#include <array>

namespace tcpfleet::sockets {
namespace {

constexpr std::array kFields = {
    FieldInfo{Field::kState, "state", FieldKind::kGauge},
    FieldInfo{Field::kReceiveQueue, "receive_queue", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSendQueue, "send_queue", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kTimer, "timer", FieldKind::kGauge},
    FieldInfo{Field::kTimerExpiresAtMs, "timer_expires_at_ms", FieldKind::kMoment,
              FieldUnit::kMilliseconds},
    FieldInfo{Field::kTimerRetransmits, "timer_retransmits", FieldKind::kGauge},
    FieldInfo{Field::kShutdown, "shutdown", FieldKind::kGauge},
    FieldInfo{Field::kCaState, "ca_state", FieldKind::kGauge},
    FieldInfo{Field::kRetransmits, "retransmits", FieldKind::kGauge},
    FieldInfo{Field::kProbes, "probes", FieldKind::kGauge},
    FieldInfo{Field::kBackoff, "backoff", FieldKind::kGauge},
    FieldInfo{Field::kOptions, "options", FieldKind::kGauge},
    FieldInfo{Field::kSndWscale, "snd_wscale", FieldKind::kGauge},
    FieldInfo{Field::kRcvWscale, "rcv_wscale", FieldKind::kGauge},
    FieldInfo{Field::kDeliveryRateAppLimited, "delivery_rate_app_limited", FieldKind::kGauge},
    FieldInfo{Field::kFastopenClientFail, "fastopen_client_fail", FieldKind::kGauge},
    FieldInfo{Field::kRto, "rto", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kAto, "ato", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kSndMss, "snd_mss", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kRcvMss, "rcv_mss", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kUnacked, "unacked", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kSacked, "sacked", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kLost, "lost", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kRetrans, "retrans", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kFackets, "fackets", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kLastDataSentAtMs, "last_data_sent_at_ms", FieldKind::kMoment,
              FieldUnit::kMilliseconds},
    FieldInfo{Field::kLastAckSent, "last_ack_sent", FieldKind::kGauge},
    FieldInfo{Field::kLastDataRecvAtMs, "last_data_recv_at_ms", FieldKind::kMoment,
              FieldUnit::kMilliseconds},
    FieldInfo{Field::kLastAckRecvAtMs, "last_ack_recv_at_ms", FieldKind::kMoment,
              FieldUnit::kMilliseconds},
    FieldInfo{Field::kPmtu, "pmtu", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kRcvSsthresh, "rcv_ssthresh", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kRtt, "rtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kRttvar, "rttvar", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kSndSsthresh, "snd_ssthresh", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kSndCwnd, "snd_cwnd", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kAdvmss, "advmss", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kReordering, "reordering", FieldKind::kGauge, FieldUnit::kSegments},
    FieldInfo{Field::kRcvRtt, "rcv_rtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kRcvSpace, "rcv_space", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kTotalRetrans, "total_retrans", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kPacingRate, "pacing_rate", FieldKind::kGauge, FieldUnit::kBytesPerSecond},
    FieldInfo{Field::kMaxPacingRate, "max_pacing_rate", FieldKind::kGauge,
              FieldUnit::kBytesPerSecond},
    FieldInfo{Field::kBytesAcked, "bytes_acked", FieldKind::kCounter, FieldUnit::kBytes},
    FieldInfo{Field::kBytesReceived, "bytes_received", FieldKind::kCounter, FieldUnit::kBytes},
    FieldInfo{Field::kSegsOut, "segs_out", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kSegsIn, "segs_in", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kNotsentBytes, "notsent_bytes", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kMinRtt, "min_rtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kDataSegsIn, "data_segs_in", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kDataSegsOut, "data_segs_out", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kDeliveryRate, "delivery_rate", FieldKind::kGauge, FieldUnit::kBytesPerSecond},
    FieldInfo{Field::kBusyTime, "busy_time", FieldKind::kCounter, FieldUnit::kMicroseconds},
    FieldInfo{Field::kRwndLimited, "rwnd_limited", FieldKind::kCounter, FieldUnit::kMicroseconds},
    FieldInfo{Field::kSndbufLimited, "sndbuf_limited", FieldKind::kCounter,
              FieldUnit::kMicroseconds},
    FieldInfo{Field::kDelivered, "delivered", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kDeliveredCe, "delivered_ce", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kBytesSent, "bytes_sent", FieldKind::kCounter, FieldUnit::kBytes},
    FieldInfo{Field::kBytesRetrans, "bytes_retrans", FieldKind::kCounter, FieldUnit::kBytes},
    FieldInfo{Field::kDsackDups, "dsack_dups", FieldKind::kCounter, FieldUnit::kNone, 32},
    FieldInfo{Field::kReordSeen, "reord_seen", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kRcvOoopack, "rcv_ooopack", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kSndWnd, "snd_wnd", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kRcvWnd, "rcv_wnd", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kRehash, "rehash", FieldKind::kCounter, FieldUnit::kNone, 32},
    FieldInfo{Field::kTotalRto, "total_rto", FieldKind::kCounter, FieldUnit::kNone, 16},
    FieldInfo{Field::kTotalRtoRecoveries, "total_rto_recoveries", FieldKind::kCounter,
              FieldUnit::kNone, 16},
    FieldInfo{Field::kTotalRtoTime, "total_rto_time", FieldKind::kCounter, FieldUnit::kMilliseconds,
              32},
    FieldInfo{Field::kReceivedCe, "received_ce", FieldKind::kCounter, FieldUnit::kSegments, 32},
    FieldInfo{Field::kDeliveredE1Bytes, "delivered_e1_bytes", FieldKind::kCounter,
              FieldUnit::kBytes, 32},
    FieldInfo{Field::kDeliveredE0Bytes, "delivered_e0_bytes", FieldKind::kCounter,
              FieldUnit::kBytes, 32},
    FieldInfo{Field::kDeliveredCeBytes, "delivered_ce_bytes", FieldKind::kCounter,
              FieldUnit::kBytes, 32},
    FieldInfo{Field::kReceivedE1Bytes, "received_e1_bytes", FieldKind::kCounter, FieldUnit::kBytes,
              32},
    FieldInfo{Field::kReceivedE0Bytes, "received_e0_bytes", FieldKind::kCounter, FieldUnit::kBytes,
              32},
    FieldInfo{Field::kReceivedCeBytes, "received_ce_bytes", FieldKind::kCounter, FieldUnit::kBytes,
              32},
    FieldInfo{Field::kAccecnFailMode, "accecn_fail_mode", FieldKind::kGauge},
    FieldInfo{Field::kAccecnOptSeen, "accecn_opt_seen", FieldKind::kGauge},
    FieldInfo{Field::kTos, "tos", FieldKind::kGauge},
    FieldInfo{Field::kTclass, "tclass", FieldKind::kGauge},
    FieldInfo{Field::kMark, "mark", FieldKind::kGauge},
    FieldInfo{Field::kV6only, "v6only", FieldKind::kGauge},
    FieldInfo{Field::kSkmemRmemAlloc, "skmem_rmem_alloc", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemRcvbuf, "skmem_rcvbuf", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemWmemAlloc, "skmem_wmem_alloc", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemSndbuf, "skmem_sndbuf", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemFwdAlloc, "skmem_fwd_alloc", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemWmemQueued, "skmem_wmem_queued", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemOptmem, "skmem_optmem", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemBacklog, "skmem_backlog", FieldKind::kGauge, FieldUnit::kBytes},
    FieldInfo{Field::kSkmemDrops, "skmem_drops", FieldKind::kCounter, FieldUnit::kNone, 32},
    FieldInfo{Field::kBbrBw, "bbr_bw", FieldKind::kGauge, FieldUnit::kBytesPerSecond},
    FieldInfo{Field::kBbrMinRtt, "bbr_min_rtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kBbrPacingGain, "bbr_pacing_gain", FieldKind::kGauge},
    FieldInfo{Field::kBbrCwndGain, "bbr_cwnd_gain", FieldKind::kGauge},
    FieldInfo{Field::kVegasEnabled, "vegas_enabled", FieldKind::kGauge},
    FieldInfo{Field::kVegasRttcnt, "vegas_rttcnt", FieldKind::kGauge},
    FieldInfo{Field::kVegasRtt, "vegas_rtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kVegasMinrtt, "vegas_minrtt", FieldKind::kGauge, FieldUnit::kMicroseconds},
    FieldInfo{Field::kDctcpEnabled, "dctcp_enabled", FieldKind::kGauge},
    FieldInfo{Field::kDctcpCeState, "dctcp_ce_state", FieldKind::kGauge},
    FieldInfo{Field::kDctcpAlpha, "dctcp_alpha", FieldKind::kGauge},
    FieldInfo{Field::kDctcpAbEcn, "dctcp_ab_ecn", FieldKind::kGauge},
    FieldInfo{Field::kDctcpAbTot, "dctcp_ab_tot", FieldKind::kGauge},
    FieldInfo{Field::kAcceptQueue, "accept_queue", FieldKind::kGauge},
    FieldInfo{Field::kBacklog, "backlog", FieldKind::kGauge},
    FieldInfo{Field::kFirstSeenAtMs, "first_seen_at_ms", FieldKind::kMoment,
              FieldUnit::kMilliseconds},
    FieldInfo{Field::kOpeningSeen, "opening_seen", FieldKind::kGauge},
};

// Position in kFields plus one by field number; 0 where no field has the number.
constexpr std::array<uint8_t, kFieldSlots> kPositions = [] {
  std::array<uint8_t, kFieldSlots> positions{};
  for (size_t i = 0; i < kFields.size(); ++i) {
    positions[SlotOf(kFields[i].field)] = static_cast<uint8_t>(i + 1);
  }
  return positions;
}();

}  // namespace

absl::Span<const FieldInfo> AllFields() { return kFields; }

const FieldInfo* FindField(absl::string_view name) {
  for (const FieldInfo& info : kFields) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

const FieldInfo* FindField(uint32_t number) {
  if (number >= kFieldSlots || kPositions[number] == 0) return nullptr;
  return &kFields[kPositions[number] - 1u];
}

}  // namespace tcpfleet::sockets
