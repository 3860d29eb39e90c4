#include "common/sockets/field.h"

#include <array>

namespace tcpfleet::sockets {
namespace {

constexpr std::array kFields = {
    FieldInfo{Field::kState, "state", FieldKind::kGauge},
    FieldInfo{Field::kReceiveQueue, "receive_queue", FieldKind::kGauge},
    FieldInfo{Field::kSendQueue, "send_queue", FieldKind::kGauge},
    FieldInfo{Field::kTimer, "timer", FieldKind::kGauge},
    FieldInfo{Field::kTimerExpiresAtMs, "timer_expires_at_ms", FieldKind::kMoment},
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
    FieldInfo{Field::kRto, "rto", FieldKind::kGauge},
    FieldInfo{Field::kAto, "ato", FieldKind::kGauge},
    FieldInfo{Field::kSndMss, "snd_mss", FieldKind::kGauge},
    FieldInfo{Field::kRcvMss, "rcv_mss", FieldKind::kGauge},
    FieldInfo{Field::kUnacked, "unacked", FieldKind::kGauge},
    FieldInfo{Field::kSacked, "sacked", FieldKind::kGauge},
    FieldInfo{Field::kLost, "lost", FieldKind::kGauge},
    FieldInfo{Field::kRetrans, "retrans", FieldKind::kGauge},
    FieldInfo{Field::kFackets, "fackets", FieldKind::kGauge},
    FieldInfo{Field::kLastDataSentAtMs, "last_data_sent_at_ms", FieldKind::kMoment},
    FieldInfo{Field::kLastAckSent, "last_ack_sent", FieldKind::kGauge},
    FieldInfo{Field::kLastDataRecvAtMs, "last_data_recv_at_ms", FieldKind::kMoment},
    FieldInfo{Field::kLastAckRecvAtMs, "last_ack_recv_at_ms", FieldKind::kMoment},
    FieldInfo{Field::kPmtu, "pmtu", FieldKind::kGauge},
    FieldInfo{Field::kRcvSsthresh, "rcv_ssthresh", FieldKind::kGauge},
    FieldInfo{Field::kRtt, "rtt", FieldKind::kGauge},
    FieldInfo{Field::kRttvar, "rttvar", FieldKind::kGauge},
    FieldInfo{Field::kSndSsthresh, "snd_ssthresh", FieldKind::kGauge},
    FieldInfo{Field::kSndCwnd, "snd_cwnd", FieldKind::kGauge},
    FieldInfo{Field::kAdvmss, "advmss", FieldKind::kGauge},
    FieldInfo{Field::kReordering, "reordering", FieldKind::kGauge},
    FieldInfo{Field::kRcvRtt, "rcv_rtt", FieldKind::kGauge},
    FieldInfo{Field::kRcvSpace, "rcv_space", FieldKind::kGauge},
    FieldInfo{Field::kTotalRetrans, "total_retrans", FieldKind::kCounter},
    FieldInfo{Field::kPacingRate, "pacing_rate", FieldKind::kGauge},
    FieldInfo{Field::kMaxPacingRate, "max_pacing_rate", FieldKind::kGauge},
    FieldInfo{Field::kBytesAcked, "bytes_acked", FieldKind::kCounter},
    FieldInfo{Field::kBytesReceived, "bytes_received", FieldKind::kCounter},
    FieldInfo{Field::kSegsOut, "segs_out", FieldKind::kCounter},
    FieldInfo{Field::kSegsIn, "segs_in", FieldKind::kCounter},
    FieldInfo{Field::kNotsentBytes, "notsent_bytes", FieldKind::kGauge},
    FieldInfo{Field::kMinRtt, "min_rtt", FieldKind::kGauge},
    FieldInfo{Field::kDataSegsIn, "data_segs_in", FieldKind::kCounter},
    FieldInfo{Field::kDataSegsOut, "data_segs_out", FieldKind::kCounter},
    FieldInfo{Field::kDeliveryRate, "delivery_rate", FieldKind::kGauge},
    FieldInfo{Field::kBusyTime, "busy_time", FieldKind::kCounter},
    FieldInfo{Field::kRwndLimited, "rwnd_limited", FieldKind::kCounter},
    FieldInfo{Field::kSndbufLimited, "sndbuf_limited", FieldKind::kCounter},
    FieldInfo{Field::kDelivered, "delivered", FieldKind::kCounter},
    FieldInfo{Field::kDeliveredCe, "delivered_ce", FieldKind::kCounter},
    FieldInfo{Field::kBytesSent, "bytes_sent", FieldKind::kCounter},
    FieldInfo{Field::kBytesRetrans, "bytes_retrans", FieldKind::kCounter},
    FieldInfo{Field::kDsackDups, "dsack_dups", FieldKind::kCounter},
    FieldInfo{Field::kReordSeen, "reord_seen", FieldKind::kCounter},
    FieldInfo{Field::kRcvOoopack, "rcv_ooopack", FieldKind::kCounter},
    FieldInfo{Field::kSndWnd, "snd_wnd", FieldKind::kGauge},
    FieldInfo{Field::kRcvWnd, "rcv_wnd", FieldKind::kGauge},
    FieldInfo{Field::kRehash, "rehash", FieldKind::kCounter},
    FieldInfo{Field::kTotalRto, "total_rto", FieldKind::kCounter},
    FieldInfo{Field::kTotalRtoRecoveries, "total_rto_recoveries", FieldKind::kCounter},
    FieldInfo{Field::kTotalRtoTime, "total_rto_time", FieldKind::kCounter},
    FieldInfo{Field::kReceivedCe, "received_ce", FieldKind::kCounter},
    FieldInfo{Field::kDeliveredE1Bytes, "delivered_e1_bytes", FieldKind::kCounter},
    FieldInfo{Field::kDeliveredE0Bytes, "delivered_e0_bytes", FieldKind::kCounter},
    FieldInfo{Field::kDeliveredCeBytes, "delivered_ce_bytes", FieldKind::kCounter},
    FieldInfo{Field::kReceivedE1Bytes, "received_e1_bytes", FieldKind::kCounter},
    FieldInfo{Field::kReceivedE0Bytes, "received_e0_bytes", FieldKind::kCounter},
    FieldInfo{Field::kReceivedCeBytes, "received_ce_bytes", FieldKind::kCounter},
    FieldInfo{Field::kAccecnFailMode, "accecn_fail_mode", FieldKind::kGauge},
    FieldInfo{Field::kAccecnOptSeen, "accecn_opt_seen", FieldKind::kGauge},
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
