#include "controller/connections/column_value.h"

#include <algorithm>
#include <bit>

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;

constexpr uint64_t kSign = uint64_t{1} << 63;

std::optional<uint64_t> Ordered(const std::optional<double>& value) {
  if (!value) return std::nullopt;
  const auto bits = std::bit_cast<uint64_t>(*value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

uint64_t Ordered(int64_t value) { return static_cast<uint64_t>(value) ^ kSign; }

int64_t MillisecondsSince(uint64_t moment_ms, const HostView& host) {
  return static_cast<int64_t>(static_cast<uint64_t>(host.last_frame_monotonic_ns / 1'000'000) -
                              moment_ms);
}

std::optional<uint64_t> FieldNumber(Field field, const ConnectionRow& row, const HostView& host) {
  const std::optional<uint64_t> value = row.sample->values.Find(field);
  const bool is_moment =
      sockets::FindField(static_cast<uint32_t>(field))->kind == sockets::FieldKind::kMoment;
  return value && is_moment ? Ordered(MillisecondsSince(*value, host)) : value;
}

}  // namespace

ColumnOrder OrderOf(const Column& column) {
  switch (column.kind) {
    case Kind::kProcess:
    case Kind::kCommand:
    case Kind::kCgroup:
    case Kind::kCongestionControl:
      return ColumnOrder::kText;
    case Kind::kLocal:
    case Kind::kLocalAddress:
    case Kind::kPeer:
    case Kind::kPeerAddress:
      return ColumnOrder::kEndpoint;
    default:
      return ColumnOrder::kNumber;
  }
}

std::optional<uint64_t> NumberIn(const Column& column, const ConnectionRow& row,
                                 const HostView& host) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  switch (column.kind) {
    case Kind::kField:
      return FieldNumber(column.field, row, host);
    case Kind::kHost:
      return row.host;
    case Kind::kState:
      return row.sample->values.Find(Field::kState);
    case Kind::kLocalPort:
      return identity.local.port;
    case Kind::kPeerPort:
      return identity.remote.port;
    case Kind::kPid:
      return identity.process ? std::optional<uint64_t>(identity.process->pid) : std::nullopt;
    case Kind::kUid:
      return identity.uid ? std::optional<uint64_t>(*identity.uid) : std::nullopt;
    case Kind::kNamespace:
      return identity.network_namespace;
    case Kind::kAge:
      if (const std::optional<Age> age = AgeOf(row.sample->values, host)) {
        return Ordered(absl::ToInt64Milliseconds(age->at_least));
      }
      return std::nullopt;
    case Kind::kSendRate:
      return Ordered(row.derived.send_rate);
    case Kind::kReceiveRate:
      return Ordered(row.derived.receive_rate);
    case Kind::kDeliveryRate:
      return Ordered(row.derived.delivery_rate);
    case Kind::kRetransShare:
      return Ordered(row.derived.retrans_share);
    case Kind::kLimited:
      return row.derived.limited
                 ? std::optional<uint64_t>(static_cast<uint64_t>(*row.derived.limited))
                 : std::nullopt;
    default:
      return std::nullopt;
  }
}

absl::string_view TextIn(const Column& column, const ConnectionRow& row) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  switch (column.kind) {
    case Kind::kProcess:
      return identity.process ? absl::string_view(identity.process->comm) : "";
    case Kind::kCommand:
      return identity.process ? absl::string_view(identity.process->command_line) : "";
    case Kind::kCgroup:
      return identity.cgroup ? absl::string_view(*identity.cgroup) : "";
    case Kind::kCongestionControl:
      return identity.congestion_control;
    default:
      return "";
  }
}

base::Endpoint EndpointIn(const Column& column, const ConnectionRow& row) {
  const bool is_local = column.kind == Kind::kLocal || column.kind == Kind::kLocalAddress;
  const bool has_port = column.kind == Kind::kLocal || column.kind == Kind::kPeer;
  const base::Endpoint& end = is_local ? row.sample->identity.local : row.sample->identity.remote;
  return {end.address.Unmapped(), has_port ? end.port : uint16_t{0}};
}

// As the filter language has it: a connection whose opening was not seen is at least as old as
// anything known of it.
std::optional<Age> AgeOf(const sockets::FieldValues& values, const HostView& host) {
  if (host.last_frame_monotonic_ns == 0) return std::nullopt;
  const bool exact = values.Get(Field::kOpeningSeen) == 1;
  std::optional<int64_t> age_ms;
  for (const Field field : {Field::kFirstSeenAtMs, Field::kLastDataSentAtMs,
                            Field::kLastDataRecvAtMs, Field::kLastAckRecvAtMs}) {
    if (const std::optional<uint64_t> moment_ms = values.Find(field)) {
      age_ms = std::max(age_ms, std::optional(MillisecondsSince(*moment_ms, host)));
    }
    if (exact) break;
  }
  if (!age_ms) return std::nullopt;
  return Age{absl::Milliseconds(*age_ms), exact};
}

}  // namespace tcpfleet::controller
