#include "common/filter/subject_values.h"

#include <algorithm>

namespace tcpfleet::filter {
namespace {

using sockets::Field;
using sockets::TcpState;
using Source = Quantity::Source;

// States in which the kernel has set the moments of the last segments; before, they count from
// somewhere around the boot.
constexpr sockets::StateMask kSynchronized =
    sockets::kAllStates & ~(sockets::MaskOf(TcpState::kSynSent) |
                            sockets::MaskOf(TcpState::kListen) | sockets::MaskOf(TcpState::kClose));

bool IsSynchronized(const sockets::FieldValues& values) {
  const uint64_t state = values.Get(Field::kState);
  return state < 32 && ((kSynchronized >> state) & 1) != 0;
}

std::optional<uint64_t> UntilMs(const Subject& subject, Field field) {
  if (subject.now_ns <= 0 || !subject.sample->values.Has(field)) return std::nullopt;
  const uint64_t now_ms = static_cast<uint64_t>(subject.now_ns) / 1'000'000;
  const uint64_t at_ms = subject.sample->values.Get(field);
  return at_ms > now_ms ? at_ms - now_ms : 0;
}

std::optional<uint64_t> IdleMs(const Subject& subject) {
  const std::optional<uint64_t> sent = AgoMs(subject, Field::kLastDataSentAtMs);
  const std::optional<uint64_t> received = AgoMs(subject, Field::kLastDataRecvAtMs);
  if (!sent || !received) return std::nullopt;
  return std::min(*sent, *received);
}

}  // namespace

std::optional<uint64_t> AgoMs(const Subject& subject, Field field) {
  const sockets::FieldValues& values = subject.sample->values;
  if (subject.now_ns <= 0 || !values.Has(field)) return std::nullopt;
  if (field != Field::kFirstSeenAtMs && !IsSynchronized(values)) return std::nullopt;
  const uint64_t now_ms = static_cast<uint64_t>(subject.now_ns) / 1'000'000;
  const uint64_t at_ms = values.Get(field);
  return now_ms > at_ms ? now_ms - at_ms : 0;
}

std::optional<uint64_t> NumberOf(Source source, Field field, const Subject& subject) {
  const sockets::ConnectionIdentity& identity = subject.sample->identity;
  switch (source) {
    case Source::kAgo:
      return AgoMs(subject, field);
    case Source::kUntil:
      return UntilMs(subject, field);
    case Source::kIdle:
      return IdleMs(subject);
    case Source::kUid:
      return identity.uid;
    case Source::kPid:
      if (identity.process == nullptr) return std::nullopt;
      return identity.process->pid;
    case Source::kInode:
      return identity.inode;
    case Source::kCookie:
      return identity.cookie;
    case Source::kNamespace:
      if (identity.network_namespace == 0) return std::nullopt;
      return identity.network_namespace;
    case Source::kCgroupId:
      return identity.cgroup_id;
    default:
      return std::nullopt;
  }
}

std::optional<double> RealOf(Source source, const sockets::Derived& derived) {
  switch (source) {
    case Source::kSendRate:
      return derived.send_rate;
    case Source::kReceiveRate:
      return derived.receive_rate;
    case Source::kAckedRate:
      return derived.delivery_rate;
    case Source::kRetransShare:
      return derived.retrans_share;
    case Source::kBusyShare:
      return derived.busy_share;
    case Source::kRwndLimitedShare:
      return derived.rwnd_limited_share;
    case Source::kSndbufLimitedShare:
      return derived.sndbuf_limited_share;
    default:
      return std::nullopt;
  }
}

absl::string_view TextOf(TextSource source, const Subject& subject) {
  const sockets::ConnectionIdentity& identity = subject.sample->identity;
  switch (source) {
    case TextSource::kProcess:
      return identity.process == nullptr ? absl::string_view() : identity.process->comm;
    case TextSource::kCommand:
      return identity.process == nullptr ? absl::string_view() : identity.process->command_line;
    case TextSource::kCgroup:
      return identity.cgroup == nullptr ? absl::string_view() : *identity.cgroup;
    case TextSource::kHost:
      return subject.host;
    case TextSource::kCongestionControl:
      return identity.congestion_control;
  }
  return {};
}

}  // namespace tcpfleet::filter
