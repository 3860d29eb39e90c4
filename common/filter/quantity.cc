#include "common/filter/quantity.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>

namespace tcpfleet::filter {
namespace {

using sockets::Field;
using Source = Quantity::Source;

constexpr std::array kQuantities = {
    Quantity{"age", Source::kAge, {}, Unit::kMilliseconds},
    Quantity{"idle", Source::kIdle, {}, Unit::kMilliseconds},
    Quantity{"uid", Source::kUid, {}, Unit::kNumber},
    Quantity{"pid", Source::kPid, {}, Unit::kNumber},
    Quantity{"inode", Source::kInode, {}, Unit::kNumber},
    Quantity{"cookie", Source::kCookie, {}, Unit::kNumber},
    Quantity{"netns", Source::kNamespace, {}, Unit::kNumber},
    Quantity{"cgroup_id", Source::kCgroupId, {}, Unit::kNumber},
    Quantity{"send_rate", Source::kSendRate, {}, Unit::kBytesPerSecond},
    Quantity{"receive_rate", Source::kReceiveRate, {}, Unit::kBytesPerSecond},
    Quantity{"acked_rate", Source::kAckedRate, {}, Unit::kBytesPerSecond},
    Quantity{"retrans_share", Source::kRetransShare, {}, Unit::kShare},
    Quantity{"busy_share", Source::kBusyShare, {}, Unit::kShare},
    Quantity{"rwnd_limited_share", Source::kRwndLimitedShare, {}, Unit::kShare},
    Quantity{"sndbuf_limited_share", Source::kSndbufLimitedShare, {}, Unit::kShare},
    // Moments, under the name of what a filter compares.
    Quantity{"last_data_sent", Source::kAgo, Field::kLastDataSentAtMs, Unit::kMilliseconds},
    Quantity{"last_data_recv", Source::kAgo, Field::kLastDataRecvAtMs, Unit::kMilliseconds},
    Quantity{"last_ack_recv", Source::kAgo, Field::kLastAckRecvAtMs, Unit::kMilliseconds},
    Quantity{"first_seen", Source::kAgo, Field::kFirstSeenAtMs, Unit::kMilliseconds},
    Quantity{"timer_expires", Source::kUntil, Field::kTimerExpiresAtMs, Unit::kMilliseconds},
};

struct TextName {
  absl::string_view name;
  TextSource source;
};
// The first of each source is its canonical name.
constexpr std::array kTexts = {
    TextName{"process", TextSource::kProcess},
    TextName{"comm", TextSource::kProcess},
    TextName{"command", TextSource::kCommand},
    TextName{"command_line", TextSource::kCommand},
    TextName{"cgroup", TextSource::kCgroup},
    TextName{"host", TextSource::kHost},
    TextName{"agent", TextSource::kHost},
    TextName{"cc", TextSource::kCongestionControl},
    TextName{"congestion_control", TextSource::kCongestionControl},
};

constexpr absl::string_view kLimited = "limited";
constexpr absl::string_view kMomentSuffix = "_at_ms";

struct Alias {
  absl::string_view alias;
  absl::string_view name;
};
// Spellings of ss(8) and of our own columns.
constexpr std::array kAliases = {
    Alias{"recv_q", "receive_queue"},
    Alias{"send_q", "send_queue"},
    Alias{"cwnd", "snd_cwnd"},
    Alias{"ssthresh", "snd_ssthresh"},
    Alias{"mss", "snd_mss"},
    Alias{"rcvmss", "rcv_mss"},
    Alias{"minrtt", "min_rtt"},
    Alias{"lastsnd", "last_data_sent"},
    Alias{"lastrcv", "last_data_recv"},
    Alias{"lastack", "last_ack_recv"},
    Alias{"busy", "busy_time"},
    Alias{"notsent", "notsent_bytes"},
    Alias{"app_limited", "delivery_rate_app_limited"},
    Alias{"recv_rate", "receive_rate"},
    Alias{"ino", "inode"},
    Alias{"sk", "cookie"},
    Alias{"namespace", "netns"},
};

Unit UnitOf(sockets::FieldUnit unit) {
  switch (unit) {
    case sockets::FieldUnit::kMicroseconds:
      return Unit::kMicroseconds;
    case sockets::FieldUnit::kMilliseconds:
      return Unit::kMilliseconds;
    case sockets::FieldUnit::kBytes:
      return Unit::kBytes;
    case sockets::FieldUnit::kBytesPerSecond:
      return Unit::kBytesPerSecond;
    case sockets::FieldUnit::kNone:
    case sockets::FieldUnit::kSegments:
      break;
  }
  return Unit::kNumber;
}

}  // namespace

absl::string_view NameOf(TextSource source) {
  return std::find_if(kTexts.begin(), kTexts.end(),
                      [&](const TextName& text) { return text.source == source; })
      ->name;
}

std::optional<Topic> FindTopic(absl::string_view typed) {
  std::string name = absl::AsciiStrToLower(absl::StripSuffix(typed, kMomentSuffix));
  for (const Alias& alias : kAliases) {
    if (name == alias.alias) name = std::string(alias.name);
  }
  for (const Quantity& quantity : kQuantities) {
    if (name == quantity.name) return quantity;
  }
  for (const TextName& text : kTexts) {
    if (name == text.name) return text.source;
  }
  if (name == kLimited) return LimitSource{};
  const sockets::FieldInfo* info = sockets::FindField(name);
  if (info == nullptr) return std::nullopt;
  return Quantity{info->name, Source::kField, info->field, UnitOf(info->unit)};
}

std::vector<std::string> TopicNames() {
  std::vector<std::string> names = {std::string(kLimited)};
  for (const Quantity& quantity : kQuantities) names.emplace_back(quantity.name);
  for (const TextName& text : kTexts) names.emplace_back(text.name);
  for (const Alias& alias : kAliases) names.emplace_back(alias.alias);
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.kind != sockets::FieldKind::kMoment) names.emplace_back(info.name);
  }
  return names;
}

}  // namespace tcpfleet::filter
