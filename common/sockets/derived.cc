#include "common/sockets/derived.h"

#include <algorithm>
#include <array>

namespace tcpfleet::sockets {
namespace {

constexpr std::array<absl::string_view, 5> kLimitNames = {"application", "receiver", "sndbuf",
                                                          "cwnd", "network"};

// Of enum tcp_ca_state: recovery from loss reported by the peer, and by timeout.
constexpr uint64_t kCaRecovery = 3;

std::optional<double> Share(std::optional<uint64_t> part, double whole) {
  if (!part || whole <= 0) return std::nullopt;
  return std::min(static_cast<double>(*part) / whole, 1.0);
}

std::optional<double> PerSecond(std::optional<uint64_t> amount, double seconds) {
  return amount ? std::optional<double>(static_cast<double>(*amount) / seconds) : std::nullopt;
}

struct SendTimes {
  double idle = 0;
  double receiver = 0;
  double send_buffer = 0;
  double window() const { return 1 - idle - receiver - send_buffer; }
};

// What holds up data that waits for neither window nor buffer.
Limit LimitOfFlight(const FieldValues& now, bool loses) {
  if (loses) return Limit::kNetwork;
  // Data is under way, but less than cwnd permits.
  if (now.Get(Field::kDeliveryRateAppLimited) != 0) return Limit::kApplication;
  return Limit::kCongestionWindow;
}

Limit LongestOf(const SendTimes& shares, Limit of_flight) {
  const double longest =
      std::max({shares.idle, shares.receiver, shares.send_buffer, shares.window()});
  if (longest == shares.idle) return Limit::kApplication;
  if (longest == shares.receiver) return Limit::kReceiver;
  if (longest == shares.send_buffer) return Limit::kSendBuffer;
  return of_flight;
}

bool IsLosing(const FieldValues& now) {
  return now.Get(Field::kCaState) >= kCaRecovery || now.Get(Field::kLost) > 0;
}

}  // namespace

absl::string_view LimitName(Limit limit) { return kLimitNames[static_cast<size_t>(limit)]; }

std::optional<Limit> ParseLimit(absl::string_view name) {
  const auto found = std::find(kLimitNames.begin(), kLimitNames.end(), name);
  if (found == kLimitNames.end()) return std::nullopt;
  return static_cast<Limit>(found - kLimitNames.begin());
}

Counters::Counters(const FieldValues& of) {
  for (size_t i = 0; i < kFields.size(); ++i) {
    values[i] = of.Get(kFields[i]);
    present |= static_cast<uint8_t>(of.Has(kFields[i]) ? 1U << i : 0);
  }
}

std::optional<uint64_t> CounterDelta(const FieldValues& before, const FieldValues& now,
                                     Field field) {
  if (!before.Has(field) || !now.Has(field)) return std::nullopt;
  return internal::Growth(before.Get(field), now.Get(field), field);
}

Derived Derive(const Counters& before, const FieldValues& now, int64_t interval_ns) {
  Derived derived;
  if (interval_ns <= 0) return derived;
  const double seconds = static_cast<double>(interval_ns) / 1e9;
  derived.send_rate = PerSecond(CounterDelta<Field::kBytesSent>(before, now), seconds);
  derived.receive_rate = PerSecond(CounterDelta<Field::kBytesReceived>(before, now), seconds);
  derived.delivery_rate = PerSecond(CounterDelta<Field::kBytesAcked>(before, now), seconds);
  const std::optional<uint64_t> retransmits = CounterDelta<Field::kTotalRetrans>(before, now);
  const std::optional<uint64_t> segments = CounterDelta<Field::kDataSegsOut>(before, now);
  if (segments) derived.retrans_share = Share(retransmits, static_cast<double>(*segments));

  const double interval_us = static_cast<double>(interval_ns) / 1e3;
  derived.busy_share = Share(CounterDelta<Field::kBusyTime>(before, now), interval_us);
  derived.rwnd_limited_share = Share(CounterDelta<Field::kRwndLimited>(before, now), interval_us);
  derived.sndbuf_limited_share =
      Share(CounterDelta<Field::kSndbufLimited>(before, now), interval_us);
  if (derived.busy_share && derived.rwnd_limited_share && derived.sndbuf_limited_share) {
    derived.limited = LongestOf({.idle = 1 - *derived.busy_share,
                                 .receiver = *derived.rwnd_limited_share,
                                 .send_buffer = *derived.sndbuf_limited_share},
                                LimitOfFlight(now, retransmits.value_or(0) > 0 || IsLosing(now)));
  }
  return derived;
}

Derived DeriveFromTotals(const FieldValues& now) {
  Derived derived;
  const auto segments = static_cast<double>(now.Get(Field::kDataSegsOut));
  derived.retrans_share = Share(now.Find(Field::kTotalRetrans), segments);
  const auto busy_us = static_cast<double>(now.Get(Field::kBusyTime));
  derived.rwnd_limited_share = Share(now.Find(Field::kRwndLimited), busy_us);
  derived.sndbuf_limited_share = Share(now.Find(Field::kSndbufLimited), busy_us);
  if (derived.rwnd_limited_share && derived.sndbuf_limited_share) {
    derived.limited = LongestOf({.idle = 0,
                                 .receiver = *derived.rwnd_limited_share,
                                 .send_buffer = *derived.sndbuf_limited_share},
                                LimitOfFlight(now, now.Get(Field::kTotalRetrans) > 0));
  }
  return derived;
}

}  // namespace tcpfleet::sockets
