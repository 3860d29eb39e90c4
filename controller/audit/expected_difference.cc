#include "controller/audit/expected_difference.h"

#include "common/sysctl/key.h"

namespace tcpfleet::controller {
namespace {

constexpr char kMemory[] = "by the size of memory";
constexpr char kCpus[] = "by the number of CPUs";
constexpr char kState[] = "a state, not a setting";
constexpr char kLink[] = "by the link";

// Source: the kernel's net/ipv4/tcp.c (tcp_init), udp.c, inet_hashtables.c, inetpeer.c,
// net/netfilter/nf_conntrack_core.c, fs/file_table.c, kernel/fork.c, kernel/pid.c, mm/page_alloc.c.
constexpr ExpectedDifference kDifferences[] = {
    {"fs/file-max", kMemory},
    {"kernel/threads-max", kMemory},
    {"vm/min_free_kbytes", kMemory},
    {"net/core/bpf_jit_limit", kMemory},
    {"net/ipv4/inet_peer_threshold", kMemory},
    {"net/ipv4/tcp_ehash_entries", kMemory},
    {"net/ipv4/tcp_max_orphans", kMemory},
    {"net/ipv4/tcp_max_syn_backlog", kMemory},
    {"net/ipv4/tcp_max_tw_buckets", kMemory},
    {"net/ipv4/tcp_mem", kMemory},
    {"net/ipv4/udp_hash_entries", kMemory},
    {"net/ipv4/udp_mem", kMemory},
    {"net/ipv4/xfrm4_gc_thresh", kMemory},
    {"net/ipv6/xfrm6_gc_thresh", kMemory},
    {"net/nf_conntrack_max", kMemory},
    {"net/netfilter/nf_conntrack_buckets", kMemory},
    {"net/netfilter/nf_conntrack_expect_max", kMemory},
    {"net/netfilter/nf_conntrack_max", kMemory},
    {"net/sctp/sctp_mem", kMemory},
    {"kernel/pid_max", kCpus},
    {"net/core/flow_limit_cpu_bitmap", kCpus},
    {"net/core/rps_default_mask", kCpus},
    {"net/ipv6/conf/*/mtu", kLink},
    {"fs/dentry-state", kState, true},
    {"fs/file-nr", kState, true},
    {"fs/inode-nr", kState, true},
    {"fs/inode-state", kState, true},
    {"kernel/hostname", kState, true},
    {"kernel/ns_last_pid", kState, true},
    {"kernel/pty/nr", kState, true},
    {"kernel/random/boot_id", kState, true},
    {"kernel/random/entropy_avail", kState, true},
    {"kernel/random/uuid", kState, true},
    {"kernel/tainted", kState, true},
    {"net/ipv4/tcp_available_congestion_control", "by the modules that are loaded", true},
    {"net/ipv4/tcp_available_ulp", "by the modules that are loaded", true},
    {"net/netfilter/nf_conntrack_count", kState, true},
};

}  // namespace

absl::Span<const ExpectedDifference> ExpectedDifferences() { return kDifferences; }

const ExpectedDifference* FindExpectedDifference(const std::string& key) {
  for (const ExpectedDifference& difference : kDifferences) {
    if (sysctl::GlobMatches(std::string(difference.pattern), key)) return &difference;
  }
  return nullptr;
}

}  // namespace tcpfleet::controller
