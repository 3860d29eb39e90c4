// What two records of one connection say about the time between them.
//
// Units:   bytes per second; shares between 0 and 1. Whatever a kernel does not report is absent.
// Source:  tcp_info of linux/tcp.h; chrono of net/ipv4/tcp_output.c: busy_time includes the times
//          limited by the receive window and by the send buffer.
#pragma once

#include <absl/strings/string_view.h>

#include <array>
#include <cstdint>
#include <optional>

#include "common/sockets/connection_sample.h"

namespace tcpfleet::sockets {

// What kept a connection from sending faster for most of the time.
enum class Limit : uint8_t {
  kApplication,       // nothing to send, or less than cwnd permits
  kReceiver,          // the peer's receive window
  kSendBuffer,        // SO_SNDBUF or tcp_wmem
  kCongestionWindow,  // cwnd was full, nothing was lost
  kNetwork,           // cwnd, after losses
};
// "application", "receiver", "sndbuf", "cwnd", "network": what people type and read.
absl::string_view LimitName(Limit limit);
std::optional<Limit> ParseLimit(absl::string_view name);

struct Derived {
  std::optional<double> send_rate;      // of bytes_sent
  std::optional<double> receive_rate;   // of bytes_received
  std::optional<double> delivery_rate;  // of bytes_acked
  std::optional<double> retrans_share;  // retransmitted segments of those sent; absent: none sent
  std::optional<double> busy_share;
  std::optional<double> rwnd_limited_share;
  std::optional<double> sndbuf_limited_share;
  std::optional<Limit> limited;

  bool operator==(const Derived&) const = default;
};

// Of a record, what Derive has to know of the one before.
struct Counters {
  static constexpr std::array kFields = {
      Field::kBytesSent,   Field::kBytesReceived, Field::kBytesAcked,  Field::kTotalRetrans,
      Field::kDataSegsOut, Field::kBusyTime,      Field::kRwndLimited, Field::kSndbufLimited};

  Counters() = default;
  Counters(const FieldValues& of);  // NOLINT(google-explicit-constructor): a record has them

  std::array<uint64_t, kFields.size()> values{};  // of kFields
  uint8_t present = 0;                            // bit i: has values[i]
};

// Nothing is known when `interval_ns` is not positive.
Derived Derive(const Counters& before, const FieldValues& now, int64_t interval_ns);

// Nothing is known of the time before `sample` but its totals: shares and `limited` over its whole
// life, from busy_time; no rates.
Derived DeriveFromTotals(const FieldValues& now);

namespace internal {

// Counters are as wide as their places. More than half of that: it did not grow, the socket was
// disconnected and used again.
constexpr std::optional<uint64_t> Growth(uint64_t before, uint64_t now, Field field) {
  const uint64_t mask = kFieldPlaces[SlotOf(field)].mask;
  const uint64_t growth = (now - before) & mask;
  return growth <= mask >> 1 ? std::optional<uint64_t>(growth) : std::nullopt;
}

}  // namespace internal

// Difference of a counter modulo its width; absent unless both have it, and when it went back: a
// socket may be disconnected and used again.
std::optional<uint64_t> CounterDelta(const FieldValues& before, const FieldValues& now,
                                     Field field);
// `kField` is one of Counters::kFields.
template <Field kField>
std::optional<uint64_t> CounterDelta(const Counters& before, const FieldValues& now) {
  constexpr size_t kIndex = [] {
    size_t index = 0;
    while (Counters::kFields[index] != kField) ++index;
    return index;
  }();
  if ((before.present >> kIndex & 1U) == 0 || !now.Has(kField)) return std::nullopt;
  return internal::Growth(before.values[kIndex], now.Get(kField), kField);
}

}  // namespace tcpfleet::sockets
