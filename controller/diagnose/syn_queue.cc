// Handshakes that do not complete at the server.
//
// Source: tcp_conn_request of net/ipv4/tcp_input.c: with tcp_syncookies=0 a SYN beyond 3/4 of
//         tcp_max_syn_backlog is dropped and counted in ListenDrops alone.
#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kOverflows = "TcpExt.ListenOverflows";
constexpr absl::string_view kDrops = "TcpExt.ListenDrops";
constexpr absl::string_view kQueueFull = "TcpExt.TCPReqQFullDrop";
constexpr absl::string_view kCookiesSent = "TcpExt.SyncookiesSent";
constexpr absl::string_view kCookiesReceived = "TcpExt.SyncookiesRecv";
constexpr absl::string_view kSynRetransmits = "TcpExt.TCPSynRetrans";
constexpr absl::string_view kPassiveOpens = "Tcp.PassiveOpens";
constexpr absl::string_view kSyncookies = "net/ipv4/tcp_syncookies";
constexpr absl::string_view kSynBacklog = "net/ipv4/tcp_max_syn_backlog";
constexpr absl::string_view kDocumentation =
    "https://docs.kernel.org/networking/ip-sysctl.html#tcp-variables";

// In the snapshot where it had most of them; null when no listener had any.
using Count = uint32_t (v1::Listener::*)() const;
struct Busiest {
  const ListenerHistory* history = nullptr;
  uint32_t most = 0;
};

uint32_t MostOf(const ListenerHistory& history, Count count) {
  uint32_t most = 0;
  for (const v1::Listener* one : history.samples) {
    if (one != nullptr) most = std::max(most, (one->*count)());
  }
  return most;
}

Busiest BusiestBy(const HostObservation& host, Count count) {
  Busiest busiest;
  const auto listeners = host.Listeners();
  if (!listeners.ok()) return busiest;
  for (const ListenerHistory& history : *listeners) {
    const uint32_t most = MostOf(history, count);
    if (most > busiest.most) busiest = {&history, most};
  }
  return busiest;
}

// Counters do not say which listener; the one with most handshakes under way is the likely one.
v1::Finding OfBusiestListener(const HostObservation& host, FindingSeverity severity) {
  const Busiest busiest = BusiestBy(host, &v1::Listener::syn_recv);
  if (busiest.history == nullptr) {
    v1::Finding finding = NewFinding(severity, "unknown listener");
    finding.set_confidence("low");
    finding.set_caveat("no listener had handshakes under way in a snapshot");
    return finding;
  }
  v1::Finding finding = NewFinding(severity, ListenerText(*busiest.history));
  AddNumber(finding, kInetDiag, "syn_recv", busiest.most, "handshakes");
  AddNumber(finding, kInetDiag, "backlog", busiest.history->last->backlog(), "connections");
  return finding;
}

void AddSysctl(v1::Finding& finding, const HostObservation& host, absl::string_view key,
               absl::string_view name) {
  const absl::StatusOr<int64_t> value = host.Number(key);
  if (value.ok()) AddNumber(finding, key, name, static_cast<double>(*value), "");
}

Findings SynQueueDrop(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange drops, host.Change(kDrops));
  TF_ASSIGN_OR_RETURN(const CounterChange overflows, host.Change(kOverflows));
  TF_ASSIGN_OR_RETURN(const CounterChange queue_full, host.Change(kQueueFull));
  std::vector<v1::Finding> findings;
  // What the accept queue refused is in both.
  const uint64_t of_syn_queue =
      std::max(drops.delta() > overflows.delta() ? drops.delta() - overflows.delta() : 0,
               queue_full.delta());
  if (of_syn_queue == 0) return findings;
  const double rate = static_cast<double>(of_syn_queue) / drops.seconds;
  const double critical = parameters["crit_per_second"];
  v1::Finding& finding = findings.emplace_back(
      OfBusiestListener(host, rate >= critical ? FindingSeverity::kCrit : FindingSeverity::kWarn));
  AddChange(finding, drops, "connections", critical);
  AddChange(finding, overflows, "connections");
  AddChange(finding, queue_full, "connections");
  AddSysctl(finding, host, kSyncookies, "tcp_syncookies");
  AddSysctl(finding, host, kSynBacklog, "tcp_max_syn_backlog");
  return findings;
}

Findings SynCookiesActive(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange sent, host.Change(kCookiesSent));
  TF_ASSIGN_OR_RETURN(const CounterChange received, host.Change(kCookiesReceived));
  std::vector<v1::Finding> findings;
  const absl::StatusOr<int64_t> mode = host.Number(kSyncookies);
  const bool is_forced = mode.ok() && *mode == 2;
  if (is_forced || static_cast<double>(sent.IntervalsAtLeast(0)) < parameters["intervals"]) {
    return findings;
  }
  const double warn = parameters["warn_per_second"];
  const double answered = static_cast<double>(received.delta()) / static_cast<double>(sent.delta());
  const bool is_much = sent.per_second() >= warn;
  const bool is_flood = is_much && answered < parameters["flood_share"];
  v1::Finding& finding =
      findings.emplace_back(OfBusiestListener(host, is_flood  ? FindingSeverity::kCrit
                                                    : is_much ? FindingSeverity::kWarn
                                                              : FindingSeverity::kInfo));
  AddChange(finding, sent, "cookies", warn);
  AddChange(finding, received, "cookies");
  AddNumber(finding, "/proc/net/netstat", "answered_share", answered, "share",
            parameters["flood_share"]);
  if (is_flood) {
    finding.set_title("SYN cookies are sent and hardly any is answered");
    finding.set_cause("most SYNs come from addresses that do not exist or do not answer: a flood");
    finding.add_fixes("filter upstream; SYN cookies keep the listener reachable meanwhile");
  } else if (answered >= parameters["overload_share"]) {
    finding.set_title("SYN cookies are sent to real clients");
    finding.set_cause(
        "clients are real and their cookies come back: the queue is too short for "
        "the load, or accept() too slow");
  }
  return findings;
}

Findings SynAckRetransmit(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange opens, host.Change(kPassiveOpens));
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  const absl::StatusOr<CounterChange> retransmits = host.Change(kSynRetransmits);
  std::vector<v1::Finding> findings;
  for (const ListenerHistory& history : listeners) {
    const uint32_t waiting = MostOf(history, &v1::Listener::syn_recv);
    const uint32_t stuck = MostOf(history, &v1::Listener::syn_recv_retransmitted);
    const double tried = static_cast<double>(opens.delta()) + waiting;
    if (stuck < parameters["least"] || stuck < parameters["share"] * tried) continue;
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kWarn, ListenerText(history)));
    AddNumber(finding, kInetDiag, "syn_recv_retransmitted", stuck, "handshakes",
              std::max(parameters["least"], parameters["share"] * tried));
    AddNumber(finding, kInetDiag, "syn_recv", waiting, "handshakes");
    AddChange(finding, opens, "connections");
    if (retransmits.ok()) AddChange(finding, *retransmits, "segments");
  }
  return UnlessIncomplete(std::move(findings), host.ListenersComplete());
}

}  // namespace

std::vector<DiagnosisRule> SynQueueRules() {
  return {
      {.number = "R05",
       .id = "syn-queue-drop",
       .title = "SYNs are dropped although the accept queue has room",
       .symptom = "connects hang 1, 3, 7 ... seconds; the listener looks idle",
       .cause = "more handshakes are under way than the kernel keeps: a burst, clients whose final "
                "ACK gets lost, or a flood",
       .fixes = {"`tcpfleet sysctl plan --set net.ipv4.tcp_syncookies=1`: a full queue then costs "
                 "no connection",
                 "raise the backlog the program gives to listen(); without SYN cookies also "
                 "`tcpfleet sysctl plan --set net.ipv4.tcp_max_syn_backlog=8192`"},
       .false_positives = "SYNs that a security module refuses or that find no memory are counted "
                          "alike; a few a day are noise",
       .kernel = "with net.ipv4.tcp_syncookies=0 such drops are counted in ListenDrops alone, not "
                 "in TCPReqQFullDrop. net.ipv4.tcp_max_syn_backlog has no effect while SYN cookies "
                 "are on: then the listener's backlog is the limit",
       .commands = {"nstat -az TcpExtListenDrops TcpExtListenOverflows TcpExtTCPReqQFullDrop",
                    "ss -tan state syn-recv"},
       .link = kDocumentation,
       .errors = {"Connection timed out"},
       .needs = {kDrops, kOverflows, kQueueFull},
       .helps = {"sockets", kSyncookies, kSynBacklog},
       .parameters = {{"crit_per_second", 1, "1/s", "somebody waits a second, every second"}},
       .evaluate = &SynQueueDrop},
      {.number = "R06",
       .id = "syn-cookies-active",
       .title = "SYN cookies are sent: a listener's SYN queue is full",
       .symptom = "\"Possible SYN flooding on port\" in the kernel's log; connections without "
                  "window scaling or SACK",
       .cause = "handshakes come faster than the queue holds",
       .fixes = {"of real clients: make the program accept faster, raise its backlog and "
                 "`tcpfleet sysctl plan --set net.core.somaxconn=8192`",
                 "of a flood: filter upstream"},
       .false_positives = "load tests that open thousands of connections at once",
       .kernel = "net.ipv4.tcp_syncookies=2 sends cookies always and is not reported. Connections "
                 "made by cookie keep their options only with timestamps",
       .commands = {"nstat -az TcpExtSyncookiesSent TcpExtSyncookiesRecv TcpExtSyncookiesFailed"},
       .link = kDocumentation,
       .errors = {"Possible SYN flooding"},
       .needs = {kCookiesSent, kCookiesReceived},
       .helps = {"sockets", kSyncookies},
       .parameters = {{"intervals", 2, "intervals", "a single burst is nothing"},
                      {"warn_per_second", 10, "1/s",
                       "a queue that overflows once in a while is "
                       "what cookies are for"},
                      {"flood_share", 0.1, "share of answered cookies",
                       "real clients answer nearly all"},
                      {"overload_share", 0.5, "share of answered cookies",
                       "a flood answers hardly any"}},
       .evaluate = &SynCookiesActive},
      {.number = "R07",
       .id = "synack-retransmit",
       .title = "clients do not answer SYN-ACKs",
       .symptom = "clients report connect timeouts although the server sees their SYNs",
       .cause = "SYN-ACKs or final ACKs get lost: an asymmetric route, a firewall that knows only "
                "one direction, or SYNs from addresses that are not theirs",
       .fixes = {"compare the route back to the clients with the one they come by: `ip route get "
                 "CLIENT`",
                 "look for firewalls between: `tcpdump -ni any 'tcp[tcpflags] & tcp-syn != 0'` at "
                 "both ends"},
       .false_positives = "port scanners",
       .kernel = "TcpExt.TCPSynRetrans and Tcp.RetransSegs count SYN-ACKs too: they rise on pure "
                 "servers",
       .commands = {"ss -tano state syn-recv  # timer:(on,...,RETRANSMITS)"},
       .link = kDocumentation,
       .errors = {"Connection timed out"},
       .needs = {"sockets", kPassiveOpens},
       .helps = {kSynRetransmits},
       .parameters = {{"least", 5, "handshakes", "single clients vanish all the time"},
                      {"share", 0.2, "share of all handshakes", "else it is the clients' trouble"}},
       .evaluate = &SynAckRetransmit},
  };
}

}  // namespace tcpfleet::controller
