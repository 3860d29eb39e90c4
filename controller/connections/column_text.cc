// Names and texts of columns.
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "common/sockets/state_names.h"
#include "controller/connections/column_value.h"
#include "controller/connections/row_query.h"

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;
using sockets::FieldInfo;
using sockets::FieldKind;
using sockets::FieldUnit;

constexpr char kUnknown[] = "-";

struct NamedColumn {
  absl::string_view name;
  Column column;
};
// The first name of a column is the one it is shown by.
constexpr NamedColumn kNamedColumns[] = {
    {"host", {Kind::kHost}},
    {"state", {Kind::kState}},
    {"local", {Kind::kLocal}},
    {"laddr", {Kind::kLocalAddress}},
    {"lport", {Kind::kLocalPort}},
    {"peer", {Kind::kPeer}},
    {"paddr", {Kind::kPeerAddress}},
    {"pport", {Kind::kPeerPort}},
    {"process", {Kind::kProcess}},
    {"pid", {Kind::kPid}},
    {"command", {Kind::kCommand}},
    {"cgroup", {Kind::kCgroup}},
    {"uid", {Kind::kUid}},
    {"cc", {Kind::kCongestionControl}},
    {"netns", {Kind::kNamespace}},
    {"age", {Kind::kAge}},
    {"send_rate", {Kind::kSendRate}},
    {"receive_rate", {Kind::kReceiveRate}},
    {"acked_rate", {Kind::kDeliveryRate}},
    {"retrans_share", {Kind::kRetransShare}},
    {"limited", {Kind::kLimited}},
    {"sport", {Kind::kLocalPort}},
    {"dport", {Kind::kPeerPort}},
    {"recv_q", {Kind::kField, Field::kReceiveQueue}},
    {"send_q", {Kind::kField, Field::kSendQueue}},
    {"cwnd", {Kind::kField, Field::kSndCwnd}},
    {"ssthresh", {Kind::kField, Field::kSndSsthresh}},
    {"mss", {Kind::kField, Field::kSndMss}},
    {"rcvmss", {Kind::kField, Field::kRcvMss}},
    {"minrtt", {Kind::kField, Field::kMinRtt}},
    {"notsent", {Kind::kField, Field::kNotsentBytes}},
    {"last_data_sent", {Kind::kField, Field::kLastDataSentAtMs}},
    {"last_data_recv", {Kind::kField, Field::kLastDataRecvAtMs}},
    {"last_ack_recv", {Kind::kField, Field::kLastAckRecvAtMs}},
    {"first_seen", {Kind::kField, Field::kFirstSeenAtMs}},
    {"timer_expires", {Kind::kField, Field::kTimerExpiresAtMs}},
};

std::vector<std::string> AllNames() {
  std::vector<std::string> names;
  for (const NamedColumn& named : kNamedColumns) names.emplace_back(named.name);
  for (const FieldInfo& info : sockets::AllFields()) names.emplace_back(info.name);
  return names;
}

template <size_t kCount>
std::string NameOrNumber(const std::array<absl::string_view, kCount>& names, uint64_t value) {
  return value < kCount ? std::string(names[value]) : absl::StrCat(value);
}

// Source: TCPI_OPT_* of linux/tcp.h.
std::string Options(uint64_t value) {
  constexpr absl::string_view kNames[] = {"ts",      "sack",     "wscale", "ecn",
                                          "ecnseen", "fastopen", "usec-ts"};
  std::vector<absl::string_view> set;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if ((value >> i & 1) != 0) set.push_back(kNames[i]);
  }
  return set.empty() ? "none" : absl::StrJoin(set, " ");
}

// Numbers of the kernel that mean something else; nothing for the rest.
std::optional<std::string> SpecialText(Field field, uint64_t value) {
  constexpr std::array<absl::string_view, 5> kCaStates = {"open", "disorder", "cwr", "recovery",
                                                          "loss"};
  constexpr std::array<absl::string_view, 5> kTimers = {"none", "retransmit", "keepalive",
                                                        "time-wait", "persist"};
  constexpr std::array<absl::string_view, 4> kShutdowns = {"none", "receive", "send", "both"};
  switch (field) {
    case Field::kState:
      return std::string(sockets::StateName(value));
    case Field::kCaState:
      return NameOrNumber(kCaStates, value);
    case Field::kTimer:
      return NameOrNumber(kTimers, value);
    case Field::kShutdown:
      return NameOrNumber(kShutdowns, value);
    case Field::kOptions:
      return Options(value);
    case Field::kTos:
    case Field::kTclass:
    case Field::kMark:
      return absl::StrFormat("0x%x", value);
    case Field::kBbrPacingGain:
    case Field::kBbrCwndGain:
      return absl::StrFormat("%.2f", static_cast<double>(value) / 256);
    case Field::kSndSsthresh:  // TCP_INFINITE_SSTHRESH
      if (value == 0x7fffffff) return "inf";
      return std::nullopt;
    case Field::kMinRtt:  // no sample yet
      if (value == 0xffffffff) return kUnknown;
      return std::nullopt;
    case Field::kPacingRate:
    case Field::kMaxPacingRate:
      if (value == ~uint64_t{0}) return "unlimited";
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string Count(uint64_t value) {
  return value < 100'000 ? absl::StrCat(value) : base::FormatCount(static_cast<double>(value));
}

std::string Rate(const std::optional<double>& bytes_per_second) {
  if (!bytes_per_second) return kUnknown;
  return absl::StrCat(base::FormatBytes(std::round(*bytes_per_second)), "/s");
}

std::string MomentText(Field field, uint64_t moment_ms, const HostView& host) {
  if (host.last_frame_monotonic_ns == 0) return kUnknown;
  const absl::Duration ago = absl::Nanoseconds(host.last_frame_monotonic_ns) -
                             absl::Milliseconds(static_cast<int64_t>(moment_ms));
  if (field == Field::kTimerExpiresAtMs) {
    return absl::StrCat("in ", base::FormatAge(std::max(-ago, absl::ZeroDuration())));
  }
  // A frame's time is that of the poll's begin; what happened during the poll is of now.
  return absl::StrCat(base::FormatAge(std::max(ago, absl::ZeroDuration())), " ago");
}

std::string FieldText(Field field, const ConnectionRow& row, const HostView& host) {
  const std::optional<uint64_t> value = row.sample->values.Find(field);
  if (!value) return kUnknown;
  if (std::optional<std::string> special = SpecialText(field, *value)) return *special;
  const FieldInfo& info = *sockets::FindField(static_cast<uint32_t>(field));
  if (info.kind == FieldKind::kMoment) return MomentText(field, *value, host);
  const auto number = static_cast<double>(*value);
  switch (info.unit) {
    case FieldUnit::kMicroseconds:
      return base::FormatMicroseconds(number);
    case FieldUnit::kMilliseconds:
      return base::FormatMicroseconds(number * 1e3);
    case FieldUnit::kBytes:
      return base::FormatBytes(number);
    case FieldUnit::kBytesPerSecond:
      return Rate(number);
    case FieldUnit::kNone:
    case FieldUnit::kSegments:
      return Count(*value);
  }
  return kUnknown;
}

std::string AgeText(const ConnectionRow& row, const HostView& host) {
  const std::optional<Age> age = AgeOf(row.sample->values, host);
  if (!age) return kUnknown;
  return absl::StrCat(age->exact ? "" : ">", base::FormatAge(age->at_least));
}

// As ss has it where there is no port.
std::string EndpointText(const base::Endpoint& end) {
  if (end.port != 0) return end.ToString();
  return absl::StrCat(absl::StripSuffix(end.ToString(), "0"), "*");
}

std::string TextOrUnknown(absl::string_view text) {
  return text.empty() ? kUnknown : std::string(text);
}

}  // namespace

absl::StatusOr<Column> ParseColumn(absl::string_view name) {
  for (const NamedColumn& named : kNamedColumns) {
    if (named.name == name) return named.column;
  }
  if (const FieldInfo* info = sockets::FindField(name)) return Column{Kind::kField, info->field};
  return absl::InvalidArgumentError(
      absl::StrCat("unknown column '", name, "'", base::DidYouMean(name, AllNames())));
}

absl::StatusOr<std::vector<Column>> ParseColumns(absl::string_view list) {
  std::vector<Column> columns;
  for (const absl::string_view name : absl::StrSplit(list, ',')) {
    TF_ASSIGN_OR_RETURN(const Column column, ParseColumn(absl::StripAsciiWhitespace(name)));
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) {
      columns.push_back(column);
    }
  }
  return columns;
}

std::string ColumnName(const Column& column) {
  if (column.kind == Kind::kField) {
    return std::string(sockets::FindField(static_cast<uint32_t>(column.field))->name);
  }
  for (const NamedColumn& named : kNamedColumns) {
    if (named.column == column) return std::string(named.name);
  }
  return "";
}

sockets::FieldMask FieldsAmong(absl::Span<const Column> columns) {
  sockets::FieldMask fields;
  for (const Column& column : columns) {
    if (column.kind == Kind::kField) fields.set(sockets::SlotOf(column.field));
  }
  return fields;
}

absl::StatusOr<RowOrder> ParseRowOrder(absl::string_view text) {
  RowOrder order;
  order.descending = absl::ConsumePrefix(&text, "-");
  TF_ASSIGN_OR_RETURN(order.column, ParseColumn(text));
  return order;
}

std::string CellText(const Column& column, const ConnectionRow& row,
                     absl::Span<const HostView> hosts) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  const HostView& host = hosts[row.host];
  switch (column.kind) {
    case Kind::kField:
      return FieldText(column.field, row, host);
    case Kind::kHost:
      return host.name;
    case Kind::kState:
      return FieldText(Field::kState, row, host);
    case Kind::kLocal:
      return EndpointText(identity.local);
    case Kind::kLocalAddress:
      return EndpointIn(column, row).address.ToString();
    case Kind::kPeer:
      return EndpointText(identity.remote);
    case Kind::kPeerAddress:
      return EndpointIn(column, row).address.ToString();
    case Kind::kAge:
      return AgeText(row, host);
    case Kind::kSendRate:
      return Rate(row.derived.send_rate);
    case Kind::kReceiveRate:
      return Rate(row.derived.receive_rate);
    case Kind::kDeliveryRate:
      return Rate(row.derived.delivery_rate);
    case Kind::kRetransShare:
      return row.derived.retrans_share
                 ? absl::StrFormat("%.2g %%", *row.derived.retrans_share * 100)
                 : kUnknown;
    case Kind::kLimited:
      return row.derived.limited ? std::string(sockets::LimitName(*row.derived.limited)) : kUnknown;
    default:
      break;
  }
  if (OrderOf(column) == ColumnOrder::kText) return TextOrUnknown(TextIn(column, row));
  const std::optional<uint64_t> number = NumberIn(column, row, host);
  return number ? absl::StrCat(*number) : kUnknown;
}

}  // namespace tcpfleet::controller
