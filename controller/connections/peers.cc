#include "controller/connections/peers.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/string_view.h>

#include <optional>
#include <utility>
#include <vector>

#include "common/base/units.h"
#include "common/sockets/state_names.h"
#include "controller/connections/endpoint_key.h"

namespace tcpfleet::controller {
namespace {

using sockets::Derived;
using sockets::Field;
using sockets::Limit;

constexpr uint32_t kNoRow = UINT32_MAX;
constexpr uint32_t kSeveral = UINT32_MAX;  // machines

struct Tuple {
  EndpointKey local;
  EndpointKey remote;
  bool operator==(const Tuple&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Tuple& tuple) {
    return H::combine(std::move(h), tuple.local, tuple.remote);
  }
};

Tuple TupleOf(const sockets::ConnectionIdentity& identity) {
  return {EndpointKey(identity.local), EndpointKey(identity.remote)};
}

EndpointKey AddressOf(const base::Endpoint& end) { return EndpointKey({end.address, 0}); }

bool IsConnection(const ConnectionRow& row) {
  return row.sample->values.Get(Field::kState) != static_cast<uint64_t>(sockets::TcpState::kListen);
}

}  // namespace

class PeerIndex::State {
 public:
  State(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts);
  const ConnectionRow* PeerOf(const ConnectionRow& row) const;

 private:
  bool MayJoin(const ConnectionRow& row, const ConnectionRow& other) const;
  bool IsSameSocket(const ConnectionRow& a, const ConnectionRow& b) const;
  bool IsShared(const base::Endpoint& end) const;
  uint32_t MachineOf(const ConnectionRow& row) const { return machines_[row.host]; }

  struct Entry {
    const ConnectionRow* row;
    uint32_t next;  // with the same tuple; kNoRow: none
  };
  std::vector<uint32_t> machines_;  // by host: hosts with the same boot id are one machine
  std::vector<Entry> entries_;
  absl::flat_hash_map<Tuple, uint32_t> first_;
  absl::flat_hash_map<EndpointKey, uint32_t> machine_by_address_;  // or kSeveral
};

PeerIndex::State::State(absl::Span<const ConnectionRow* const> rows,
                        absl::Span<const HostView> hosts) {
  absl::flat_hash_map<std::string, uint32_t> by_boot;
  for (uint32_t i = 0; i < hosts.size(); ++i) {
    const std::string& boot_id = hosts[i].description.boot_id();
    machines_.push_back(boot_id.empty() ? i : by_boot.try_emplace(boot_id, i).first->second);
  }
  entries_.reserve(rows.size());
  first_.reserve(rows.size());
  for (const ConnectionRow* row : rows) {
    if (!IsConnection(*row)) continue;
    const auto index = static_cast<uint32_t>(entries_.size());
    const auto [found, is_new] = first_.try_emplace(TupleOf(row->sample->identity), index);
    entries_.push_back({row, is_new ? kNoRow : std::exchange(found->second, index)});
    const auto [machine, is_new_address] =
        machine_by_address_.try_emplace(AddressOf(row->sample->identity.local), MachineOf(*row));
    if (!is_new_address && machine->second != MachineOf(*row)) machine->second = kSeveral;
  }
}

bool PeerIndex::State::IsShared(const base::Endpoint& end) const {
  const auto found = machine_by_address_.find(AddressOf(end));
  return found != machine_by_address_.end() && found->second == kSeveral;
}

bool PeerIndex::State::IsSameSocket(const ConnectionRow& a, const ConnectionRow& b) const {
  return MachineOf(a) == MachineOf(b) && a.sample->identity.cookie == b.sample->identity.cookie &&
         a.sample->identity.network_namespace == b.sample->identity.network_namespace;
}

bool PeerIndex::State::MayJoin(const ConnectionRow& row, const ConnectionRow& other) const {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  if (IsSameSocket(row, other)) return false;
  const bool same_machine = MachineOf(row) == MachineOf(other);
  const bool within_namespace = identity.local.address.IsLoopback() ||
                                identity.remote.address.IsLoopback() ||
                                AddressOf(identity.local) == AddressOf(identity.remote);
  if (within_namespace) {
    return same_machine && identity.network_namespace == other.sample->identity.network_namespace;
  }
  return same_machine || (!IsShared(identity.local) && !IsShared(identity.remote));
}

const ConnectionRow* PeerIndex::State::PeerOf(const ConnectionRow& row) const {
  if (!IsConnection(row)) return nullptr;
  const Tuple tuple = TupleOf(row.sample->identity);
  const auto found = first_.find({tuple.remote, tuple.local});
  if (found == first_.end()) return nullptr;
  const ConnectionRow* peer = nullptr;
  for (uint32_t i = found->second; i != kNoRow; i = entries_[i].next) {
    const ConnectionRow* other = entries_[i].row;
    if (!MayJoin(row, *other)) continue;
    if (peer == nullptr || (IsSameSocket(*peer, *other) && other->host == row.host)) {
      peer = other;
    } else if (!IsSameSocket(*peer, *other)) {
      return nullptr;
    }
  }
  return peer;
}

PeerIndex::PeerIndex(const FleetTable& table) : PeerIndex(table.Rows(), table.hosts()) {}
PeerIndex::PeerIndex(absl::Span<const ConnectionRow* const> rows, absl::Span<const HostView> hosts)
    : state_(std::make_unique<State>(rows, hosts)) {}
PeerIndex::~PeerIndex() = default;

const ConnectionRow* PeerIndex::PeerOf(const ConnectionRow& row) const {
  return state_->PeerOf(row);
}

}  // namespace tcpfleet::controller
