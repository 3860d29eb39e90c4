// What the kernel says of itself: texts of /proc, and answers of rtnetlink. The first byte chooses
// the parser.
#include <cstddef>
#include <cstdint>

#include "agent/kernel/cpu_tables.h"
#include "agent/kernel/host_load.h"
#include "agent/kernel/interfaces.h"
#include "agent/kernel/net_tables.h"
#include "agent/kernel/netstat.h"
#include "agent/kernel/process_files.h"
#include "agent/load/local_ports.h"
#include "agent/sockets/process_text.h"
#include "common/base/check.h"

namespace agent = tcpfleet::agent;
namespace netlink = tcpfleet::netlink;
namespace v1 = tcpfleet::v1;

namespace {

void ParsePorts(absl::string_view text) {
  const absl::StatusOr<agent::PortRange> range = agent::ParsePortRange(text);
  TF_CHECK(!range.ok() || (range->first > 0 && range->first <= range->last));
  const absl::StatusOr<agent::PortSet> ports = agent::ParsePortList(text);
  if (ports.ok()) TF_CHECK(agent::UsablePorts({1, 65535}, *ports, {}).usable.size() <= 65535);
}

void ParseTables(absl::string_view text) {
  agent::NetCounters counters;
  if (agent::ParseNetCounters(text, counters).ok()) {
    TF_CHECK(agent::ChangesBetween(counters, counters).changes().empty());
  }
  agent::ParseColumnTables(text).IgnoreError();
  agent::ParseSnmp6(text).IgnoreError();
  const absl::StatusOr<agent::NetTables> sockstat = agent::ParseSockstat(text);
  if (sockstat.ok()) TF_CHECK(sockstat->counters.empty());
}

void ParseCpus(absl::string_view text) {
  const absl::StatusOr<std::vector<v1::SoftnetCpu>> cpus = agent::ParseSoftnet(text);
  if (cpus.ok()) TF_CHECK(!cpus->empty() && cpus->size() <= agent::kMostCpus);
  agent::ParseCpuTable(text).IgnoreError();
}

// What is not understood sets nothing.
void ParseLoad(absl::string_view text) {
  v1::HostStatistics host;
  if (!agent::ParseLoad(text, host).ok()) TF_CHECK(host.ByteSizeLong() == 0);
  host.Clear();
  if (!agent::ParseMemory(text, host).ok()) TF_CHECK(host.ByteSizeLong() == 0);
  host.Clear();
  if (!agent::ParsePressure("cpu", text, host).ok()) TF_CHECK(host.ByteSizeLong() == 0);
  host.Clear();
  if (!agent::ParseFileNumbers(text, host).ok()) TF_CHECK(host.ByteSizeLong() == 0);
  host.Clear();
  if (!agent::ParseUptime(text, host).ok()) TF_CHECK(host.ByteSizeLong() == 0);
}

void ParseProcess(absl::string_view text) {
  agent::ParseFileLimits(text).IgnoreError();
  agent::ParseProcessStat(text);
  agent::JoinArguments(std::string(text));
}

// Strings of a message must be UTF-8, or nobody can read it.
template <class Statistics>
void CheckReadable(const Statistics& statistics) {
  Statistics read;
  TF_CHECK(read.ParseFromString(statistics.SerializeAsString()));
}

void ParseRtNetlink(netlink::Bytes bytes) {
  const absl::StatusOr<netlink::Link> link = netlink::ParseLink(bytes);
  if (link.ok()) CheckReadable(agent::ToInterfaceStatistics(*link));
  const absl::StatusOr<netlink::Qdisc> qdisc = netlink::ParseQdisc(bytes);
  if (qdisc.ok()) CheckReadable(agent::ToQdiscStatistics(*qdisc));
  const absl::StatusOr<netlink::Neighbour> neighbour = netlink::ParseNeighbour(bytes);
  if (neighbour.ok()) TF_CHECK(!netlink::NeighbourStateName(neighbour->state).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 6) {
    case 0:
      ParseTables(text);
      break;
    case 1:
      ParsePorts(text);
      break;
    case 2:
      ParseCpus(text);
      break;
    case 3:
      ParseLoad(text);
      break;
    case 4:
      ParseProcess(text);
      break;
    default:
      ParseRtNetlink({reinterpret_cast<const std::byte*>(text.data()), text.size()});
  }
  return 0;
}
