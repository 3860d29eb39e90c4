// Texts of /proc: counters, ranges and lists of ports. The first byte chooses the parser.
#include <cstddef>
#include <cstdint>

#include "agent/kernel/netstat.h"
#include "agent/load/local_ports.h"
#include "common/base/check.h"

namespace agent = tcpfleet::agent;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0: {
      agent::NetCounters counters;
      if (!agent::ParseNetCounters(text, counters).ok()) return 0;
      TF_CHECK(agent::ChangesBetween(counters, counters).changes().empty());
      return 0;
    }
    case 1: {
      const absl::StatusOr<agent::PortRange> range = agent::ParsePortRange(text);
      TF_CHECK(!range.ok() || (range->first > 0 && range->first <= range->last));
      return 0;
    }
    default: {
      const absl::StatusOr<agent::PortSet> ports = agent::ParsePortList(text);
      if (ports.ok()) TF_CHECK(agent::UsablePorts({1, 65535}, *ports, {}).usable.size() <= 65535);
      return 0;
    }
  }
}
