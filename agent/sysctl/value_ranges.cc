#include "agent/sysctl/value_ranges.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "common/base/status_macros.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kMostInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMostUint = std::numeric_limits<uint32_t>::max();
// Fewer local ports than this and a host soon cannot open connections.
constexpr int64_t kFewestPorts = 1'024;

struct Range {
  absl::string_view key;
  int64_t least;
  int64_t most;
  bool ascending = false;
};

// Of each element.
constexpr std::array kRanges = {
    Range{"net/core/dev_weight", 1, 65'536},
    Range{"net/core/netdev_budget", 1, 1'000'000},
    Range{"net/core/netdev_budget_usecs", 100, 1'000'000},
    Range{"net/core/netdev_max_backlog", 100, 10'000'000},
    Range{"net/core/optmem_max", 4'096, kMostInt},
    Range{"net/core/rmem_default", 4'096, kMostInt},
    Range{"net/core/rmem_max", 65'536, kMostInt},
    Range{"net/core/somaxconn", 16, 1'000'000},
    Range{"net/core/wmem_default", 4'096, kMostInt},
    Range{"net/core/wmem_max", 65'536, kMostInt},
    Range{"net/ipv4/ip_default_ttl", 16, 255},
    Range{"net/ipv4/ip_local_port_range", 1, 65'535, true},
    Range{"net/ipv4/ip_unprivileged_port_start", 0, 65'535},
    Range{"net/ipv4/tcp_abort_on_overflow", 0, 1},
    Range{"net/ipv4/tcp_adv_win_scale", -31, 31},
    Range{"net/ipv4/tcp_autocorking", 0, 1},
    Range{"net/ipv4/tcp_base_mss", 88, 65'535},
    Range{"net/ipv4/tcp_challenge_ack_limit", 1, kMostInt},
    Range{"net/ipv4/tcp_dsack", 0, 1},
    Range{"net/ipv4/tcp_ecn", 0, 5},
    Range{"net/ipv4/tcp_fastopen", 0, 0x7fff},
    Range{"net/ipv4/tcp_fin_timeout", 1, 3'600},
    Range{"net/ipv4/tcp_keepalive_intvl", 1, 32'767},
    Range{"net/ipv4/tcp_keepalive_probes", 1, 127},
    Range{"net/ipv4/tcp_keepalive_time", 1, 32'767},
    Range{"net/ipv4/tcp_limit_output_bytes", 4'096, kMostInt},
    Range{"net/ipv4/tcp_max_orphans", 1'024, kMostInt},
    Range{"net/ipv4/tcp_max_reordering", 3, 100'000},
    Range{"net/ipv4/tcp_max_syn_backlog", 16, 10'000'000},
    Range{"net/ipv4/tcp_max_tw_buckets", 1'024, kMostInt},
    Range{"net/ipv4/tcp_mem", 1, kMostInt, true},
    Range{"net/ipv4/tcp_min_snd_mss", 48, 65'535},
    Range{"net/ipv4/tcp_moderate_rcvbuf", 0, 1},
    Range{"net/ipv4/tcp_mtu_probing", 0, 2},
    Range{"net/ipv4/tcp_no_metrics_save", 0, 1},
    Range{"net/ipv4/tcp_notsent_lowat", 1'024, kMostUint},
    Range{"net/ipv4/tcp_orphan_retries", 0, 255},
    Range{"net/ipv4/tcp_reordering", 3, 1'000},
    Range{"net/ipv4/tcp_retries1", 1, 255},
    Range{"net/ipv4/tcp_retries2", 3, 255},
    Range{"net/ipv4/tcp_rfc1337", 0, 1},
    Range{"net/ipv4/tcp_rmem", 2'048, kMostInt, true},
    Range{"net/ipv4/tcp_rto_max_ms", 1'000, 120'000},
    Range{"net/ipv4/tcp_rto_min_us", 1'000, 10'000'000},
    Range{"net/ipv4/tcp_sack", 0, 1},
    Range{"net/ipv4/tcp_slow_start_after_idle", 0, 1},
    Range{"net/ipv4/tcp_syn_retries", 1, 127},
    Range{"net/ipv4/tcp_synack_retries", 1, 255},
    Range{"net/ipv4/tcp_syncookies", 0, 2},
    Range{"net/ipv4/tcp_timestamps", 0, 2},
    Range{"net/ipv4/tcp_tw_reuse", 0, 2},
    Range{"net/ipv4/tcp_tw_reuse_delay", 1, 60'000},
    Range{"net/ipv4/tcp_window_scaling", 0, 1},
    Range{"net/ipv4/tcp_wmem", 2'048, kMostInt, true},
    Range{"net/ipv4/udp_mem", 1, kMostInt, true},
};

absl::Status Invalid(absl::string_view why) { return absl::InvalidArgumentError(why); }

const Range* RangeOf(absl::string_view key) {
  const auto* found = std::find_if(kRanges.begin(), kRanges.end(),
                                   [&](const Range& range) { return range.key == key; });
  return found == kRanges.end() ? nullptr : found;
}

absl::Status CheckNumbers(const Range* range, const std::vector<int64_t>& current,
                          const std::vector<int64_t>& numbers) {
  if (numbers.size() != current.size()) {
    return Invalid(absl::StrCat("has ", numbers.size(), " numbers, must have ", current.size()));
  }
  for (size_t i = 0; i < numbers.size(); ++i) {
    // Of what we know no range for, the sign of the value in force is all there is to go by.
    const int64_t least = range != nullptr ? range->least : std::min<int64_t>(current[i], 0);
    const int64_t most = range != nullptr ? range->most : std::numeric_limits<int64_t>::max();
    if (numbers[i] < least || numbers[i] > most) {
      return Invalid(range != nullptr ? absl::StrCat(numbers[i], " is not from ", least, " to ",
                                                     most, ", which is what agents permit")
                                      : absl::StrCat(numbers[i], " is below ", least));
    }
  }
  if (range != nullptr && range->ascending && !std::is_sorted(numbers.begin(), numbers.end())) {
    return Invalid("its numbers must ascend");
  }
  return absl::OkStatus();
}

// How many ports of low..high a canonical range list takes away.
int64_t Overlap(int64_t low, int64_t high, absl::string_view list) {
  int64_t overlap = 0;
  for (const absl::string_view part : absl::StrSplit(list, ',', absl::SkipEmpty())) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    int64_t first = 0;
    int64_t last = 0;
    if (!absl::SimpleAtoi(ends.front(), &first) || !absl::SimpleAtoi(ends.back(), &last)) continue;
    overlap += std::max<int64_t>(0, std::min(high, last) - std::max(low, first) + 1);
  }
  return overlap;
}

// What the ports of outgoing connections come from, once everything is changed.
absl::Status CheckLocalPorts(const ValueAfter& value_after) {
  const auto range = sysctl::ParseNumbers(value_after("net/ipv4/ip_local_port_range"));
  if (!range || range->size() != 2) return absl::OkStatus();
  const int64_t low = range->front();
  const int64_t high = range->back();
  const auto first = sysctl::ParseNumbers(value_after("net/ipv4/ip_unprivileged_port_start"));
  if (first && low < first->front()) {
    return Invalid(absl::StrCat("local ports from ", low, " overlap with those below ",
                                first->front(), " (net.ipv4.ip_unprivileged_port_start)"));
  }
  const std::string reserved = sysctl::Canonical("net/ipv4/ip_local_reserved_ports",
                                                 value_after("net/ipv4/ip_local_reserved_ports"));
  const int64_t free = high - low + 1 - Overlap(low, high, reserved);
  if (free < kFewestPorts) {
    return Invalid(absl::StrCat(free, " local ports are left, at least ", kFewestPorts,
                                " are needed for outgoing connections"));
  }
  return absl::OkStatus();
}

bool IsAboutLocalPorts(absl::string_view key) {
  return key == "net/ipv4/ip_local_port_range" || key == "net/ipv4/ip_local_reserved_ports" ||
         key == "net/ipv4/ip_unprivileged_port_start";
}

}  // namespace

absl::Status CheckRange(const std::string& key, const std::string& current,
                        const std::string& value, const ValueAfter& value_after) {
  if (sysctl::IsRangeList(key)) {
    TF_RETURN_IF_ERROR(sysctl::CanonicalRanges(value).status());
  } else if (const auto now = sysctl::ParseNumbers(current)) {
    const auto numbers = sysctl::ParseNumbers(value);
    if (!numbers) return Invalid(absl::StrCat("\"", value, "\" is no number"));
    TF_RETURN_IF_ERROR(CheckNumbers(RangeOf(key), *now, *numbers));
    if (key == "net/ipv4/ip_local_port_range" && (numbers->front() + numbers->back()) % 2 == 0) {
      return Invalid("one end must be even and the other odd, as the kernel wants it");
    }
  }
  return IsAboutLocalPorts(key) ? CheckLocalPorts(value_after) : absl::OkStatus();
}

}  // namespace tcpfleet::agent
