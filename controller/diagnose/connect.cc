// Connects that do not succeed, as the client sees them.
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
constexpr absl::string_view kActiveOpens = "Tcp.ActiveOpens";
constexpr absl::string_view kPassiveOpens = "Tcp.PassiveOpens";
constexpr absl::string_view kAttemptFails = "Tcp.AttemptFails";
constexpr absl::string_view kEmbryonicResets = "TcpExt.EmbryonicRsts";
constexpr absl::string_view kSynRetransmits = "TcpExt.TCPSynRetrans";
constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man2/connect.2.html";

// All sockets towards a peer; nothing when it is not among the largest groups.
std::optional<uint64_t> SocketsTo(const HostObservation& host, const std::string& peer) {
  const auto sockets = host.Sockets();
  if (!sockets.ok()) return std::nullopt;
  for (const v1::SocketGroup& group : (*sockets)->peers()) {
    if (EndpointText(group.peer_address(), group.peer_port()) == peer) return group.sockets();
  }
  return std::nullopt;
}

bool IsStuck(const ConnectionHistory& connection, const RuleParameters& parameters) {
  if (connection.last().state() != "SYN-SENT") return false;
  const double retransmits = static_cast<double>(connection.Value("timer_retransmits").value_or(0));
  if (retransmits < 1) return false;
  // Retransmissions are at least a second apart.
  return connection.seconds() >= parameters["seconds"] || retransmits >= parameters["seconds"];
}

// "10.0.0.2:80 from app[4711]"
std::string Subject(const std::string& peer, absl::Span<const ConnectionHistory* const> stuck) {
  std::set<std::string> owners;
  for (const ConnectionHistory* one : stuck) {
    for (const ConnectionHistory::Sample& sample : one->samples) {
      if (sample.record->has_pid()) owners.insert(OwnerText(*sample.record));
    }
  }
  return owners.size() == 1 ? absl::StrCat(peer, " from ", *owners.begin()) : peer;
}

v1::Finding StuckTowards(const HostObservation& host, const std::string& peer,
                         absl::Span<const ConnectionHistory* const> stuck,
                         const RuleParameters& parameters) {
  const std::optional<uint64_t> all = SocketsTo(host, peer);
  const auto count = static_cast<double>(stuck.size());
  const bool is_most = all && count >= parameters["crit_share"] * static_cast<double>(*all);
  v1::Finding finding =
      NewFinding(is_most ? FindingSeverity::kCrit : FindingSeverity::kWarn, Subject(peer, stuck));
  AddNumber(finding, kInetDiag, "syn_sent_retransmitted", count, "sockets", parameters["least"]);
  if (all) {
    AddNumber(finding, kInetDiag, "sockets_to_this_peer", static_cast<double>(*all), "sockets");
  }
  for (const ConnectionHistory* one : stuck) AddSocket(finding, one->last());
  return finding;
}

Findings ConnectTimeout(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ConnectionHistory> connections, host.Connections());
  TF_ASSIGN_OR_RETURN(const CounterChange retransmits, host.Change(kSynRetransmits));
  TF_ASSIGN_OR_RETURN(const CounterChange active, host.Change(kActiveOpens));
  TF_ASSIGN_OR_RETURN(const CounterChange passive, host.Change(kPassiveOpens));
  std::map<std::string, std::vector<const ConnectionHistory*>> by_peer;
  for (const ConnectionHistory& connection : connections) {
    if (IsStuck(connection, parameters)) {
      by_peer[connection.last().peer()].push_back(&connection);
    }
  }
  std::vector<v1::Finding> findings;
  for (const auto& [peer, stuck] : by_peer) {
    if (static_cast<double>(stuck.size()) < parameters["least"]) continue;
    v1::Finding& finding = findings.emplace_back(StuckTowards(host, peer, stuck, parameters));
    AddChange(finding, retransmits, "segments");
  }
  if (!findings.empty()) return findings;
  // Programs that give up within a second leave nothing to look at but the counters.
  const auto opened = static_cast<double>(active.delta());
  const bool is_client =
      static_cast<double>(passive.delta()) <= parameters["passive_share"] * opened;
  const double share = static_cast<double>(retransmits.delta()) / std::max(1.0, opened);
  if (is_client && opened >= parameters["least_opens"] && share > parameters["retransmit_share"]) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
    AddNumber(finding, "/proc/net/netstat", "syn_retransmits_per_connect", share, "share",
              parameters["retransmit_share"]);
    AddChange(finding, retransmits, "segments");
    AddChange(finding, active, "connections");
  }
  TF_ASSIGN_OR_RETURN(findings, UnlessIncomplete(std::move(findings), host.ConnectionsComplete()));
  return UnlessIncomplete(std::move(findings), Sampled(host, kForChange));
}

Findings ConnectionRefused(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange fails, host.Change(kAttemptFails));
  TF_ASSIGN_OR_RETURN(const CounterChange active, host.Change(kActiveOpens));
  const absl::StatusOr<CounterChange> resets = host.Change(kEmbryonicResets);
  // Handshakes that clients reset at our listeners are counted too.
  const uint64_t incoming = resets.ok() ? resets->delta() : 0;
  const auto refused = static_cast<double>(fails.delta() > incoming ? fails.delta() - incoming : 0);
  const auto opened = static_cast<double>(active.delta());
  std::vector<v1::Finding> findings;
  if (refused / fails.seconds < parameters["per_second"] || opened == 0 ||
      refused < parameters["share"] * opened) {
    return findings;
  }
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
  AddChange(finding, fails, "connections", parameters["per_second"]);
  AddChange(finding, active, "connections");
  if (incoming > 0) AddChange(finding, *resets, "connections");
  return findings;
}

}  // namespace

std::vector<DiagnosisRule> ConnectRules() {
  return {
      {.number = "R08",
       .id = "connect-timeout",
       .title = "connects get no answer",
       .symptom = "connect() hangs and ends with ETIMEDOUT, or with the program's own timeout",
       .cause =
           "SYNs are not answered: the port is filtered, the peer is down, or the accept queue "
           "of its listener is full",
       .fixes =
           {"ask the peer's host: `tcpfleet diagnose --rules R01,R05` there; a full queue drops "
            "SYNs",
            "connecting from several hosts tells a filter from a dead peer: `tcpfleet stress "
            "connect "
            "--target PEER:PORT --connections 1`"},
       .false_positives = "scanners; peers that are meant to be down",
       .kernel = "since 6.5 the first four retries are a second apart "
                 "(net.ipv4.tcp_syn_linear_timeouts), before 1, 2, 4 ... With "
                 "net.ipv4.tcp_syn_retries=6 the kernel gives up after some 130 s",
       .commands = {"ss -tnpo state syn-sent", "nstat -az TcpExtTCPSynRetrans"},
       .link = kManual,
       .errors = {"Connection timed out", "ETIMEDOUT", "connect timeout", "i/o timeout",
                  "No route to host"},
       .needs = {"connections", kSynRetransmits, kActiveOpens, kPassiveOpens},
       .helps = {"sockets"},
       .connections = "state = syn-sent",
       .fields = {"timer_retransmits"},
       .parameters = {{"least", 3, "sockets", "one or two are single clients' trouble"},
                      {"seconds", 3, "s", "a single lost SYN is repeated after a second"},
                      {"crit_share", 0.5, "share of the peer's sockets", "hardly anybody gets in"},
                      {"retransmit_share", 0.05, "SYN retransmits per connect",
                       "a path that loses one packet in twenty is broken"},
                      {"least_opens", 20, "connections", "fewer say nothing about a share"},
                      {"passive_share", 0.1, "incoming per outgoing connection",
                       "retransmits of SYN-ACKs are counted alike"}},
       .evaluate = &ConnectTimeout},
      {.number = "R09",
       .id = "connection-refused-burst",
       .title = "connects are refused",
       .symptom = "ECONNREFUSED at once",
       .cause = "nobody listens on that port, or a rule rejects: a full queue never refuses",
       .fixes = {"start the service, or correct the port: `ss -ltn` on the peer",
                 "`tcpfleet snapshot 'state listening'` on the peer shows what it listens on"},
       .false_positives = "port scanners, probes of readiness, service discovery that tries around",
       .kernel = "Tcp.AttemptFails also counts connects that timed out and handshakes that clients "
                 "reset here; the latter are taken off by TcpExt.EmbryonicRsts",
       .commands = {"nstat -az TcpAttemptFails TcpActiveOpens", "ss -ltn  # on the peer"},
       .link = kManual,
       .errors = {"Connection refused", "ECONNREFUSED"},
       .needs = {kAttemptFails, kActiveOpens},
       .helps = {kEmbryonicResets},
       .parameters = {{"per_second", 1, "1/s", "one now and then is a probe"},
                      {"share", 0.1, "share of all connects", "else most work"}},
       .evaluate = &ConnectionRefused},
  };
}

}  // namespace tcpfleet::controller
