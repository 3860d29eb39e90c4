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
  kReceiveQueue = 2,      // bytes waiting for the program
  kSendQueue = 3,         // bytes not acknowledged
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

  // Of the socket again: attributes of inet_diag.
  kTos = 89,
  kTclass = 90,
  kMark = 91,  // only told to CAP_NET_ADMIN
  kV6only = 92,
  kSkmemRmemAlloc = 93,  // SK_MEMINFO_*, bytes
  kSkmemRcvbuf = 94,
  kSkmemWmemAlloc = 95,
  kSkmemSndbuf = 96,
  kSkmemFwdAlloc = 97,
  kSkmemWmemQueued = 98,
  kSkmemOptmem = 99,
  kSkmemBacklog = 100,
  kSkmemDrops = 101,  // packets

  // Of the congestion control, where it reports them: struct tcp_bbr_info, tcpvegas_info,
  // tcp_dctcp_info.
  kBbrBw = 102,
  kBbrMinRtt = 103,
  kBbrPacingGain = 104,  // shifted left by 8
  kBbrCwndGain = 105,    // shifted left by 8
  kVegasEnabled = 106,
  kVegasRttcnt = 107,
  kVegasRtt = 108,
  kVegasMinrtt = 109,
  kDctcpEnabled = 110,
  kDctcpCeState = 111,
  kDctcpAlpha = 112,
  kDctcpAbEcn = 113,
  kDctcpAbTot = 114,

  // LISTEN only; kReceiveQueue and kSendQueue are absent there.
  kAcceptQueue = 115,  // connections waiting for accept
  kBacklog = 116,      // most that may wait

  // Of the sampler.
  kFirstSeenAtMs = 117,  // CLOCK_MONOTONIC milliseconds of the first poll that found it
  kOpeningSeen = 118,    // 1: it was not there in the poll before, so it is as old as that
};

// Every field number is below this.
inline constexpr size_t kFieldSlots = 128;

using FieldMask = std::bitset<kFieldSlots>;

enum class FieldKind : uint8_t {
  kGauge,
  kCounter,  // only grows, modulo its width
  kMoment,   // an absolute time in CLOCK_MONOTONIC milliseconds
};

// How a value is printed and what may stand behind a number in a filter.
enum class FieldUnit : uint8_t {
  kNone,
  kMicroseconds,
  kMilliseconds,  // also of moments: a filter compares how long ago they were
  kBytes,
  kBytesPerSecond,
  kSegments,
};

struct FieldInfo {
  Field field;
  absl::string_view name;  // for example "total_retrans"
  FieldKind kind;
  FieldUnit unit = FieldUnit::kNone;
  uint8_t bits = 64;  // width of the kernel's counter: it wraps there
};

// Every field, ascending by number.
absl::Span<const FieldInfo> AllFields();

// Null when there is no such field.
const FieldInfo* FindField(absl::string_view name);
const FieldInfo* FindField(uint32_t number);

constexpr size_t SlotOf(Field field) { return static_cast<size_t>(field); }

}  // namespace tcpfleet::sockets
