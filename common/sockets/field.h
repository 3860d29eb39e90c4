// The registry of per-connection fields: stable numbers (they are on the wire and in recordings),
// names people type, and where each one comes from.
//
// Source: linux/tcp.h struct tcp_info, linux/inet_diag.h. Names are those of tcp_info without the
//         tcpi_ prefix. Units:  times in microseconds unless the name ends in _ms; rates in bytes
//         per second; windows of the sender in segments (snd_cwnd, snd_ssthresh) or bytes (snd_wnd,
//         rcv_wnd), as the kernel reports them.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <bitset>
#include <cstddef>
#include <cstdint>

namespace tcpfleet::sockets {

// Numbers are never reused or moved.
enum class Field : uint8_t {
  // Of the socket.
  kState = 1,             // TCP_ESTABLISHED = 1 ... as in tcp_states.h
  kReceiveQueue = 2,      // bytes waiting for the program; LISTEN: connections waiting for accept
  kSendQueue = 3,         // bytes not acknowledged; LISTEN: the accept queue's limit
  kTimer = 4,             // idiag_timer: 0 none, 1 retransmit, 2 keepalive, 3 time-wait, 4 persist
  kTimerExpiresAtMs = 5,  // CLOCK_MONOTONIC milliseconds
  kTimerRetransmits = 6,
  kShutdown = 7,  // 1 receive, 2 send

  // Of tcp_info, in the order of the structure.
  kCaState = 20,
  kRetransmits = 21,
  kProbes = 22,
  kBackoff = 23,
  kOptions = 24,
  kSndWscale = 25,
  kRcvWscale = 26,
  kDeliveryRateAppLimited = 27,
  kFastopenClientFail = 28,
  kRto = 29,
  kAto = 30,
  kSndMss = 31,
  kRcvMss = 32,
  kUnacked = 33,
  kSacked = 34,
  kLost = 35,
  kRetrans = 36,
  kFackets = 37,
  kLastDataSentAtMs = 38,  // CLOCK_MONOTONIC milliseconds; the kernel says how long ago
  kLastAckSent = 39,       // always 0 in the kernel
  kLastDataRecvAtMs = 40,
  kLastAckRecvAtMs = 41,
  kPmtu = 42,
  kRcvSsthresh = 43,
  kRtt = 44,
  kRttvar = 45,
  kSndSsthresh = 46,
  kSndCwnd = 47,
  kAdvmss = 48,
  kReordering = 49,
  kRcvRtt = 50,
  kRcvSpace = 51,
  kTotalRetrans = 52,
  kPacingRate = 53,
  kMaxPacingRate = 54,
  kBytesAcked = 55,
  kBytesReceived = 56,
  kSegsOut = 57,
  kSegsIn = 58,
  kNotsentBytes = 59,
  kMinRtt = 60,
  kDataSegsIn = 61,
  kDataSegsOut = 62,
  kDeliveryRate = 63,
  kBusyTime = 64,
  kRwndLimited = 65,
  kSndbufLimited = 66,
  kDelivered = 67,
  kDeliveredCe = 68,
  kBytesSent = 69,
  kBytesRetrans = 70,
  kDsackDups = 71,
  kReordSeen = 72,
  kRcvOoopack = 73,
  kSndWnd = 74,
  kRcvWnd = 75,
  kRehash = 76,
  kTotalRto = 77,
  kTotalRtoRecoveries = 78,
  kTotalRtoTime = 79,
  kReceivedCe = 80,
  kDeliveredE1Bytes = 81,
  kDeliveredE0Bytes = 82,
  kDeliveredCeBytes = 83,
  kReceivedE1Bytes = 84,
  kReceivedE0Bytes = 85,
  kReceivedCeBytes = 86,
  kAccecnFailMode = 87,
  kAccecnOptSeen = 88,
};

// Every field number is below this.
inline constexpr size_t kFieldSlots = 96;

using FieldMask = std::bitset<kFieldSlots>;

enum class FieldKind : uint8_t {
  kGauge,
  kCounter,  // only grows, modulo its width
  kMoment,   // an absolute time in CLOCK_MONOTONIC milliseconds
};

struct FieldInfo {
  Field field;
  absl::string_view name;  // for example "total_retrans"
  FieldKind kind;
};

// Every field, ascending by number.
absl::Span<const FieldInfo> AllFields();

// Null when there is no such field.
const FieldInfo* FindField(absl::string_view name);
const FieldInfo* FindField(uint32_t number);

constexpr size_t SlotOf(Field field) { return static_cast<size_t>(field); }

}  // namespace tcpfleet::sockets
