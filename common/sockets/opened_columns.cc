#include "common/sockets/opened_columns.h"

#include <absl/strings/ascii.h>

#include <utility>

#include "common/sockets/wire_writer.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {
namespace {

using Rows = v1::OpenedRows;

constexpr size_t kLongestName = 4096;

// Any program may call itself anything (prctl(2), PR_SET_NAME), and protobuf refuses strings that
// are not UTF-8.
std::string SafeName(const std::string& name) {
  std::string safe = name.substr(0, kLongestName);
  for (char& c : safe) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) c = '?';
  }
  return safe;
}

// In the order of Number.
constexpr int kFieldNumbers[] = {
    Rows::kCookieDeltasFieldNumber,        Rows::kNetworkNamespaceDeltasFieldNumber,
    Rows::kLocalAddressDeltasFieldNumber,  Rows::kLocalPortDeltasFieldNumber,
    Rows::kRemoteAddressDeltasFieldNumber, Rows::kRemotePortDeltasFieldNumber,
    Rows::kInterfaceDeltasFieldNumber,     Rows::kUidDeltasFieldNumber,
    Rows::kInodeDeltasFieldNumber,         Rows::kProcessDeltasFieldNumber,
    Rows::kCgroupDeltasFieldNumber,        Rows::kCongestionControlDeltasFieldNumber,
};

}  // namespace

void OpenedColumns::Clear() {
  for (List& list : lists_) {
    list.deltas.clear();
    list.last = list.zeros = 0;
  }
  row_deltas_.clear();
  last_row_ = 0;
  entries_.clear();
  addresses_.clear();
  processes_.clear();
  cgroups_.clear();
  congestion_controls_.clear();
  bytes_ = 0;
}

void OpenedColumns::Add(uint32_t row, const ConnectionIdentity& identity) {
  static_assert(std::size(kFieldNumbers) == kNumbers);
  if (bytes_ == 0) bytes_ = 16 * (kNumbers + 1);  // headers
  const size_t size = row_deltas_.size() + entries_.size();
  AppendVarint(row - last_row_, row_deltas_);
  last_row_ = row;
  Put(kCookie, identity.cookie);
  Put(kNetworkNamespace, identity.network_namespace);
  Put(kLocalAddress, IndexOf(identity.local.address));
  Put(kLocalPort, identity.local.port);
  Put(kRemoteAddress, IndexOf(identity.remote.address));
  Put(kRemotePort, identity.remote.port);
  Put(kInterface, identity.interface);
  Put(kUid, identity.uid ? uint64_t{*identity.uid} + 1 : 0);
  Put(kInode, identity.inode);
  Put(kProcess, IndexOf(identity.process));
  Put(kCgroup, IndexOf(identity.cgroup_id, identity.cgroup));
  Put(kCongestionControl, IndexOf(identity.congestion_control));
  bytes_ += row_deltas_.size() + entries_.size() - size;
}

void OpenedColumns::Put(Number number, uint64_t value) {
  List& list = lists_[number];
  const uint64_t delta = value - std::exchange(list.last, value);
  ++bytes_;
  if (delta == 0) {
    ++list.zeros;
    return;
  }
  const size_t size = list.deltas.size();
  list.deltas.append(std::exchange(list.zeros, 0), '\0');
  AppendVarint(Zigzag(delta), list.deltas);
  bytes_ += list.deltas.size() - size;
}

uint64_t OpenedColumns::IndexOf(const base::IpAddress& address) {
  const absl::Span<const uint8_t> bytes = address.bytes();
  const absl::string_view key(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto found = addresses_.find(key);
  if (found != addresses_.end()) return found->second;
  AppendBytesField(Rows::kAddressesFieldNumber, key, entries_);
  return addresses_.emplace(std::string(key), addresses_.size()).first->second;
}

uint64_t OpenedColumns::IndexOf(const std::shared_ptr<const Process>& process) {
  if (process == nullptr) return 0;
  const auto [found, is_new] = processes_.try_emplace(process.get(), processes_.size() + 1);
  if (is_new) {
    v1::SocketOwner owner;
    owner.set_pid(process->pid);
    owner.set_start_ticks(process->start_ticks);
    owner.set_comm(SafeName(process->comm));
    owner.set_command_line(SafeName(process->command_line));
    AppendBytesField(Rows::kProcessesFieldNumber, owner.SerializeAsString(), entries_);
  }
  return found->second;
}

uint64_t OpenedColumns::IndexOf(const std::optional<uint64_t>& cgroup_id,
                                const std::shared_ptr<const std::string>& cgroup) {
  if (!cgroup_id && cgroup == nullptr) return 0;
  const auto [found, is_new] = cgroups_.try_emplace(
      std::tuple(cgroup_id.has_value(), cgroup_id.value_or(0), cgroup.get()), cgroups_.size() + 1);
  if (is_new) {
    v1::SocketCgroup entry;
    if (cgroup_id) entry.set_id(*cgroup_id);
    if (cgroup != nullptr) entry.set_path(SafeName(*cgroup));
    AppendBytesField(Rows::kCgroupsFieldNumber, entry.SerializeAsString(), entries_);
  }
  return found->second;
}

uint64_t OpenedColumns::IndexOf(const std::string& congestion_control) {
  if (congestion_control.empty()) return 0;
  const auto [found, is_new] =
      congestion_controls_.try_emplace(congestion_control, congestion_controls_.size() + 1);
  if (is_new) {
    AppendBytesField(Rows::kCongestionControlsFieldNumber, SafeName(congestion_control), entries_);
  }
  return found->second;
}

void OpenedColumns::AppendTo(std::string& out) {
  AppendBytesField(Rows::kRowDeltasFieldNumber, row_deltas_, out);
  for (size_t i = 0; i < kNumbers; ++i) {
    List& list = lists_[i];
    if (list.deltas.empty()) continue;
    list.deltas.append(std::exchange(list.zeros, 0), '\0');
    AppendBytesField(kFieldNumbers[i], list.deltas, out);
  }
  out += entries_;
}

}  // namespace tcpfleet::sockets
