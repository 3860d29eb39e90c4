// Ephemeral ports and TIME-WAIT.
//
// Source: __inet_hash_connect of net/ipv4/inet_hashtables.c: a port can be used once for each
//         (local address, peer address, peer port); inet_csk_get_port: bind() takes it for all.
//         TIME-WAIT lasts TCP_TIMEWAIT_LEN, 60 s.
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kRange = "net/ipv4/ip_local_port_range";
constexpr absl::string_view kReserved = "net/ipv4/ip_local_reserved_ports";
constexpr absl::string_view kMostBuckets = "net/ipv4/tcp_max_tw_buckets";
constexpr absl::string_view kTimeWaitOverflow = "TcpExt.TCPTimeWaitOverflow";
constexpr absl::string_view kTimeWaits = "TcpExt.TW";
constexpr absl::string_view kTimeWaitLevel = "TCP.tw";
constexpr double kTimeWaitSeconds = 60;
constexpr absl::string_view kDocumentation =
    "https://docs.kernel.org/networking/ip-sysctl.html#ip-variables";

// One destination from the first look that lists it to the last.
struct Destination {
  const v1::PortUse* first = nullptr;
  const v1::PortUse* last = nullptr;
  double seconds = 0;  // between the two

  // Connections that end per second: what TIME-WAIT grew by, or what keeps it at its level.
  double Closed() const {
    const double growth =
        seconds > 0 ? (static_cast<double>(last->time_wait()) - first->time_wait()) / seconds : 0;
    return std::max(growth, last->time_wait() / kTimeWaitSeconds);
  }
  double Growth() const {
    return seconds > 0 ? (static_cast<double>(last->used()) - first->used()) / seconds : 0;
  }
};

std::string DestinationText(const v1::PortUse& use) {
  const std::string text = EndpointText(use.peer_address(), use.peer_port());
  return use.owner().pid() == 0 ? text : absl::StrCat(text, " from ", OwnerText(use.owner()));
}

// Those of the last snapshot, in its order.
std::vector<Destination> Destinations(const HostObservation& host,
                                      const v1::SocketSummary& sockets) {
  using Key = std::tuple<std::string, std::string, uint32_t>;
  const auto key = [](const v1::PortUse& use) {
    return Key(use.local_address(), use.peer_address(), use.peer_port());
  };
  std::map<Key, std::pair<const v1::PortUse*, int64_t>> first;
  for (const SocketLook& look : host.Looks()) {
    for (const v1::PortUse& use : look.sockets->port_use()) {
      first.try_emplace(key(use), &use, look.monotonic_ns);
    }
  }
  std::vector<Destination> destinations;
  const int64_t end_ns = host.Looks().back().monotonic_ns;
  for (const v1::PortUse& use : sockets.port_use()) {
    const auto& [earliest, begin_ns] = first.at(key(use));
    destinations.push_back({earliest, &use, static_cast<double>(end_ns - begin_ns) / 1e9});
  }
  return destinations;
}

void AddPortUse(v1::Finding& finding, const v1::PortUse& use, double threshold_share) {
  AddNumber(finding, kInetDiag, "ports_used", use.used(), "ports", threshold_share * use.usable());
  AddNumber(finding, kInetDiag, "ports_usable", use.usable(), "ports");
  AddNumber(finding, kInetDiag, "time_wait", use.time_wait(), "sockets");
}

// Seconds until no port is left, when it is to come at all.
std::optional<double> SecondsLeft(const Destination& destination, double forecast_share) {
  if (destination.last->used() < forecast_share * destination.last->usable()) return std::nullopt;
  const double rate = std::max(destination.Closed(), destination.Growth());
  if (rate * kTimeWaitSeconds < destination.last->usable() || destination.Growth() <= 0) {
    return std::nullopt;
  }
  return (static_cast<double>(destination.last->usable()) - destination.last->used()) / rate;
}

void JudgeDestination(const Destination& destination, const RuleParameters& parameters,
                      std::vector<v1::Finding>& findings) {
  const v1::PortUse& use = *destination.last;
  if (use.usable() == 0) return;
  const double share = static_cast<double>(use.used()) / use.usable();
  const std::optional<double> left = SecondsLeft(destination, parameters["forecast_share"]);
  const bool is_soon = left && destination.seconds > 0;
  if (share < parameters["warn_share"] && !is_soon) return;
  const bool is_critical = share >= parameters["crit_share"];
  v1::Finding& finding = findings.emplace_back(NewFinding(
      is_critical ? FindingSeverity::kCrit : FindingSeverity::kWarn, DestinationText(use)));
  AddPortUse(finding, use, parameters[is_critical ? "crit_share" : "warn_share"]);
  if (!is_soon) return;
  AddNumber(finding, kInetDiag, "exhausted_in", std::max(0.0, *left), "s");
  if (share < parameters["warn_share"]) {
    finding.set_title("ephemeral ports towards a destination will run out");
  }
}

Findings PortExhaustion(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, host.Sockets());
  if (!sockets->has_port_range_low() || !sockets->has_port_range_high()) {
    return host.Missing("/proc/sys/net/ipv4/ip_local_port_range");
  }
  std::vector<v1::Finding> findings;
  for (const Destination& destination : Destinations(host, *sockets)) {
    JudgeDestination(destination, parameters, findings);
  }
  const double usable = static_cast<double>(sockets->port_range_high()) -
                        sockets->port_range_low() + 1 - sockets->ports_reserved();
  if (findings.empty() && usable > 0 &&
      sockets->ports_in_use() >= parameters["bound_share"] * usable) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
    finding.set_title("nearly every ephemeral port is in use towards some destination");
    finding.set_cause("programs that bind() before they connect take a port for all destinations");
    finding.set_confidence("low");
    finding.set_caveat("ports taken by connect() alone can be used for other destinations");
    AddNumber(finding, kInetDiag, "ports_in_use", sockets->ports_in_use(), "ports",
              parameters["bound_share"] * usable);
    AddNumber(finding, kInetDiag, "ports_usable", usable, "ports");
  }
  // Whether they will run out takes two looks.
  return UnlessIncomplete(std::move(findings), host.LookedAtLeast(2));
}

Findings TimeWaitOverflow(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange overflow, host.Change(kTimeWaitOverflow));
  TF_ASSIGN_OR_RETURN(const int64_t level, host.Level(kTimeWaitLevel));
  std::vector<v1::Finding> findings;
  const absl::StatusOr<int64_t> most = host.Number(kMostBuckets);
  if (overflow.delta() == 0 && !most.ok()) return most.status();
  const double threshold = most.ok() ? parameters["share"] * static_cast<double>(*most) : 0;
  const bool is_near = most.ok() && static_cast<double>(level) >= threshold;
  if (overflow.delta() == 0 && !is_near) return findings;
  v1::Finding& finding = findings.emplace_back(
      NewFinding(overflow.delta() > 0 ? FindingSeverity::kCrit : FindingSeverity::kWarn));
  if (overflow.delta() == 0) finding.set_title("the table of TIME-WAIT sockets is nearly full");
  AddChange(finding, overflow, "sockets");
  AddNumber(finding, "/proc/net/sockstat", kTimeWaitLevel, static_cast<double>(level), "sockets",
            most.ok() ? std::optional<double>(threshold) : std::nullopt);
  if (most.ok()) {
    AddNumber(finding, "net.ipv4.tcp_max_tw_buckets", "tcp_max_tw_buckets",
              static_cast<double>(*most), "sockets");
  }
  return findings;
}

Findings Churn(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange closed, host.Change(kTimeWaits));
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, host.Sockets());
  std::vector<v1::Finding> findings;
  const double least = parameters["per_second"];
  if (static_cast<double>(closed.IntervalsAtLeast(least)) < parameters["intervals"]) {
    return findings;
  }
  for (const Destination& destination : Destinations(host, *sockets)) {
    const v1::PortUse& use = *destination.last;
    const double rate = destination.Closed();
    if (rate < parameters["destination_per_second"]) continue;
    if (absl::StartsWith(use.owner().comm(), "tcpfleet-agent")) continue;  // a load test of ours
    // Little's law: those open at a time are as many as come while one lives.
    const double open = static_cast<double>(use.used()) - use.time_wait();
    const double lifetime = std::max(0.0, open) / rate;
    if (lifetime >= parameters["lifetime"]) continue;
    const bool runs_out = SecondsLeft(destination, parameters["forecast_share"]).has_value();
    v1::Finding& finding = findings.emplace_back(NewFinding(
        runs_out ? FindingSeverity::kWarn : FindingSeverity::kInfo, DestinationText(use)));
    AddNumber(finding, kInetDiag, "closed_per_second", rate, "1/s",
              parameters["destination_per_second"]);
    AddNumber(finding, kInetDiag, "lifetime", lifetime, "s", parameters["lifetime"]);
    AddChange(finding, closed, "connections", least);
  }
  return findings;
}

bool IsLoopback(const v1::Listener& listener) {
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(listener.address());
  return address.ok() && address->IsLoopback();
}

// "1-3,5", canonical.
bool IsReserved(absl::string_view ranges, uint32_t port) {
  for (const absl::string_view range : absl::StrSplit(ranges, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> ends = absl::StrSplit(range, absl::MaxSplits('-', 1));
    uint32_t low = 0;
    uint32_t high = 0;
    if (!absl::SimpleAtoi(ends.first, &low)) continue;
    if (!absl::SimpleAtoi(ends.second, &high)) high = low;
    if (port >= low && port <= high) return true;
  }
  return false;
}

Findings ListenerInRange(const HostObservation& host, const RuleParameters&) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  TF_ASSIGN_OR_RETURN(const std::vector<int64_t> range, host.Numbers(kRange));
  TF_ASSIGN_OR_RETURN(const std::string reserved, host.Sysctl(kReserved));
  if (range.size() != 2)
    return absl::FailedPreconditionError("net.ipv4.ip_local_port_range: no range");
  std::vector<v1::Finding> findings;
  for (const ListenerHistory& history : listeners) {
    const v1::Listener& listener = *history.last;
    const bool is_inside = listener.port() >= range[0] && listener.port() <= range[1];
    if (!is_inside || IsLoopback(listener) || IsReserved(reserved, listener.port())) {
      continue;
    }
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kInfo, ListenerText(history)));
    finding.set_caveat("a program that lets the kernel choose its port (RPC) means it so");
    finding.add_fixes(absl::StrCat("`tcpfleet sysctl plan --set net.ipv4.ip_local_reserved_ports=",
                                   reserved, reserved.empty() ? "" : ",", listener.port(),
                                   "`: outgoing connections then leave it alone"));
    AddNumber(finding, kInetDiag, "port", listener.port(), "");
    AddNumber(finding, "net.ipv4.ip_local_port_range", "low", static_cast<double>(range[0]), "");
    AddNumber(finding, "net.ipv4.ip_local_port_range", "high", static_cast<double>(range[1]), "");
  }
  return UnlessIncomplete(std::move(findings), host.ListenersComplete());
}

}  // namespace

std::vector<DiagnosisRule> PortRules() {
  return {
      {.number = "R10",
       .id = "ephemeral-port-exhaustion",
       .title = "ephemeral ports towards a destination run out",
       .symptom =
           "connect() fails at once with EADDRNOTAVAIL, \"Cannot assign requested address\"; "
           "other destinations work",
       .cause = "every connection to the same address and port needs a local port of its own, and "
                "one that was closed here keeps it for 60 s in TIME-WAIT",
       .fixes = {"keep connections open and use them again: a pool, HTTP keep-alive",
                 "spread over more addresses or ports of the destination, or local addresses",
                 "with bind() before connect(): set IP_BIND_ADDRESS_NO_PORT",
                 "`tcpfleet sysctl plan --set net.ipv4.ip_local_port_range=\"10240 65535\"`, with "
                 "ports of own listeners in net.ipv4.ip_local_reserved_ports",
                 "`tcpfleet sysctl plan --set net.ipv4.tcp_tw_reuse=1`: needs timestamps at both "
                 "ends, helps the side that connects"},
       .false_positives = "behind NAT the limit is on the translating device, not here",
       .kernel = "the default range has 28,232 ports: 470 connections a second to one destination. "
                 "No counter moves when they run out. connect() takes ports of one parity first "
                 "and gets slower past half of the range. TIME-WAIT of a server takes none",
       .commands = {"ss -tan state time-wait | awk '{print $4}' | sort | uniq -c | sort -n | tail",
                    "sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports"},
       .link = kDocumentation,
       .errors = {"Cannot assign requested address", "EADDRNOTAVAIL", "Address already in use",
                  "EADDRINUSE", "no free ports"},
       .needs = {"sockets"},
       .parameters = {{"warn_share", 0.7, "share of usable ports", "a burst still fits"},
                      {"crit_share", 0.9, "share of usable ports", "connects search long or fail"},
                      {"forecast_share", 0.5, "share of usable ports",
                       "below half of the range a burst may end before it matters"},
                      {"bound_share", 0.9, "share of usable ports",
                       "of all destinations together, which harms those who bind()"}},
       .evaluate = &PortExhaustion},
      {.number = "R11",
       .id = "time-wait-bucket-overflow",
       .title = "TIME-WAIT sockets are thrown away: their table is full",
       .symptom = "peers see resets or late data after an orderly close; \"time wait bucket table "
                  "overflow\" in the kernel's log",
       .cause = "more connections were closed within a minute than net.ipv4.tcp_max_tw_buckets",
       .fixes = {"`tcpfleet sysctl plan --set net.ipv4.tcp_max_tw_buckets=262144`",
                 "close fewer connections: keep them open and use them again (R12)"},
       .false_positives = "none: each one is a connection that ended without protection",
       .kernel =
           "the default grows with memory; never lower it to save ports, that is what "
           "net.ipv4.tcp_tw_reuse is for. net.ipv4.tcp_fin_timeout does not shorten TIME-WAIT",
       .commands = {"nstat -az TcpExtTCPTimeWaitOverflow", "ss -s", "dmesg | grep 'time wait'"},
       .link = "https://docs.kernel.org/networking/ip-sysctl.html#tcp-variables",
       .errors = {"time wait bucket table overflow"},
       .needs = {kTimeWaitOverflow, kTimeWaitLevel, kMostBuckets},
       .parameters = {{"share", 0.8, "share of tcp_max_tw_buckets", "a burst still fits"}},
       .evaluate = &TimeWaitOverflow},
      {.number = "R12",
       .id = "short-connection-churn",
       .title = "a program opens a connection for every request",
       .symptom = "latency and CPU time of handshakes on every request; thousands in TIME-WAIT",
       .cause = "there is no pool, or something closes connections behind it: `Connection: close`, "
                "`option httpclose`, a pool of size 0",
       .fixes = {"keep connections open and use them again: a pool, HTTP keep-alive",
                 "`tcpfleet generate haproxy` or `nginx` writes such a configuration"},
       .false_positives = "load generators; TIME-WAIT as such harms nobody",
       .kernel =
           "TcpExt.TW counts connections as they enter TIME-WAIT on the side that closes first",
       .commands = {"nstat TcpActiveOpens TcpExtTW  # twice", "ss -s"},
       .link = "https://vincent.bernat.ch/en/blog/2014-tcp-time-wait-state-linux",
       .needs = {kTimeWaits, "sockets"},
       .parameters = {{"per_second", 200, "1/s", "below, handshakes cost nothing to speak of"},
                      {"intervals", 2, "intervals", "a burst is no habit"},
                      {"destination_per_second", 50, "1/s", "one destination accounts for it"},
                      {"forecast_share", 0.5, "share of usable ports",
                       "below half of the range a burst may end before it matters"},
                      {"lifetime", 1, "s", "longer ones are used more than once"}},
       .evaluate = &Churn},
      {.number = "R13",
       .id = "listener-inside-ephemeral-range",
       .title = "a listener's port is one that outgoing connections may take",
       .symptom = "a service fails to restart with EADDRINUSE, now and then",
       .cause = "while the service is down, an outgoing connection may get its port",
       .fixes = {"add the port to net.ipv4.ip_local_reserved_ports"},
       .false_positives = "services that let the kernel choose their port",
       .kernel = "SO_REUSEADDR does not help against a connection that has the port",
       .commands = {"ss -ltn",
                    "sysctl net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports"},
       .link = kDocumentation,
       .errors = {"Address already in use", "EADDRINUSE"},
       .needs = {"sockets", kRange, kReserved},
       .evaluate = &ListenerInRange},
  };
}

}  // namespace tcpfleet::controller
