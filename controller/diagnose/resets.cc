// Connections that are cut off instead of closed.
//
// Source: tcp_close, tcp_reset and tcp_send_active_reset of net/ipv4; net/ipv4/proc.c.
#include <absl/strings/str_cat.h>

#include <set>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kSentResets = "Tcp.OutRsts";
constexpr absl::string_view kResets = "Tcp.EstabResets";
constexpr absl::string_view kActive = "Tcp.ActiveOpens";
constexpr absl::string_view kPassive = "Tcp.PassiveOpens";
constexpr absl::string_view kLastDataReceived = "last_data_recv_at_ms";
constexpr uint64_t kRetransmitTimer = 1;

struct ResetCause {
  absl::string_view counter;
  absl::string_view meaning;
};

constexpr ResetCause kCauses[] = {
    {"TcpExt.TCPAbortOnClose",
     "programs close connections in which data waits that they have not read"},
    {"TcpExt.TCPAbortOnData",
     "programs close with SO_LINGER 0, or data arrives for connections they have finished"},
    {"TcpExt.TCPAbortOnTimeout",
     "keepalive, retransmissions or TCP_USER_TIMEOUT gave peers up (R16)"},
    {"TcpExt.TCPAbortOnMemory", "there is no memory for connections (R18, R27)"},
    {"TcpExt.TCPAbortOnLinger", "orphans reach net.ipv4.tcp_fin_timeout"},
    {"TcpExt.EmbryonicRsts", "handshakes are reset: net.ipv4.tcp_abort_on_overflow (R01)"},
};

Findings ResetBurst(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange sent, host.Change(kSentResets));
  TF_ASSIGN_OR_RETURN(const CounterChange resets, host.Change(kResets));
  TF_ASSIGN_OR_RETURN(const CounterChange active, host.Change(kActive));
  TF_ASSIGN_OR_RETURN(const CounterChange passive, host.Change(kPassive));
  const auto opened = static_cast<double>(active.delta() + passive.delta());
  std::vector<v1::Finding> findings;
  if (sent.per_second() < parameters["per_second"] ||
      static_cast<double>(sent.delta()) < parameters["share"] * opened) {
    return findings;
  }
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
  AddChange(finding, sent, "segments", parameters["per_second"]);
  AddChange(finding, resets, "connections");
  uint64_t most = 0;
  for (const ResetCause& cause : kCauses) {
    const absl::StatusOr<CounterChange> change = host.Change(cause.counter);
    if (!change.ok() || change->delta() == 0) continue;
    AddChange(finding, *change, "connections");
    if (change->delta() <= most) continue;
    most = change->delta();
    finding.set_cause(std::string(cause.meaning));
  }
  return findings;
}

std::string ByOwnerAndPeer(const v1::ConnectionRecord& record) {
  return absl::StrCat(OwnerText(record), " to ", record.peer());
}

bool IsGone(const HostObservation& host, const ConnectionHistory& connection) {
  return connection.samples.back().monotonic_ns <
         host.evidence().sockets().rbegin()->monotonic_ns();
}

// Outgoing connections that had been idle and then ended without a closing handshake.
absl::StatusOr<std::vector<const ConnectionHistory*>> EndedWhileIdle(
    const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ConnectionHistory> all, host.Connections());
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  std::set<uint32_t> ports;
  for (const ListenerHistory& one : listeners) ports.insert(one.last->port());
  std::vector<const ConnectionHistory*> ended;
  for (const ConnectionHistory& one : all) {
    const std::optional<double> idle = one.SecondsSince(kLastDataReceived);
    if (one.last().state() == "ESTAB" && IsGone(host, one) && idle &&
        *idle >= parameters["idle_seconds"] && !ports.contains(PortOf(one.last().local()))) {
      ended.push_back(&one);
    }
  }
  return ended;
}

Findings StalePoolReuse(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange resets, host.Change(kResets));
  TF_ASSIGN_OR_RETURN(const std::vector<const ConnectionHistory*> ended,
                      EndedWhileIdle(host, parameters));
  TF_ASSIGN_OR_RETURN(const PickedConnections silent,
                      PickConnections(host, {"ESTAB"}, {"timer", "backoff", kLastDataReceived},
                                      [&](const ConnectionHistory& one) {
                                        return one.Value("timer") == kRetransmitTimer &&
                                               static_cast<double>(*one.Value("backoff")) >=
                                                   parameters["backoff"] &&
                                               *one.SecondsSince(kLastDataReceived) >=
                                                   parameters["silent_idle_seconds"];
                                      }));
  std::vector<v1::Finding> findings;
  if (static_cast<double>(resets.delta()) >= parameters["resets"]) {
    for (const ConnectionGroup& group : GroupBy(ended, ByOwnerAndPeer)) {
      const auto count = static_cast<double>(group.connections.size());
      if (count < parameters["resets"]) break;
      v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
      AddChange(finding, resets, "connections");
      AddNumber(finding, kInetDiag, "ended_after_idle", count, "sockets", parameters["resets"]);
      for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
    }
  }
  for (const ConnectionGroup& group : GroupBy(silent.connections, ByOwnerAndPeer)) {
    const auto count = static_cast<double>(group.connections.size());
    if (count < parameters["silent_sockets"]) break;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    finding.set_title("pooled connections are dead after a pause, and nobody says so");
    finding.set_cause(
        "a firewall or balancer on the way has forgotten the connections and drops their packets");
    AddNumber(finding, kInetDiag, "unanswered_after_idle", count, "sockets",
              parameters["silent_sockets"]);
    for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
  }
  TF_ASSIGN_OR_RETURN(findings, UnlessIncomplete(std::move(findings), silent.complete));
  return UnlessIncomplete(std::move(findings), Sampled(host, kForChange));
}

constexpr absl::string_view kCounters =
    "https://www.kernel.org/doc/html/latest/networking/snmp_counter.html";

}  // namespace

std::vector<DiagnosisRule> ResetRules() {
  std::vector<absl::string_view> causes;
  for (const ResetCause& cause : kCauses) causes.push_back(cause.counter);
  return {
      {.number = "R46",
       .id = "reset-burst",
       .title = "this host resets many connections",
       .symptom = "peers log \"Connection reset by peer\"",
       .cause = "segments arrive for connections or ports that do not exist (R09, R47)",
       .fixes = {"which counter moved says why: see the evidence",
                 "read to the end before close(), and do not use SO_LINGER 0"},
       .false_positives = "scanners; health checks and load generators that close by reset",
       .kernel = "OutRsts counts segments, EstabResets connections of either side",
       .commands = {"nstat -az TcpOutRsts TcpEstabResets 'TcpExtTCPAbort*' TcpExtEmbryonicRsts"},
       .link = kCounters,
       .errors = {"Connection reset by peer", "ECONNRESET"},
       .needs = {kSentResets, kResets, kActive, kPassive},
       .helps = std::move(causes),
       .parameters = {{"per_second", 5, "1/s", "scans are rarer"},
                      {"share", 0.1, "share of opened connections",
                       "some clients always close by reset"}},
       .evaluate = &ResetBurst},
      {.number = "R47",
       .id = "stale-pool-reuse",
       .title = "pooled connections are reset after a pause",
       .symptom = "the first request after a pause fails with \"Connection reset by peer\" or "
                  "\"Broken pipe\", or hangs",
       .cause = "the server, or a device on the way, has closed the idle connection before the "
                "pool did",
       .fixes = {"let the pool drop idle connections earlier than the smallest timeout on the way",
                 "enable keepalive below that timeout (R21)",
                 "let the pool check a connection before it lends it"},
       .false_positives = "a server that was restarted",
       .kernel = "which connection a counted reset belonged to is not known; those that ended "
                 "after a pause are named",
       .commands = {"nstat -az TcpEstabResets", "ss -tnoi  # lastrcv"},
       .link = kCounters,
       .errors = {"Connection reset by peer", "Broken pipe", "EPIPE", "NoHttpResponseException",
                  "socket hang up"},
       .needs = {kResets, "sockets", "connections"},
       .connections = "state established last_data_recv > {idle_seconds}s",
       .fields = {"timer", "backoff", kLastDataReceived},
       .parameters = {{"resets", 5, "connections", "a few are clients that went away"},
                      {"idle_seconds", 30, "s", "shorter pauses are not what timeouts are for"},
                      {"silent_sockets", 3, "sockets", "of one pool"},
                      {"silent_idle_seconds", 60, "s", "no usual device forgets earlier"},
                      {"backoff", 2, "doublings", "one happens with any loss"}},
       .evaluate = &StalePoolReuse},
  };
}

}  // namespace tcpfleet::controller
