#include "agent/kernel/socket_counts.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "common/sockets/state_names.h"

namespace tcpfleet::agent {
namespace {

using sockets::TcpState;

constexpr uint8_t kMostRetransmitsOfHealthy = 1;

uint8_t NumberOf(TcpState state) { return static_cast<uint8_t>(state); }

// TCP_BOUND_INACTIVE of Linux 6.8: a port, but neither a peer nor a listener.
bool IsUnconnected(uint8_t state) {
  constexpr uint8_t kBoundInactive = 13;
  return state == NumberOf(TcpState::kClose) || state == kBoundInactive;
}

// The `top` first by this order.
template <class Item, class Before>
void KeepFirst(size_t top, Before before, std::vector<Item>& items) {
  const size_t kept = std::min(top, items.size());
  std::partial_sort(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(kept), items.end(),
                    before);
  items.resize(kept);
}

void ToProto(const sockets::Process& process, v1::SocketOwner& to) {
  to.set_pid(process.pid);
  to.set_start_ticks(process.start_ticks);
  to.set_comm(process.comm);
  to.set_command_line(process.command_line);
}

// Before when it has more; the same number: by key.
template <class Entry>
bool HasMore(const Entry& a, const Entry& b) {
  return a.second->all != b.second->all ? a.second->all > b.second->all : a.first < b.first;
}

}  // namespace

SocketCounts::SocketCounts(std::optional<Ports> ports, Wish wish, SocketBudget* budget)
    : ports_(std::move(ports)),
      owners_(wish.owners),
      listeners_only_(wish.listeners_only),
      budget_(*budget) {
  if (!wish.rest_seconds.empty()) {
    pools_.emplace(std::move(wish.rest_seconds), &budget->connections);
  }
  if (!ports_) return;
  for (uint32_t port = ports_->range.first; port <= ports_->range.last; ++port) {
    if (!ports_->reserved[port]) ++usable_;
  }
}

bool SocketCounts::IsUsable(uint16_t port) const {
  return ports_ && port >= ports_->range.first && port <= ports_->range.last &&
         !ports_->reserved[port];
}

void SocketCounts::AddListener(const netlink::InetDiagSocket& socket) {
  states_.Add(socket.state);
  listening_.set(socket.local.port);
  if (budget_.listeners == 0) {
    ++listeners_beyond_;
    return;
  }
  --budget_.listeners;
  listeners_at_[PlaceOf(socket.local)].push_back(static_cast<uint32_t>(listeners_.size()));
  v1::Listener& listener = listeners_.emplace_back();
  listener.set_address(socket.local.address.ToString());
  listener.set_port(socket.local.port);
  listener.set_accept_queue(socket.receive_queue);
  listener.set_backlog(socket.send_queue);
  listener.set_uid(socket.uid);
  listener.set_inode(socket.inode);
  listener.set_cookie(socket.cookie);
  if (listeners_only_) return;
  listener.set_syn_recv(0);
  listener.set_syn_recv_retransmitted(0);
}

void SocketCounts::Add(const netlink::InetDiagSocket& socket) {
  states_.Add(socket.state);
  if (IsUsable(socket.local.port)) used_.set(socket.local.port);
  if (IsUnconnected(socket.state)) return;
  const base::Endpoint local{socket.local.address.Unmapped(), socket.local.port};
  if (socket.state == NumberOf(TcpState::kSynRecv)) {
    CountHandshake(local, socket.timer_retransmits);
  }
  local_ports_[local.port].Add(socket.state);

  const bool came_in = listening_[local.port];
  const Key key{local.address, socket.remote.address.Unmapped(), came_in ? local.port : uint16_t{0},
                came_in ? uint16_t{0} : socket.remote.port};
  auto found = group_at_.find(key);
  if (found == group_at_.end()) {
    if (budget_.groups == 0) {
      ++beyond_bounds_;
      return;
    }
    --budget_.groups;
    found = group_at_.emplace(key, static_cast<uint32_t>(groups_.size())).first;
    groups_.push_back({key, {}, 0});
  }
  Group& group = groups_[found->second];
  group.states.Add(socket.state);
  if (!came_in && IsUsable(local.port)) ++group.usable_ports;
  if (pools_ && socket.state == NumberOf(TcpState::kEstablished)) {
    pools_->Add(found->second, socket);
  }
  if (owners_ && socket.inode != 0 && budget_.owned > 0) {
    --budget_.owned;
    owned_.push_back({socket.inode, found->second, socket.state});
  }
}

// Of listeners that share a place (SO_REUSEPORT) the kernel does not say whose handshake it is:
// every one gets it.
void SocketCounts::CountHandshake(const base::Endpoint& local, uint8_t retransmits) {
  const base::IpAddress any_v6 = base::IpAddress::V6({});
  for (const base::IpAddress& address : {local.address, base::IpAddress(), any_v6}) {
    if (address == base::IpAddress() && !local.address.is_v4()) continue;
    const auto found = listeners_at_.find(PlaceOf({address, local.port}));
    if (found == listeners_at_.end()) continue;
    for (const uint32_t position : found->second) {
      v1::Listener& listener = listeners_[position];
      listener.set_syn_recv(listener.syn_recv() + 1);
      if (retransmits > kMostRetransmitsOfHealthy) {
        listener.set_syn_recv_retransmitted(listener.syn_recv_retransmitted() + 1);
      }
    }
    return;
  }
}

std::vector<uint32_t> SocketCounts::Inodes() const {
  std::vector<uint32_t> inodes;
  if (!owners_) return inodes;
  for (const v1::Listener& listener : listeners_) {
    inodes.push_back(static_cast<uint32_t>(listener.inode()));
  }
  for (const Owned& owned : owned_) inodes.push_back(owned.inode);
  return inodes;
}

void SocketCounts::Finish(size_t top, ProcessOf process_of, v1::SocketSummary& summary) {
  AddListeners(process_of, summary);
  summary.set_listeners_only(listeners_only_);
  if (listeners_only_) return;
  for (uint8_t state = 0; state < kStates; ++state) {
    const uint32_t sockets = states_.of[state];
    if (sockets == 0) continue;
    (*summary.mutable_states())[std::string(sockets::StateName(state))] = sockets;
  }
  if (ports_) {
    summary.set_port_range_low(ports_->range.first);
    summary.set_port_range_high(ports_->range.last);
    summary.set_ports_reserved(ports_->range.last - ports_->range.first + 1 - usable_);
    summary.set_ports_in_use(static_cast<uint32_t>(used_.count()));
  }
  AddLocalPorts(top, summary);
  AddPeers(top, summary);
  AddTimeWait(top, summary);
  AddPortUse(top, summary);
  if (owners_) AddProcesses(top, process_of, summary);
}

namespace {

template <class States>
void SetStates(const States& states, v1::SocketGroup& group) {
  group.set_sockets(states.all);
  for (uint8_t state = 0; state < states.of.size(); ++state) {
    if (states.of[state] == 0) continue;
    (*group.mutable_states())[std::string(sockets::StateName(state))] = states.of[state];
  }
}

}  // namespace

void SocketCounts::AddListeners(ProcessOf process_of, v1::SocketSummary& summary) {
  const auto fullness = [](const v1::Listener& listener) {
    return static_cast<double>(listener.accept_queue()) / (listener.backlog() + 1.0);
  };
  const auto before = [&](const v1::Listener& a, const v1::Listener& b) {
    return std::tuple(fullness(b), b.accept_queue(), a.port(), a.address(), a.cookie()) <
           std::tuple(fullness(a), a.accept_queue(), b.port(), b.address(), b.cookie());
  };
  const size_t all = listeners_.size() + listeners_beyond_;
  KeepFirst(kMostListenersSent, before, listeners_);
  summary.set_listeners_dropped(all - listeners_.size());
  for (v1::Listener& listener : listeners_) {
    if (owners_) {
      const auto process = process_of(static_cast<uint32_t>(listener.inode()));
      if (process == nullptr) {
        summary.set_unattributed(summary.unattributed() + 1);
      } else {
        ToProto(*process, *listener.mutable_owner());
      }
    }
    *summary.add_listeners() = std::move(listener);
  }
}

void SocketCounts::AddLocalPorts(size_t top, v1::SocketSummary& summary) const {
  std::vector<std::pair<uint16_t, const States*>> ports;
  for (const auto& [port, states] : local_ports_) ports.emplace_back(port, &states);
  KeepFirst(top, HasMore<std::pair<uint16_t, const States*>>, ports);
  for (const auto& [port, states] : ports) {
    v1::SocketGroup& group = *summary.add_local_ports();
    group.set_local_port(port);
    SetStates(*states, group);
  }
}

void SocketCounts::AddPeers(size_t top, v1::SocketSummary& summary) {
  using Peer = std::pair<base::IpAddress, uint16_t>;
  const auto peer_of = [](const Group& group) {
    return Key{{}, group.key.peer, 0, group.key.peer_port};
  };
  absl::flat_hash_map<Key, States> by_peer;
  for (const Group& group : groups_) {
    States& states = by_peer[peer_of(group)];
    for (uint8_t state = 0; state < kStates; ++state) states.Add(state, group.states.of[state]);
  }
  std::vector<std::pair<Peer, const States*>> peers;
  for (const auto& [key, states] : by_peer) {
    peers.emplace_back(Peer{key.peer, key.peer_port}, &states);
  }
  KeepFirst(top, HasMore<std::pair<Peer, const States*>>, peers);
  absl::flat_hash_map<Key, int> position_of;
  for (const auto& [peer, states] : peers) {
    position_of[Key{{}, peer.first, 0, peer.second}] = summary.peers_size();
    v1::SocketGroup& group = *summary.add_peers();
    group.set_peer_address(peer.first.ToString());
    if (peer.second != 0) group.set_peer_port(peer.second);
    SetStates(*states, group);
  }
  for (uint32_t i = 0; (owners_ || pools_) && i < groups_.size(); ++i) {
    const auto found = position_of.find(peer_of(groups_[i]));
    if (found != position_of.end()) peer_of_[i] = found->second;
  }
  if (pools_) pools_->Finish(peer_of_, summary);
}

void SocketCounts::AddTimeWait(size_t top, v1::SocketSummary& summary) const {
  constexpr auto kTimeWait = static_cast<size_t>(TcpState::kTimeWait);
  std::vector<const Group*> waiting;
  for (const Group& group : groups_) {
    if (group.states.of[kTimeWait] > 0) waiting.push_back(&group);
  }
  const auto before = [](const Group* a, const Group* b) {
    return a->states.of[kTimeWait] != b->states.of[kTimeWait]
               ? a->states.of[kTimeWait] > b->states.of[kTimeWait]
               : a->key < b->key;
  };
  KeepFirst(top, before, waiting);
  for (const Group* found : waiting) {
    v1::SocketGroup& group = *summary.add_time_wait();
    group.set_local_address(found->key.local.ToString());
    group.set_peer_address(found->key.peer.ToString());
    if (found->key.local_port != 0) group.set_local_port(found->key.local_port);
    if (found->key.peer_port != 0) group.set_peer_port(found->key.peer_port);
    States states;
    states.Add(kTimeWait, found->states.of[kTimeWait]);
    SetStates(states, group);
  }
}

void SocketCounts::AddPortUse(size_t top, v1::SocketSummary& summary) {
  std::vector<const Group*> outgoing;
  for (const Group& group : groups_) {
    if (group.usable_ports > 0) outgoing.push_back(&group);
  }
  const auto before = [](const Group* a, const Group* b) {
    return a->usable_ports != b->usable_ports ? a->usable_ports > b->usable_ports : a->key < b->key;
  };
  KeepFirst(top, before, outgoing);
  for (const Group* group : outgoing) {
    port_use_of_[static_cast<uint32_t>(group - groups_.data())] = summary.port_use_size();
    v1::PortUse& use = *summary.add_port_use();
    use.set_local_address(group->key.local.ToString());
    use.set_peer_address(group->key.peer.ToString());
    use.set_peer_port(group->key.peer_port);
    // Two sockets can have the same addresses and ports when they are bound to different devices.
    use.set_used(std::min(group->usable_ports, usable_));
    use.set_usable(usable_);
    use.set_time_wait(group->states.of[static_cast<size_t>(TcpState::kTimeWait)]);
  }
}

void SocketCounts::AddProcesses(size_t top, ProcessOf process_of, v1::SocketSummary& summary) {
  struct Owner {
    std::shared_ptr<const sockets::Process> process;
    States states;
  };
  using Pids = absl::flat_hash_map<uint32_t, uint32_t>;
  absl::flat_hash_map<uint32_t, Owner> owners;  // by pid
  absl::flat_hash_map<int, Pids> port_shares;   // by position in summary.port_use
  absl::flat_hash_map<int, Pids> peer_shares;   // by position in summary.peers
  for (const Owned& owned : owned_) {
    std::shared_ptr<const sockets::Process> process = process_of(owned.inode);
    if (process == nullptr) {
      summary.set_unattributed(summary.unattributed() + 1);
      continue;
    }
    const uint32_t pid = process->pid;
    Owner& owner = owners[pid];
    owner.process = std::move(process);
    owner.states.Add(owned.state);
    const auto use = port_use_of_.find(owned.group);
    if (use != port_use_of_.end()) ++port_shares[use->second][pid];
    const auto peer = peer_of_.find(owned.group);
    if (peer != peer_of_.end()) ++peer_shares[peer->second][pid];
  }
  std::vector<std::pair<uint32_t, const States*>> processes;
  for (const auto& [pid, owner] : owners) processes.emplace_back(pid, &owner.states);
  KeepFirst(top, HasMore<std::pair<uint32_t, const States*>>, processes);
  for (const auto& [pid, states] : processes) {
    v1::SocketGroup& group = *summary.add_processes();
    ToProto(*owners[pid].process, *group.mutable_owner());
    SetStates(*states, group);
  }
  const auto with_most = [&](const Pids& pids) -> const sockets::Process& {
    const auto most = std::max_element(pids.begin(), pids.end(), [](const auto& a, const auto& b) {
      return std::pair(a.second, b.first) < std::pair(b.second, a.first);
    });
    return *owners[most->first].process;
  };
  for (const auto& [use, pids] : port_shares) {
    ToProto(with_most(pids), *summary.mutable_port_use(use)->mutable_owner());
  }
  for (const auto& [peer, pids] : peer_shares) {
    ToProto(with_most(pids), *summary.mutable_peers(peer)->mutable_owner());
  }
}

}  // namespace tcpfleet::agent
