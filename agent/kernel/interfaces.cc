#include "agent/kernel/interfaces.h"

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

#include "agent/sockets/proc_links.h"
#include "common/base/status_macros.h"
#include "common/netlink/netlink_socket.h"
#include "common/sys/interface.h"

namespace tcpfleet::agent {
namespace {

constexpr int kMostAttempts = 3;

// Hands every message of this type to `take`; `restart` before each attempt.
absl::Status Dump(netlink::NetlinkSocket& socket, netlink::MessageBuilder request, uint16_t type,
                  absl::FunctionRef<void()> restart,
                  absl::FunctionRef<absl::Status(netlink::Bytes)> take) {
  absl::Status status;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    restart();
    absl::Status taken;
    status = socket.Dump(request, [&](const netlink::Message& message, int64_t) {
      if (message.type == type && taken.ok()) taken = take(message.payload);
    });
    if (status.ok()) return taken;
    if (!absl::IsAborted(status)) break;
  }
  return status;
}

template <class Item>
struct Bounded {
  explicit Bounded(size_t most_items) : most(most_items) {}
  void Add(Item item) {
    if (items.size() == most) {
      ++beyond;
    } else {
      items.push_back(std::move(item));
    }
  }
  void Clear() {
    items.clear();
    beyond = 0;
  }

  const size_t most;
  std::vector<Item> items;
  uint64_t beyond = 0;
};

}  // namespace

v1::InterfaceStatistics ToInterfaceStatistics(const netlink::Link& link) {
  v1::InterfaceStatistics interface;
  interface.set_index(link.index);
  interface.set_name(Readable(link.name));
  interface.set_state(std::string(netlink::OperationalStateName(link.operational_state)));
  interface.set_mtu(link.mtu);
  netlink::Bytes rest = link.statistics;
  for (const absl::string_view name : netlink::LinkStatisticsNames()) {
    const std::optional<uint64_t> value = netlink::Load<uint64_t>(rest);
    if (!value) break;
    (*interface.mutable_counters())[std::string(name)] = *value;
    rest.remove_prefix(sizeof(*value));
  }
  return interface;
}

v1::QdiscStatistics ToQdiscStatistics(const netlink::Qdisc& qdisc) {
  v1::QdiscStatistics statistics;
  statistics.set_kind(Readable(qdisc.kind));
  statistics.set_handle(netlink::TrafficClassName(qdisc.handle));
  statistics.set_parent(netlink::TrafficClassName(qdisc.parent));
  statistics.set_bytes(qdisc.bytes);
  statistics.set_packets(qdisc.packets);
  statistics.set_drops(qdisc.drops);
  statistics.set_overlimits(qdisc.overlimits);
  statistics.set_requeues(qdisc.requeues);
  statistics.set_backlog_bytes(qdisc.backlog_bytes);
  statistics.set_backlog_packets(qdisc.backlog_packets);
  return statistics;
}

absl::StatusOr<uint64_t> ReadInterfaces(v1::NamespaceStatistics& to) {
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket, netlink::NetlinkSocket::Open(NETLINK_ROUTE));
  Bounded<v1::InterfaceStatistics> interfaces(kMostInterfaces);
  Bounded<std::pair<uint32_t, v1::QdiscStatistics>> qdiscs(kMostQdiscs);  // by interface
  TF_RETURN_IF_ERROR(Dump(
      socket, netlink::LinkDumpRequest(), RTM_NEWLINK, [&] { interfaces.Clear(); },
      [&](netlink::Bytes payload) -> absl::Status {
        TF_ASSIGN_OR_RETURN(const netlink::Link link, netlink::ParseLink(payload));
        v1::InterfaceStatistics interface = ToInterfaceStatistics(link);
        const absl::StatusOr<uint64_t> speed = sys::InterfaceSpeed(std::string(link.name));
        if (speed.ok()) interface.set_speed_bits_per_second(*speed);
        interfaces.Add(std::move(interface));
        return absl::OkStatus();
      }));
  TF_RETURN_IF_ERROR(Dump(
      socket, netlink::QdiscDumpRequest(), RTM_NEWQDISC, [&] { qdiscs.Clear(); },
      [&](netlink::Bytes payload) -> absl::Status {
        TF_ASSIGN_OR_RETURN(const netlink::Qdisc qdisc, netlink::ParseQdisc(payload));
        qdiscs.Add({qdisc.interface, ToQdiscStatistics(qdisc)});
        return absl::OkStatus();
      }));
  absl::flat_hash_map<uint32_t, v1::InterfaceStatistics*> by_index;
  for (v1::InterfaceStatistics& interface : interfaces.items) {
    v1::InterfaceStatistics* added = to.add_interfaces();
    *added = std::move(interface);
    by_index[added->index()] = added;
  }
  for (auto& [index, qdisc] : qdiscs.items) {
    const auto found = by_index.find(index);
    if (found != by_index.end()) *found->second->add_qdiscs() = std::move(qdisc);
  }
  return interfaces.beyond + qdiscs.beyond;
}

absl::Status ReadNeighbours(v1::NamespaceStatistics& to) {
  TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket, netlink::NetlinkSocket::Open(NETLINK_ROUTE));
  absl::flat_hash_map<std::pair<uint8_t, uint16_t>, uint64_t> counts;
  const auto take = [&](netlink::Bytes payload) -> absl::Status {
    TF_ASSIGN_OR_RETURN(const netlink::Neighbour neighbour, netlink::ParseNeighbour(payload));
    ++counts[{neighbour.family, neighbour.state}];
    return absl::OkStatus();
  };
  TF_RETURN_IF_ERROR(Dump(
      socket, netlink::NeighbourDumpRequest(), RTM_NEWNEIGH, [&] { counts.clear(); }, take));
  for (const auto& [key, count] : counts) {
    const auto& [family, state] = key;
    if (family != AF_INET && family != AF_INET6) continue;
    const std::string name =
        absl::StrCat(family == AF_INET ? "ipv4 " : "ipv6 ", netlink::NeighbourStateName(state));
    (*to.mutable_neighbours())[name] += count;
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
