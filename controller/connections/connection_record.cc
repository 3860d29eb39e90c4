#include "controller/connections/connection_record.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/time_util.h>

#include <optional>
#include <string>

#include "common/base/check.h"
#include "common/sockets/state_names.h"
#include "controller/cli/text.h"
#include "controller/connections/column_value.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using sockets::FieldMask;

bool Wanted(const FieldMask& fields, const sockets::FieldInfo& info) {
  return fields.none() || fields[sockets::SlotOf(info.field)];
}

// CSV has the state by its name.
bool IsCsvColumn(const FieldMask& fields, const sockets::FieldInfo& info) {
  return Wanted(fields, info) && info.field != Field::kState;
}

// Programs choose these texts; JSON takes nothing but UTF-8.
void SetIdentity(const sockets::ConnectionIdentity& identity, v1::ConnectionRecord& record) {
  record.set_local(identity.local.ToString());
  record.set_peer(identity.remote.ToString());
  record.set_cookie(identity.cookie);
  if (identity.uid) record.set_uid(*identity.uid);
  record.set_inode(identity.inode);
  record.set_congestion_control(Printable(identity.congestion_control));
  if (identity.process != nullptr) {
    record.set_pid(identity.process->pid);
    record.set_process(Printable(identity.process->comm));
    record.set_command(Printable(identity.process->command_line));
  }
  if (identity.cgroup_id) record.set_cgroup_id(*identity.cgroup_id);
  if (identity.cgroup != nullptr) record.set_cgroup(Printable(*identity.cgroup));
  record.set_network_namespace(identity.network_namespace);
  if (identity.interface != 0) record.set_interface_index(identity.interface);
}

void SetDerived(const sockets::Derived& derived, v1::DerivedRecord& record) {
  if (derived.send_rate) record.set_send_rate_bytes_per_second(*derived.send_rate);
  if (derived.receive_rate) record.set_receive_rate_bytes_per_second(*derived.receive_rate);
  if (derived.delivery_rate) record.set_acked_rate_bytes_per_second(*derived.delivery_rate);
  if (derived.retrans_share) record.set_retransmit_share(*derived.retrans_share);
  if (derived.busy_share) record.set_busy_share(*derived.busy_share);
  if (derived.rwnd_limited_share) {
    record.set_receive_window_limited_share(*derived.rwnd_limited_share);
  }
  if (derived.sndbuf_limited_share) {
    record.set_send_buffer_limited_share(*derived.sndbuf_limited_share);
  }
  if (derived.limited) record.set_limited(std::string(sockets::LimitName(*derived.limited)));
}

using google::protobuf::FieldDescriptor;

// Fields of ConnectionRecord, those of messages in it behind a dot.
constexpr absl::string_view kColumns[] = {"agent",
                                          "state",
                                          "local",
                                          "peer",
                                          "cookie",
                                          "uid",
                                          "inode",
                                          "congestion_control",
                                          "pid",
                                          "process",
                                          "command",
                                          "cgroup_id",
                                          "cgroup",
                                          "network_namespace",
                                          "interface_index",
                                          "age_seconds",
                                          "age_is_exact",
                                          "derived.send_rate_bytes_per_second",
                                          "derived.receive_rate_bytes_per_second",
                                          "derived.acked_rate_bytes_per_second",
                                          "derived.retransmit_share",
                                          "derived.busy_share",
                                          "derived.receive_window_limited_share",
                                          "derived.send_buffer_limited_share",
                                          "derived.limited"};
constexpr absl::string_view kPeerColumns[] = {"peer_end.agent", "peer_end.cookie",
                                              "peer_end.network_namespace", "peer_end.explanation"};

std::string Text(const google::protobuf::Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return reflection.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrFormat("%.15g", reflection.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    default:
      return "";
  }
}

std::string CellOf(const google::protobuf::Message& message, absl::string_view path) {
  const size_t dot = path.find('.');
  const FieldDescriptor* field =
      message.GetDescriptor()->FindFieldByName(std::string(path.substr(0, dot)));
  TF_CHECK(field != nullptr);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field->has_presence() && !reflection.HasField(message, field)) return "";
  if (dot == absl::string_view::npos) return Text(message, *field);
  return CellOf(reflection.GetMessage(message, field), path.substr(dot + 1));
}

}  // namespace

v1::ConnectionRecord ToRecord(const ConnectionRow& row, absl::Span<const HostView> hosts,
                              const FieldMask& fields) {
  const HostView& host = hosts[row.host];
  const sockets::FieldValues& values = row.sample->values;
  v1::ConnectionRecord record;
  record.set_agent(host.name);
  if (const auto state = values.Find(Field::kState)) {
    record.set_state(std::string(sockets::StateName(*state)));
  }
  SetIdentity(row.sample->identity, record);
  if (const std::optional<Age> age = AgeOf(values, host)) {
    record.set_age_seconds(absl::ToDoubleSeconds(age->at_least));
    record.set_age_is_exact(age->exact);
  }
  SetDerived(row.derived, *record.mutable_derived());
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    const auto value = Wanted(fields, info) ? values.Find(info.field) : std::nullopt;
    if (value) (*record.mutable_fields())[std::string(info.name)] = *value;
  }
  return record;
}

CsvRow ConnectionCsvHeader(const CsvShape& shape) {
  CsvRow header;
  if (shape.with_event) header = {"time", "event"};
  const auto add = [&header](absl::Span<const absl::string_view> paths) {
    for (const absl::string_view path : paths) {
      header.push_back(absl::StrReplaceAll(absl::StripPrefix(path, "derived."), {{".", "_"}}));
    }
  };
  add(kColumns);
  if (shape.with_peers) add(kPeerColumns);
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (IsCsvColumn(shape.fields, info)) header.emplace_back(info.name);
  }
  return header;
}

CsvRow ConnectionCsvRow(const v1::ConnectionRecord& record, const CsvShape& shape) {
  CsvRow cells;
  if (shape.with_event) {
    cells.push_back(google::protobuf::util::TimeUtil::ToString(record.time()));
    cells.push_back(record.event());
  }
  for (const absl::string_view path : kColumns) cells.push_back(CellOf(record, path));
  if (shape.with_peers) {
    for (const absl::string_view path : kPeerColumns) cells.push_back(CellOf(record, path));
  }
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (!IsCsvColumn(shape.fields, info)) continue;
    const auto value = record.fields().find(std::string(info.name));
    cells.push_back(value == record.fields().end() ? "" : absl::StrCat(value->second));
  }
  return cells;
}

}  // namespace tcpfleet::controller
