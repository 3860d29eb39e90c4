#include "agent/load/preflight.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "agent/kernel/memory.h"
#include "agent/load/load_wish.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "common/sys/rlimit.h"

namespace tcpfleet::agent {
namespace {

using Spec = v1::StressSpec;

// Descriptors the agent needs beside test sockets: gRPC, epoll sets, listeners, log.
constexpr uint64_t kReservedFiles = 128;
// TCP_TIMEWAIT_LEN, net/tcp.h; and after how long a port in TIME_WAIT is used again where that is
// allowed.
constexpr double kTimeWaitSeconds = 60;
constexpr double kReuseSeconds = 1;
// Of the kernel per connection and end: socket, inode, file, entries of the epoll set; measured.
constexpr double kSocketBytes = 3'840;
// What a stream has under way when its buffers are left to the kernel.
constexpr double kStreamBufferBytes = 256 << 10;

constexpr char kMorePorts[] = "widen net.ipv4.ip_local_port_range, add sources or add targets";

std::optional<uint64_t> ReadNumber(const std::string& path) {
  const absl::StatusOr<std::string> text = sys::ReadFile("/proc/sys/net/" + path);
  uint64_t number = 0;
  if (!text.ok() || !absl::SimpleAtoi(*text, &number)) return std::nullopt;
  return number;
}

template <class Value>
std::optional<Value> IfKnown(absl::StatusOr<Value> value) {
  if (!value.ok()) return std::nullopt;
  return *std::move(value);
}

double RunSeconds(const RunPlan& plan) {
  return static_cast<double>(plan.warmup_ns + plan.duration_ns + plan.cooldown_ns) / 1e9;
}

class Preflight {
 public:
  Preflight(const RunPlan& plan, const HostBounds& bounds) : plan_(plan), bounds_(bounds) {}

  PreflightResult Check() {
    CheckFiles();
    CheckMemory();
    CheckConntrack();
    CheckOptions();
    CheckTimeWaitBuckets();
    if (!plan_.is_client) CheckBacklog();
    for (const bool on_loopback : {false, true}) {
      const std::optional<Destination> destination = Busiest(on_loopback);
      if (!destination || !bounds_.ports) continue;
      CheckPorts(*destination);
      CheckTimeWait(*destination);
    }
    return std::move(result_);
  }

 private:
  struct Destination {
    base::Endpoint endpoint;
    double share;  // of all connections
  };

  uint32_t connections() const { return plan_.spec.connections(); }
  // To one destination.
  uint64_t usable_ports() const {
    return bounds_.ports->usable.size() * std::max<size_t>(1, plan_.ports.sources.size());
  }
  std::optional<Destination> Busiest(bool on_loopback) const;
  void Warn(std::string line) { result_.warnings.push_back(std::move(line)); }
  void Block(std::string line) { result_.blockers.push_back(std::move(line)); }

  void CheckFiles();
  void CheckMemory();
  void CheckConntrack();
  void CheckOptions();
  void CheckPorts(const Destination& destination);
  void CheckTimeWait(const Destination& destination);
  void CheckTimeWaitBuckets();
  void CheckBacklog();

  const RunPlan& plan_;
  const HostBounds& bounds_;
  PreflightResult result_;
};

void Preflight::CheckFiles() {
  if (!bounds_.open_files || connections() + kReservedFiles <= *bounds_.open_files) return;
  std::string line =
      absl::StrCat(connections(), " connections and some ", kReservedFiles,
                   " other descriptors exceed the ", *bounds_.open_files,
                   " files the agent may open; beyond that they fail as localFd: raise its "
                   "LimitNOFILE (ulimit -n)");
  connections() >= *bounds_.open_files ? Block(std::move(line)) : Warn(std::move(line));
}

void Preflight::CheckMemory() {
  if (!bounds_.available_memory_bytes) return;
  double each = kSocketBytes;
  if (plan_.spec.workload() == Spec::WORKLOAD_STREAM) {
    const double set = static_cast<double>(plan_.options.send_buffer_bytes()) +
                       plan_.options.receive_buffer_bytes();
    each += set == 0 ? kStreamBufferBytes : 2 * set;  // as socket(7) says, twice what was set
  }
  const auto available = static_cast<double>(*bounds_.available_memory_bytes);
  if (connections() * each <= available) return;
  Warn(absl::StrFormat(
      "%d connections need roughly %s of kernel memory, and %s are available, enough for %.0f: "
      "open fewer, or set smaller buffers",
      connections(), base::FormatBytes(connections() * each), base::FormatBytes(available),
      std::floor(available / each)));
}

void Preflight::CheckConntrack() {
  if (!bounds_.nf_conntrack_max || !bounds_.nf_conntrack_count) return;
  const uint64_t free =
      *bounds_.nf_conntrack_max - std::min(*bounds_.nf_conntrack_max, *bounds_.nf_conntrack_count);
  if (connections() <= free) return;
  Warn(absl::StrCat(connections(), " connections exceed the ", free,
                    " free entries of connection tracking; packets of others are dropped then: "
                    "raise net.netfilter.nf_conntrack_max"));
}

void Preflight::CheckOptions() {
  const auto check_buffer = [&](absl::string_view name, uint64_t bytes,
                                const std::optional<uint64_t>& most, absl::string_view key) {
    if (!most || bytes <= *most) return;
    Warn(absl::StrCat(name, " of ", bytes, " bytes is cut to ", *most, ": raise ", key));
  };
  check_buffer("a send buffer", plan_.options.send_buffer_bytes(), bounds_.wmem_max,
               "net.core.wmem_max");
  check_buffer("a receive buffer", plan_.options.receive_buffer_bytes(), bounds_.rmem_max,
               "net.core.rmem_max");
  const uint64_t fast_open_bit = plan_.is_client ? 1 : 2;
  if (plan_.options.fast_open() && bounds_.tcp_fastopen &&
      (*bounds_.tcp_fastopen & fast_open_bit) == 0) {
    Warn(absl::StrCat("fast open has no effect while net.ipv4.tcp_fastopen is ",
                      *bounds_.tcp_fastopen, ": set it to 3"));
  }
}

// Of those on the loopback interface, or of all others. Each destination has all ports of every
// source to itself, so it is the busiest one that runs out first. Only a name's first address
// counts: the others are used when that one fails.
std::optional<Preflight::Destination> Preflight::Busiest(bool on_loopback) const {
  std::map<base::Endpoint, double> weights;
  double total = 0;
  for (size_t t = 0; t < plan_.targets.size(); ++t) {
    const double weight = std::max(1u, plan_.spec.targets(static_cast<int>(t)).weight());
    weights[plan_.targets[t].endpoints.front()] += weight;
    total += weight;
  }
  std::optional<Destination> busiest;
  for (const auto& [endpoint, weight] : weights) {
    if (endpoint.address.IsLoopback() != on_loopback) continue;
    if (!busiest || weight / total > busiest->share) busiest = {endpoint, weight / total};
  }
  return busiest;
}

void Preflight::CheckPorts(const Destination& destination) {
  const LocalPorts& ports = *bounds_.ports;
  std::string left_out;
  if (ports.reserved + ports.listening > 0) {
    left_out = absl::StrCat(" (", ports.reserved, " reserved and ", ports.listening,
                            " listening ones are left out)");
  }
  const auto wanted = static_cast<uint64_t>(std::ceil(connections() * destination.share));
  const std::string wish =
      absl::StrCat(wanted, " connections to ", destination.endpoint.ToString());
  if (wanted > usable_ports()) {
    Block(absl::StrCat(wish, " need more than the ", usable_ports(), " source ports there are",
                       left_out, "; beyond that they fail as localPort: ", kMorePorts));
  } else if (wanted > usable_ports() / 2 && !plan_.ports.own_choice) {
    Warn(absl::StrCat(wish, " use more than half of the ", usable_ports(),
                      " source ports there are", left_out,
                      ", and the kernel's search for one gets slow there: let the agent choose "
                      "(--ports own)"));
  }
}

bool ClosesFirst(const RunPlan& plan) {
  return plan.spec.close_mode() ==
         (plan.is_client ? Spec::CLOSE_MODE_FIN : Spec::CLOSE_MODE_SERVER_FIN);
}

void Preflight::CheckTimeWait(const Destination& destination) {
  const double rate = PeakConnectionRate(plan_.spec) * destination.share;
  if (!ClosesFirst(plan_) || rate == 0 || !bounds_.tcp_tw_reuse) return;
  const bool on_loopback = destination.endpoint.address.IsLoopback();
  const bool is_reused = *bounds_.tcp_tw_reuse == 1 || (*bounds_.tcp_tw_reuse == 2 && on_loopback);
  const double rest_seconds = is_reused ? kReuseSeconds : kTimeWaitSeconds;
  const auto ports = static_cast<double>(usable_ports());
  const double sustained = ports / rest_seconds;
  if (rate <= sustained || rate * RunSeconds(plan_) <= ports) return;
  const std::string name = destination.endpoint.ToString();
  if (std::isinf(rate)) {
    if (is_reused) return;
    Warn(absl::StrFormat(
        "close mode fin: TIME_WAIT keeps a port for %.0f s, so %.0f source ports sustain %.0f "
        "connections/s to %s and no more: close with rst, %s",
        rest_seconds, ports, sustained, name, kMorePorts));
    return;
  }
  std::string line = absl::StrFormat(
      "close mode fin at %.0f connections/s to %s: TIME_WAIT keeps a port for %.0f s, so %.0f "
      "source ports sustain %.0f/s and run out after %.1f s: close with rst, %s",
      rate, name, rest_seconds, ports, sustained, ports / rate, kMorePorts);
  on_loopback ? Warn(std::move(line)) : Block(std::move(line));
}

void Preflight::CheckTimeWaitBuckets() {
  const double rate = PeakConnectionRate(plan_.spec);
  if (!ClosesFirst(plan_) || !std::isfinite(rate) || !bounds_.tcp_max_tw_buckets) return;
  const double waiting = rate * std::min(kTimeWaitSeconds, RunSeconds(plan_));
  if (waiting <= static_cast<double>(*bounds_.tcp_max_tw_buckets)) return;
  Warn(absl::StrFormat(
      "%.0f closed connections/s leave up to %.0f in TIME_WAIT; beyond %d they are dropped without "
      "it (TCPTimeWaitOverflow): raise net.ipv4.tcp_max_tw_buckets",
      rate, waiting, *bounds_.tcp_max_tw_buckets));
}

// Each load thread has an accept queue of its own.
void Preflight::CheckBacklog() {
  if (bounds_.somaxconn && *bounds_.somaxconn * plan_.threads < connections()) {
    Warn(absl::StrCat("the accept queues hold ", *bounds_.somaxconn * plan_.threads, " of ",
                      connections(),
                      " connections; when all come at once, SYNs are dropped and retried after 1 "
                      "s: raise net.core.somaxconn"));
  }
  // inet_connection_sock.c: without cookies the last quarter is for hosts that are known.
  if (bounds_.tcp_max_syn_backlog && bounds_.tcp_syncookies == uint64_t{0}) {
    const uint64_t most = *bounds_.tcp_max_syn_backlog / 4 * 3 * plan_.threads;
    if (most >= connections()) return;
    Warn(absl::StrCat("without SYN cookies ", most, " of ", connections(),
                      " handshakes can be under way at once, others are dropped and retried after "
                      "1 s: raise net.ipv4.tcp_max_syn_backlog or set net.ipv4.tcp_syncookies to "
                      "1"));
  }
}

}  // namespace

HostBounds ReadHostBounds() {
  return {.open_files = IfKnown(sys::OpenFileLimit()),
          .ports = IfKnown(ReadLocalPorts()),
          .available_memory_bytes = IfKnown(ReadAvailableMemory()),
          .somaxconn = ReadNumber("core/somaxconn"),
          .tcp_max_syn_backlog = ReadNumber("ipv4/tcp_max_syn_backlog"),
          .tcp_syncookies = ReadNumber("ipv4/tcp_syncookies"),
          .tcp_max_tw_buckets = ReadNumber("ipv4/tcp_max_tw_buckets"),
          .tcp_tw_reuse = ReadNumber("ipv4/tcp_tw_reuse"),
          .tcp_fastopen = ReadNumber("ipv4/tcp_fastopen"),
          .rmem_max = ReadNumber("core/rmem_max"),
          .wmem_max = ReadNumber("core/wmem_max"),
          .nf_conntrack_max = ReadNumber("netfilter/nf_conntrack_max"),
          .nf_conntrack_count = ReadNumber("netfilter/nf_conntrack_count")};
}

PreflightResult CheckHost(const RunPlan& plan, const HostBounds& bounds) {
  return Preflight(plan, bounds).Check();
}

}  // namespace tcpfleet::agent
