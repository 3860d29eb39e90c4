// Connections whose other end may be gone, or is.
//
// Source: tcp_keepalive_timer and tcp_retransmit_timer of net/ipv4/tcp_timer.c; RFC 1122, 4.2.3.5
//         and 4.2.3.6.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kEstablished = "ESTAB";
constexpr absl::string_view kLastAckReceived = "last_ack_recv_at_ms";
constexpr absl::string_view kLastDataReceived = "last_data_recv_at_ms";
constexpr absl::string_view kLastDataSent = "last_data_sent_at_ms";
constexpr absl::string_view kTimerExpires = "timer_expires_at_ms";
constexpr absl::string_view kKeepaliveTime = "net/ipv4/tcp_keepalive_time";
constexpr absl::string_view kKeepaliveInterval = "net/ipv4/tcp_keepalive_intvl";
constexpr absl::string_view kKeepaliveProbes = "net/ipv4/tcp_keepalive_probes";
constexpr uint64_t kNoTimer = 0;
constexpr uint64_t kRetransmitTimer = 1;
constexpr uint64_t kKeepaliveTimer = 2;

std::set<uint32_t> ListenerPorts(absl::Span<const ListenerHistory> listeners) {
  std::set<uint32_t> ports;
  for (const ListenerHistory& one : listeners) ports.insert(one.last->port());
  return ports;
}

// Connections with this local port; nothing when its group is not among those that were sent.
std::optional<uint64_t> ConnectionsOf(const v1::SocketSummary& sockets, uint32_t port) {
  for (const v1::SocketGroup& group : sockets.local_ports()) {
    if (group.has_local_port() && group.local_port() == port) return group.sockets();
  }
  return std::nullopt;
}

Findings HalfOpenNoKeepalive(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, host.Sockets());
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  const std::set<uint32_t> ports = ListenerPorts(listeners);
  const double idle = parameters["idle_seconds"];
  TF_ASSIGN_OR_RETURN(
      const PickedConnections silent,
      PickConnections(host, {kEstablished},
                      {"timer", "receive_queue", "send_queue", kLastDataReceived, kLastAckReceived},
                      [&](const ConnectionHistory& one) {
                        return one.Value("timer") == kNoTimer && one.Value("receive_queue") == 0u &&
                               one.Value("send_queue") == 0u &&
                               ports.contains(PortOf(one.last().local())) &&
                               *one.SecondsSince(kLastDataReceived) >= idle &&
                               *one.SecondsSince(kLastAckReceived) >= idle;
                      }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group :
       GroupBy(silent.connections, [](const v1::ConnectionRecord& record) {
         return absl::StrCat("port ", PortOf(record.local()), " ", OwnerText(record));
       })) {
    const auto count = static_cast<double>(group.connections.size());
    const std::optional<uint64_t> all =
        ConnectionsOf(*sockets, PortOf(group.connections.front()->last().local()));
    const bool is_large_share = all && count >= parameters["least_sockets"] &&
                                count >= parameters["share"] * static_cast<double>(*all);
    if (count < parameters["sockets"] && !is_large_share) continue;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    finding.set_confidence("low");
    AddNumber(finding, kInetDiag, "silent_without_keepalive", count, "sockets",
              parameters["sockets"]);
    if (all) {
      AddNumber(finding, kInetDiag, "connections", static_cast<double>(*all), "sockets");
    }
    for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
  }
  Findings result = UnlessIncomplete(std::move(findings), silent.complete);
  if (!result.ok()) return result;
  return UnlessIncomplete(*std::move(result), host.ListenersComplete());
}

Findings PeerVanished(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(
      const PickedConnections unanswered,
      PickConnections(
          host, {kEstablished, "CLOSE-WAIT"}, {"timer", "backoff", "unacked", kLastAckReceived},
          [&](const ConnectionHistory& one) {
            return one.Value("timer") == kRetransmitTimer &&
                   static_cast<double>(*one.Value("backoff")) >= parameters["backoff"] &&
                   *one.Value("unacked") > 0 &&
                   *one.SecondsSince(kLastAckReceived) > parameters["seconds"];
          }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group :
       GroupBy(unanswered.connections,
               [](const v1::ConnectionRecord& record) { return AddressOf(record.peer()); })) {
    const auto count = static_cast<double>(group.connections.size());
    v1::Finding& finding = findings.emplace_back(NewFinding(
        count >= parameters["crit_sockets"] ? FindingSeverity::kCrit : FindingSeverity::kWarn,
        absl::StrCat("to ", group.key)));
    AddNumber(finding, kInetDiag, "unanswered", count, "sockets", parameters["crit_sockets"]);
    uint64_t backoff = 0;
    for (const ConnectionHistory* one : group.connections) {
      backoff = std::max(backoff, *one->Value("backoff"));
      AddSocket(finding, one->last());
    }
    AddNumber(finding, kInetDiag, "backoff", static_cast<double>(backoff), "doublings",
              parameters["backoff"]);
  }
  return UnlessIncomplete(std::move(findings), unanswered.complete);
}

const v1::ConnectionRecord* FindRecord(const HostObservation& host, const v1::PeerLookup& lookup) {
  const absl::StatusOr<absl::Span<const ConnectionHistory>> all = host.Connections();
  if (!all.ok()) return nullptr;
  for (const ConnectionHistory& one : *all) {
    if (one.last().cookie() == lookup.cookie()) return &one.last();
  }
  return nullptr;
}

// Of one host: per peer host the connections whose other end is not there.
std::vector<v1::Finding> ConfirmedOn(const HostObservation& host, const RuleParameters& parameters,
                                     std::string& unknown) {
  std::map<std::string, std::vector<const v1::PeerLookup*>> gone;
  for (const v1::PeerLookup& lookup : host.evidence().peer_lookups()) {
    if (lookup.network_namespace() != host.network_namespace()) continue;
    if (!lookup.unknown().empty()) {
      unknown = lookup.unknown();
    } else if (lookup.looks() < parameters["looks"] || lookup.seconds() < parameters["seconds"]) {
      unknown = absl::StrCat(lookup.peer_host(), " was not looked at often enough");
    } else if (lookup.found() == 0) {
      gone[lookup.peer_host()].push_back(&lookup);
    }
  }
  std::vector<v1::Finding> findings;
  for (const auto& [peer, lookups] : gone) {
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kWarn, absl::StrCat("with ", peer)));
    AddNumber(finding, kInetDiag, "half_open", static_cast<double>(lookups.size()), "sockets", 1);
    AddNumber(finding, kInetDiag, "looks", lookups.front()->looks(), "times", parameters["looks"]);
    for (const v1::PeerLookup* lookup : lookups) {
      const v1::ConnectionRecord* const record = FindRecord(host, *lookup);
      if (record != nullptr) AddSocket(finding, *record);
    }
    SetHost(host, finding);
  }
  return findings;
}

FleetFindings HalfOpenConfirmed(absl::Span<const HostObservation> hosts,
                                const RuleParameters& parameters) {
  FleetFindings result;
  for (const HostObservation& host : hosts) {
    std::string unknown;
    const absl::Status complete = host.ConnectionsComplete();
    if (!complete.ok()) unknown = std::string(complete.message());
    std::vector<v1::Finding> findings = ConfirmedOn(host, parameters, unknown);
    if (findings.empty() && !unknown.empty()) result.not_evaluated[host.name()] = unknown;
    std::move(findings.begin(), findings.end(), std::back_inserter(result.findings));
  }
  return result;
}

// Idle, and its program has not asked for less than the default: what its timer has left shows.
bool IsKeptByDefault(const ConnectionHistory& one, const RuleParameters& parameters) {
  const double left = static_cast<double>(one.Value(kTimerExpires).value_or(0)) / 1e3 -
                      static_cast<double>(one.samples.back().monotonic_ns) / 1e9;
  return one.Value("timer") == kKeepaliveTimer && left > parameters["seconds"] &&
         *one.SecondsSince(kLastDataSent) >= parameters["idle_seconds"] &&
         *one.SecondsSince(kLastDataReceived) >= parameters["idle_seconds"];
}

Findings KeepaliveTooSlow(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const int64_t time, host.Number(kKeepaliveTime));
  TF_ASSIGN_OR_RETURN(const int64_t interval, host.Number(kKeepaliveInterval));
  TF_ASSIGN_OR_RETURN(const int64_t probes, host.Number(kKeepaliveProbes));
  const double most = parameters["seconds"];
  const auto detection = static_cast<double>(time + interval * probes);
  TF_ASSIGN_OR_RETURN(
      const PickedConnections slow,
      PickConnections(
          host, {kEstablished}, {"timer", kLastDataSent, kLastDataReceived},
          [&](const ConnectionHistory& one) { return IsKeptByDefault(one, parameters); }));
  std::vector<v1::Finding> findings;
  if (detection <= most) return findings;
  if (!slow.connections.empty()) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kInfo));
    AddNumber(finding, "net.ipv4.tcp_keepalive_time", "detection", detection, "s", most);
    AddNumber(finding, kInetDiag, "keepalive_by_default",
              static_cast<double>(slow.connections.size()), "sockets");
    for (const ConnectionHistory* one : slow.connections) AddSocket(finding, one->last());
  }
  return UnlessIncomplete(std::move(findings), slow.complete);
}

constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man7/tcp.7.html";
constexpr absl::string_view kHostRequirements =
    "https://www.rfc-editor.org/rfc/rfc1122.html#page-101";
constexpr absl::string_view kUserTimeoutFix =
    "set TCP_USER_TIMEOUT in the program, so that it hears of it in seconds";

DiagnosisRule HalfOpenNoKeepaliveRule() {
  return {.number = "R15",
          .id = "half-open-no-keepalive",
          .title = "connections have been silent for long and nothing would notice a dead peer",
          .symptom =
              "the number of connections grows over days; clients that crashed are still "
              "connected",
          .cause =
              "the sockets have no keepalive: a peer that vanished without a FIN is never "
              "missed. They may also just be idle",
          .fixes = {"set SO_KEEPALIVE with TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT in the "
                    "program",
                    "or let the protocol send a heartbeat and close what does not answer",
                    "prove it from both ends: run `tcpfleet diagnose` with the clients' hosts too "
                    "(R17)"},
          .false_positives = "clients that are connected and have nothing to say",
          .kernel = "net.ipv4.tcp_keepalive_* change nothing for sockets without SO_KEEPALIVE",
          .commands = {"ss -tnoi state established  # no timer, large lastrcv and lastack"},
          .link = kHostRequirements,
          .needs = {"sockets", "connections"},
          .connections =
              "state established timer = 0 and last_data_recv > {idle_seconds}s and "
              "last_ack_recv > {idle_seconds}s",
          .fields = {"timer", "receive_queue", "send_queue", kLastDataReceived, kLastAckReceived},
          .parameters = {{"idle_seconds", 900, "s",
                          "most clients say something within a quarter of an hour"},
                         {"sockets", 20, "sockets", "a few are always idle"},
                         {"share", 0.3, "share of the port's connections",
                          "a small service has few connections"},
                         {"least_sockets", 5, "sockets", "below, a share says nothing"}},
          .evaluate = &HalfOpenNoKeepalive};
}

DiagnosisRule PeerVanishedRule() {
  return {.number = "R16",
          .id = "peer-vanished-unacked",
          .title = "a peer does not acknowledge any more",
          .symptom = "requests hang for minutes, then fail with \"Connection timed out\"",
          .cause =
              "the peer or the way to it is gone; the kernel sends again at doubling "
              "intervals and gives up after net.ipv4.tcp_retries2, a quarter of an hour",
          .fixes = {kUserTimeoutFix, "look at the way to the peer: `tracepath PEER`",
                    "`tcpfleet sysctl plan --set net.ipv4.tcp_retries2=8` to give up after some "
                    "100 s"},
          .false_positives = "an outage of the network of a few seconds",
          .kernel = "net.ipv4.tcp_retries2 = 15 is at least 924 s",
          .commands = {"ss -tnoi  # timer:(on,...) with backoff"},
          .link = kHostRequirements,
          .errors = {"Connection timed out", "No route to host", "Broken pipe"},
          .needs = {"connections"},
          .connections = "state established state close-wait timer = 1 and backoff >= 3",
          .fields = {"timer", "backoff", "unacked", kLastAckReceived},
          .parameters = {{"backoff", 3, "doublings", "one or two happen with any loss"},
                         {"seconds", 2, "s", "shorter outages heal by themselves"},
                         {"crit_sockets", 5, "sockets", "it is the peer, not one connection"}},
          .evaluate = &PeerVanished};
}

DiagnosisRule HalfOpenConfirmedRule() {
  return {.number = "R17",
          .id = "half-open-confirmed",
          .title = "connections whose other end does not exist",
          .symptom = "connections that never do anything; a pool hands out dead ones",
          .cause =
              "the other host has no such connection in any state: it was reset or lost "
              "there, and this end never heard of it",
          .fixes = {"set SO_KEEPALIVE or a heartbeat in the program, so that it notices",
                    "end them by hand: `ss -K` with their addresses"},
          .false_positives =
              "address translation or a load balancer in between: then the other "
              "end has other addresses",
          .kernel =
              "both hosts' sockets are read twice, some seconds apart, in all their network "
              "namespaces",
          .commands = {"ss -tan  # on both hosts: compare addresses and ports"},
          .link = kHostRequirements,
          .needs = {"connections"},
          .connections = "state established last_ack_recv > 3s",
          .fields = {kLastAckReceived},
          .parameters = {{"looks", 2, "times", "once may be a connection about to open or close"},
                         {"seconds", 5, "s", "longer than tables take to read"}},
          .evaluate_fleet = &HalfOpenConfirmed};
}

DiagnosisRule KeepaliveTooSlowRule() {
  return {.number = "R21",
          .id = "keepalive-too-slow",
          .title = "keepalive takes longer than devices in the path remember connections",
          .symptom = "pooled connections fail after a pause with \"Connection reset by peer\"",
          .cause =
              "the defaults find a dead peer after 7,875 s; balancers and firewalls forget "
              "idle connections after 240 to 600 s",
          .fixes = {"`tcpfleet sysctl plan --set net.ipv4.tcp_keepalive_time=300 --set "
                    "net.ipv4.tcp_keepalive_intvl=30 --set net.ipv4.tcp_keepalive_probes=5`",
                    "set TCP_KEEPIDLE in the program"},
          .false_positives = "hosts with nothing between them and their peers",
          .kernel = "only sockets with SO_KEEPALIVE; a timer that runs keeps its old time",
          .commands = {"sysctl net.ipv4.tcp_keepalive_time", "ss -tno  # timer:(keepalive,...)"},
          .link = kManual,
          .errors = {"Connection reset by peer"},
          .needs = {"connections", kKeepaliveTime, kKeepaliveInterval, kKeepaliveProbes},
          .connections = "state established timer = 2 and idle > {idle_seconds}s",
          .fields = {"timer", kTimerExpires, kLastDataSent, kLastDataReceived},
          .parameters = {{"seconds", 900, "s", "longer than what most devices remember"},
                         {"idle_seconds", 300, "s", "what is in use is not forgotten"}},
          .evaluate = &KeepaliveTooSlow};
}

}  // namespace

std::vector<DiagnosisRule> HalfOpenRules() {
  return {HalfOpenNoKeepaliveRule(), PeerVanishedRule(), HalfOpenConfirmedRule(),
          KeepaliveTooSlowRule()};
}

}  // namespace tcpfleet::controller
