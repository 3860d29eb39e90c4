#include "common/netlink/rtnetlink.h"

#include <absl/strings/str_cat.h>
#include <linux/gen_stats.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include <array>

#include "common/base/status_macros.h"

namespace tcpfleet::netlink {
namespace {

constexpr std::array<absl::string_view, 25> kLinkStatistics = {
    "rx_packets",          "tx_packets",        "rx_bytes",         "tx_bytes",
    "rx_errors",           "tx_errors",         "rx_dropped",       "tx_dropped",
    "multicast",           "collisions",        "rx_length_errors", "rx_over_errors",
    "rx_crc_errors",       "rx_frame_errors",   "rx_fifo_errors",   "rx_missed_errors",
    "tx_aborted_errors",   "tx_carrier_errors", "tx_fifo_errors",   "tx_heartbeat_errors",
    "tx_window_errors",    "rx_compressed",     "tx_compressed",    "rx_nohandler",
    "rx_otherhost_dropped"};

constexpr std::array<absl::string_view, 7> kOperationalStates = {
    "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"};

template <class Header>
MessageBuilder DumpRequest(uint16_t type) {
  MessageBuilder builder(type, NLM_F_REQUEST | NLM_F_DUMP);
  builder.Append(BytesOf(Header{}));
  return builder;
}

template <class Header>
absl::StatusOr<Header> LoadHeader(Bytes payload, absl::string_view what) {
  const std::optional<Header> header = Load<Header>(payload);
  if (header) return *header;
  return absl::DataLossError(absl::StrCat(what, " message of ", payload.size(), " bytes"));
}

absl::string_view CString(Bytes bytes) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

template <class Take>
absl::Status ForEachAttribute(Bytes attributes, Take take) {
  AttributeReader reader(attributes);
  while (const std::optional<Attribute> attribute = reader.Next()) take(*attribute);
  return reader.ok() ? absl::OkStatus()
                     : absl::DataLossError("rtnetlink attribute does not fit its message");
}

// The 32-bit number at this place of a structure; 0 where the kernel's ends before.
uint32_t NumberAt(Bytes bytes, size_t offset) {
  return offset < bytes.size() ? Load<uint32_t>(bytes.subspan(offset)).value_or(0) : 0;
}

void TakeStatistics(const Attribute& attribute, Qdisc& qdisc) {
  const Bytes bytes = attribute.payload;
  if (attribute.type == TCA_STATS_BASIC) {
    qdisc.bytes = Load<uint64_t>(bytes).value_or(0);
    if (qdisc.packets == 0) qdisc.packets = NumberAt(bytes, offsetof(gnet_stats_basic, packets));
  } else if (attribute.type == TCA_STATS_PKT64) {
    qdisc.packets = Load<uint64_t>(bytes).value_or(qdisc.packets);
  } else if (attribute.type == TCA_STATS_QUEUE) {
    qdisc.backlog_packets = NumberAt(bytes, offsetof(gnet_stats_queue, qlen));
    qdisc.backlog_bytes = NumberAt(bytes, offsetof(gnet_stats_queue, backlog));
    qdisc.drops = NumberAt(bytes, offsetof(gnet_stats_queue, drops));
    qdisc.requeues = NumberAt(bytes, offsetof(gnet_stats_queue, requeues));
    qdisc.overlimits = NumberAt(bytes, offsetof(gnet_stats_queue, overlimits));
  }
}

}  // namespace

MessageBuilder LinkDumpRequest() { return DumpRequest<ifinfomsg>(RTM_GETLINK); }
MessageBuilder QdiscDumpRequest() { return DumpRequest<tcmsg>(RTM_GETQDISC); }
MessageBuilder NeighbourDumpRequest() { return DumpRequest<ndmsg>(RTM_GETNEIGH); }

absl::StatusOr<Link> ParseLink(Bytes payload) {
  TF_ASSIGN_OR_RETURN(const ifinfomsg header, LoadHeader<ifinfomsg>(payload, "link"));
  Link link;
  link.index = static_cast<uint32_t>(header.ifi_index);
  TF_RETURN_IF_ERROR(
      ForEachAttribute(payload.subspan(sizeof(header)), [&](const Attribute& attribute) {
        if (attribute.type == IFLA_IFNAME) link.name = CString(attribute.payload);
        if (attribute.type == IFLA_MTU) link.mtu = NumberAt(attribute.payload, 0);
        if (attribute.type == IFLA_STATS64) link.statistics = attribute.payload;
        if (attribute.type == IFLA_OPERSTATE) {
          link.operational_state = Load<uint8_t>(attribute.payload).value_or(0);
        }
      }));
  return link;
}

absl::StatusOr<Qdisc> ParseQdisc(Bytes payload) {
  TF_ASSIGN_OR_RETURN(const tcmsg header, LoadHeader<tcmsg>(payload, "qdisc"));
  Qdisc qdisc;
  qdisc.interface = static_cast<uint32_t>(header.tcm_ifindex);
  qdisc.handle = header.tcm_handle;
  qdisc.parent = header.tcm_parent;
  Bytes statistics;
  TF_RETURN_IF_ERROR(
      ForEachAttribute(payload.subspan(sizeof(header)), [&](const Attribute& attribute) {
        if (attribute.type == TCA_KIND) qdisc.kind = CString(attribute.payload);
        if (attribute.type == TCA_STATS2) statistics = attribute.payload;
      }));
  TF_RETURN_IF_ERROR(ForEachAttribute(
      statistics, [&](const Attribute& attribute) { TakeStatistics(attribute, qdisc); }));
  return qdisc;
}

absl::StatusOr<Neighbour> ParseNeighbour(Bytes payload) {
  TF_ASSIGN_OR_RETURN(const ndmsg header, LoadHeader<ndmsg>(payload, "neighbour"));
  return Neighbour{header.ndm_family, header.ndm_state};
}

absl::string_view OperationalStateName(uint8_t state) {
  return state < kOperationalStates.size() ? kOperationalStates[state] : "UNKNOWN";
}

absl::Span<const absl::string_view> LinkStatisticsNames() { return kLinkStatistics; }

std::string TrafficClassName(uint32_t handle) {
  if (handle == TC_H_ROOT) return "root";
  const uint32_t major = handle >> 16;
  const uint32_t minor = handle & 0xffff;
  std::string name;
  if (major != 0 || minor == 0) absl::StrAppend(&name, absl::Hex(major));
  absl::StrAppend(&name, ":");
  if (minor != 0) absl::StrAppend(&name, absl::Hex(minor));
  return name;
}

absl::string_view NeighbourStateName(uint16_t state) {
  switch (state) {
    case NUD_NONE:
      return "NONE";
    case NUD_INCOMPLETE:
      return "INCOMPLETE";
    case NUD_REACHABLE:
      return "REACHABLE";
    case NUD_STALE:
      return "STALE";
    case NUD_DELAY:
      return "DELAY";
    case NUD_PROBE:
      return "PROBE";
    case NUD_FAILED:
      return "FAILED";
    case NUD_NOARP:
      return "NOARP";
    case NUD_PERMANENT:
      return "PERMANENT";
    default:
      return "UNKNOWN";
  }
}

}  // namespace tcpfleet::netlink
