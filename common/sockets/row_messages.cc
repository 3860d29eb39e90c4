#include "common/sockets/row_messages.h"

#include <absl/strings/ascii.h>

#include <memory>
#include <optional>
#include <string>

namespace tcpfleet::sockets {
namespace {

constexpr size_t kMostNameBytes = 256;

template <class Value>
bool Learned(const std::optional<Value>& known, const std::optional<Value>& now) {
  return now.has_value() && now != known;
}

template <class Value>
bool Learned(const std::shared_ptr<const Value>& known, const std::shared_ptr<const Value>& now) {
  return now != nullptr && now != known && (known == nullptr || *now != *known);
}

bool Learned(const std::string& known, const std::string& now) {
  return !now.empty() && now != known;
}

void SetAddress(const base::IpAddress& address, std::string* bytes) {
  const absl::Span<const uint8_t> from = address.bytes();
  bytes->assign(reinterpret_cast<const char*>(from.data()), from.size());
}

// Any program may call itself anything (prctl(2), PR_SET_NAME), and protobuf refuses strings that
// are not UTF-8.
void SetName(const std::string& name, std::string* field) {
  field->assign(name, 0, kMostNameBytes);
  for (char& c : *field) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) c = '?';
  }
}

}  // namespace

bool SaysMore(const ConnectionIdentity& known, const ConnectionIdentity& now) {
  return now.local != known.local || now.remote != known.remote ||
         now.interface != known.interface || (now.inode != 0 && now.inode != known.inode) ||
         Learned(known.uid, now.uid) || Learned(known.process, now.process) ||
         Learned(known.cgroup_id, now.cgroup_id) || Learned(known.cgroup, now.cgroup) ||
         Learned(known.congestion_control, now.congestion_control);
}

void WriteOpen(uint32_t row, const ConnectionIdentity& identity, v1::ConnectionOpen& open) {
  open.set_row(row);
  open.set_cookie(identity.cookie);
  open.set_network_namespace(identity.network_namespace);
  SetAddress(identity.local.address, open.mutable_local_address());
  open.set_local_port(identity.local.port);
  SetAddress(identity.remote.address, open.mutable_remote_address());
  open.set_remote_port(identity.remote.port);
  open.set_interface(identity.interface);
  if (identity.uid) open.set_uid(*identity.uid);
  open.set_inode(identity.inode);
  if (identity.process != nullptr) {
    open.set_pid(identity.process->pid);
    open.set_process_start_ticks(identity.process->start_ticks);
    SetName(identity.process->comm, open.mutable_comm());
    SetName(identity.process->command_line, open.mutable_command_line());
  }
  if (identity.cgroup != nullptr) SetName(*identity.cgroup, open.mutable_cgroup());
  if (identity.cgroup_id) open.set_cgroup_id(*identity.cgroup_id);
  SetName(identity.congestion_control, open.mutable_congestion_control());
}

void WriteClose(uint32_t row, v1::ConnectionClose::Reason reason, const FieldValues& last,
                const FieldMask& fields, v1::ConnectionClose& close) {
  close.set_row(row);
  close.set_reason(reason);
  const FieldMask present = last.present() & fields;
  for (size_t slot = present._Find_first(); slot < kFieldSlots; slot = present._Find_next(slot)) {
    close.add_field_ids(static_cast<uint32_t>(slot));
    close.add_values(last.by_slot()[slot]);
  }
}

}  // namespace tcpfleet::sockets
