#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <optional>

#include "common/base/units.h"
#include "controller/connections/peers.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using sockets::Limit;

// The reverse direction is worth a word when it carries at least this share of the other.
constexpr double kWorthSaying = 0.1;
// Round trip times this much apart are.
constexpr double kRttFactor = 2;
constexpr uint64_t kRttDifferenceUs = 1000;

struct End {
  const ConnectionRow& row;
  std::string name;

  // Of the last interval where that is known, else of its life.
  bool has_rate() const { return row.derived.send_rate.has_value(); }
  double Sends() const {
    return row.derived.send_rate.value_or(
        static_cast<double>(row.sample->values.Get(Field::kBytesSent)));
  }
};

std::string NameOf(const ConnectionRow& row, bool by_host, absl::Span<const HostView> hosts) {
  const std::string& host = hosts[row.host].name;
  if (by_host) return host;
  const auto& process = row.sample->identity.process;
  return absl::StrCat(host, " (", process ? process->comm : row.sample->identity.local.ToString(),
                      ")");
}

std::string Percent(double share) { return absl::StrFormat("%.2g %%", share * 100); }

std::string OfTheTime(const End& sender, const std::optional<double>& share) {
  if (!share) return "";
  return absl::StrFormat(" (%.0f %% of the time%s)", *share * 100,
                         sender.has_rate() ? "" : " it was sending");
}

std::string Retransmitted(const End& sender) {
  const std::optional<double>& share = sender.row.derived.retrans_share;
  return share && *share > 0 ? absl::StrCat(" (", Percent(*share), " retransmitted)") : "";
}

std::string Window(const End& sender) {
  const sockets::FieldValues& values = sender.row.sample->values;
  const auto cwnd = values.Find(Field::kSndCwnd);
  const auto rtt_us = values.Find(Field::kRtt);
  if (!cwnd || !rtt_us) return "";
  return absl::StrCat(" (", *cwnd, " segments per ",
                      base::FormatMicroseconds(static_cast<double>(*rtt_us)), ")");
}

std::string Unread(const End& receiver) {
  const uint64_t bytes = receiver.row.sample->values.Get(Field::kReceiveQueue);
  if (bytes == 0) return "";
  return absl::StrCat(", ", base::FormatBytes(static_cast<double>(bytes)), " wait unread there");
}

std::string Cause(const End& sender, const End& receiver) {
  const sockets::Derived& derived = sender.row.derived;
  if (!derived.limited) return "what limits it is not known";
  switch (*derived.limited) {
    case Limit::kApplication: {
      const std::optional<double> idle =
          derived.busy_share ? std::optional<double>(1 - *derived.busy_share) : std::nullopt;
      return absl::StrCat("limited by ", sender.name, "'s application, which has nothing to send",
                          OfTheTime(sender, idle));
    }
    case Limit::kReceiver:
      return absl::StrCat("limited by ", receiver.name, "'s receive window",
                          OfTheTime(sender, derived.rwnd_limited_share), Unread(receiver));
    case Limit::kSendBuffer:
      return absl::StrCat("limited by ", sender.name, "'s send buffer",
                          OfTheTime(sender, derived.sndbuf_limited_share));
    case Limit::kCongestionWindow:
      return absl::StrCat("limited by ", sender.name, "'s congestion window", Window(sender));
    case Limit::kNetwork:
      return absl::StrCat("limited by the network, which loses segments", Retransmitted(sender));
  }
  return "";
}

std::string Direction(const End& sender, const End& receiver) {
  return absl::StrCat(sender.name, " -> ", receiver.name, ": ", Cause(sender, receiver));
}

std::string UnequalRtts(const End& a, const End& b) {
  const auto rtt_a = a.row.sample->values.Find(Field::kRtt);
  const auto rtt_b = b.row.sample->values.Find(Field::kRtt);
  if (!rtt_a || !rtt_b) return "";
  const auto [low, high] = std::minmax(*rtt_a, *rtt_b);
  if (high - low < kRttDifferenceUs ||
      static_cast<double>(high) < kRttFactor * static_cast<double>(low)) {
    return "";
  }
  return absl::StrCat("rtt ", base::FormatMicroseconds(static_cast<double>(*rtt_a)), " at ", a.name,
                      ", ", base::FormatMicroseconds(static_cast<double>(*rtt_b)), " at ", b.name);
}

}  // namespace

std::string ExplainPair(const ConnectionRow& near, const ConnectionRow& far,
                        absl::Span<const HostView> hosts) {
  const bool by_host = hosts[near.host].name != hosts[far.host].name;
  const End a{near, NameOf(near, by_host, hosts)};
  const End b{far, NameOf(far, by_host, hosts)};
  // Rates and totals do not compare.
  const bool far_sends_more = a.has_rate() == b.has_rate() && b.Sends() > a.Sends();
  const End& sender = far_sends_more ? b : a;
  const End& receiver = far_sends_more ? a : b;
  std::vector<std::string> parts;
  if (sender.Sends() <= 0) {
    parts.push_back(absl::StrCat(a.name, " <-> ", b.name, ": idle"));
  } else {
    parts.push_back(Direction(sender, receiver));
    if (receiver.Sends() >= kWorthSaying * sender.Sends()) {
      parts.push_back(Direction(receiver, sender));
    }
  }
  if (std::string rtts = UnequalRtts(a, b); !rtts.empty()) parts.push_back(std::move(rtts));
  return absl::StrJoin(parts, "; ");
}

}  // namespace tcpfleet::controller
