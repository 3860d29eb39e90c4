// Loss, delay and disorder on the way to peers.
//
// Source: net/ipv4/proc.c; tcp_info. OutSegs leaves retransmissions out, RetransSegs has those of
//         SYNs and tail loss probes in it.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kEstablished[] = {"ESTAB"};
constexpr absl::string_view kRetransmits = "Tcp.RetransSegs";
constexpr absl::string_view kSent = "Tcp.OutSegs";
constexpr absl::string_view kSynRetransmits = "TcpExt.TCPSynRetrans";
constexpr absl::string_view kTimeouts = "TcpExt.TCPTimeouts";
constexpr absl::string_view kSackReorder = "TcpExt.TCPSACKReorder";
constexpr absl::string_view kTsReorder = "TcpExt.TCPTSReorder";
constexpr absl::string_view kDuplicates = "TcpExt.TCPDSACKRecv";

std::string ByPeer(const v1::ConnectionRecord& record) {
  return absl::StrCat("to ", AddressOf(record.peer()));
}

double Less(const CounterChange& all, const CounterChange& part) {
  return all.delta() > part.delta() ? static_cast<double>(all.delta() - part.delta()) : 0;
}

// Of connections to one peer, over the window.
struct PeerLoss {
  double sent = 0;
  double again = 0;
};

PeerLoss LossOf(const ConnectionGroup& group) {
  PeerLoss loss;
  for (const ConnectionHistory* one : group.connections) {
    loss.sent += static_cast<double>(one->Growth("bytes_sent").value_or(0));
    loss.again += static_cast<double>(one->Growth("bytes_retrans").value_or(0));
  }
  return loss;
}

void AddLossyPeers(absl::Span<const ConnectionHistory* const> connections,
                   const RuleParameters& parameters, std::vector<v1::Finding>& findings) {
  for (const ConnectionGroup& group : GroupBy(connections, ByPeer)) {
    const PeerLoss loss = LossOf(group);
    if (loss.sent < parameters["peer_bytes"]) continue;
    const double share = loss.again / loss.sent;
    if (share < parameters["peer_share"]) continue;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "bytes_retrans / bytes_sent", share, "share",
              parameters["peer_share"]);
    AddNumber(finding, kInetDiag, "bytes_sent", loss.sent, "B");
    for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
  }
}

Findings RetransmitRate(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange again, host.Change(kRetransmits));
  TF_ASSIGN_OR_RETURN(const CounterChange sent, host.Change(kSent));
  TF_ASSIGN_OR_RETURN(const CounterChange syns, host.Change(kSynRetransmits));
  TF_ASSIGN_OR_RETURN(const PickedConnections lossy,
                      PickConnections(host, kEstablished, {"bytes_sent", "bytes_retrans"},
                                      [](const ConnectionHistory& one) {
                                        return one.Growth("bytes_retrans").value_or(0) > 0;
                                      }));
  std::vector<v1::Finding> findings;
  const bool is_enough = static_cast<double>(sent.delta()) >= parameters["segments"];
  const double share = is_enough ? Less(again, syns) / static_cast<double>(sent.delta()) : 0;
  if (share >= parameters["warn_share"]) {
    v1::Finding& finding = findings.emplace_back(NewFinding(
        share >= parameters["crit_share"] ? FindingSeverity::kCrit : FindingSeverity::kWarn));
    AddNumber(finding, "/proc/net/snmp", "retransmitted share", share, "share",
              parameters["warn_share"]);
    AddChange(finding, again, "segments");
    AddChange(finding, sent, "segments");
    AddChange(finding, syns, "segments");
  }
  AddLossyPeers(lossy.connections, parameters, findings);
  TF_ASSIGN_OR_RETURN(findings, UnlessIncomplete(std::move(findings), lossy.complete));
  return UnlessIncomplete(std::move(findings), Sampled(host, kForChange));
}

Findings TimeoutsDominate(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange timeouts, host.Change(kTimeouts));
  TF_ASSIGN_OR_RETURN(const CounterChange again, host.Change(kRetransmits));
  TF_ASSIGN_OR_RETURN(const CounterChange syns, host.Change(kSynRetransmits));
  // Timeouts of handshakes are in all three.
  const double data_timeouts = Less(timeouts, syns);
  const double data_again = Less(again, syns);
  std::vector<v1::Finding> findings;
  if (data_timeouts < parameters["timeouts"]) return findings;
  const double share = data_timeouts / std::max(1.0, data_again);
  if (share < parameters["share"]) return findings;
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
  AddNumber(finding, "/proc/net/netstat", "timeouts / retransmissions", share, "share",
            parameters["share"]);
  AddChange(finding, timeouts, "timeouts");
  AddChange(finding, again, "segments");
  AddChange(finding, syns, "segments");
  return findings;
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

Findings RttInflation(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(
      const PickedConnections slow,
      PickConnections(host, kEstablished, {"rtt", "min_rtt", "bytes_acked"},
                      [](const ConnectionHistory& one) { return *one.Value("min_rtt") > 0; }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(slow.connections, ByPeer)) {
    std::vector<double> ratios;
    std::vector<double> delays_ms;
    double bytes = 0;
    for (const ConnectionHistory* one : group.connections) {
      const auto rtt_us = static_cast<double>(*one->Value("rtt"));
      const auto min_rtt_us = static_cast<double>(*one->Value("min_rtt"));
      ratios.push_back(rtt_us / min_rtt_us);
      delays_ms.push_back((rtt_us - min_rtt_us) / 1e3);
      bytes += static_cast<double>(*one->Value("bytes_acked"));
    }
    if (static_cast<double>(group.connections.size()) < parameters["sockets"] &&
        bytes < parameters["bytes"]) {
      continue;
    }
    const double ratio = Median(ratios);
    const double delay_ms = Median(delays_ms);
    if (ratio < parameters["ratio"] || delay_ms < parameters["delay_ms"]) continue;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "rtt / min_rtt", ratio, "times", parameters["ratio"]);
    AddNumber(finding, kInetDiag, "rtt - min_rtt", delay_ms, "ms", parameters["delay_ms"]);
    for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
  }
  return UnlessIncomplete(std::move(findings), slow.complete);
}

Findings Reordering(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange sack, host.Change(kSackReorder));
  TF_ASSIGN_OR_RETURN(const CounterChange ts, host.Change(kTsReorder));
  TF_ASSIGN_OR_RETURN(const CounterChange duplicates, host.Change(kDuplicates));
  TF_ASSIGN_OR_RETURN(const CounterChange again, host.Change(kRetransmits));
  const auto reordered = static_cast<double>(sack.delta() + ts.delta());
  std::vector<v1::Finding> findings;
  if (reordered < parameters["events"]) return findings;
  // What was sent again for nothing, or more disorder than anything was sent again.
  const auto resent = static_cast<double>(again.delta());
  if (static_cast<double>(duplicates.delta()) < parameters["spurious_share"] * resent &&
      reordered < resent) {
    return findings;
  }
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kInfo));
  AddChange(finding, sack, "events");
  AddChange(finding, ts, "events");
  AddChange(finding, duplicates, "segments");
  AddChange(finding, again, "segments");
  return findings;
}

constexpr absl::string_view kCounters =
    "https://www.kernel.org/doc/html/latest/networking/snmp_counter.html";

DiagnosisRule RetransmitRateRule() {
  return {.number = "R30",
          .id = "retransmit-rate-high",
          .title = "too much is sent again",
          .symptom = "throughput falls and latencies have a tail",
          .cause =
              "packets are lost on the way: congestion, a policer, a bad link or duplex, an "
              "overloaded receiver",
          .fixes = {"find the peers it happens with: `tcpfleet watch 'retrans_share > 1%' "
                    "--group-by dst`",
                    "look at interface errors and drops on both hosts: `tcpfleet stack`",
                    "look for a policer or shaper on the way"},
          .false_positives =
              "path MTU discovery sends each large segment again once; a receiver "
              "with a closed window causes a few tail loss probes",
          .kernel =
              "OutSegs leaves retransmissions out; RetransSegs includes SYNs and tail loss "
              "probes; BBR does not cure the loss of a policer",
          .commands = {"nstat -az TcpRetransSegs TcpOutSegs TcpExtTCPSynRetrans",
                       "ss -tni  # bytes_retrans against bytes_sent"},
          .link = kCounters,
          .needs = {kRetransmits, kSent, kSynRetransmits, "connections"},
          .connections = "state established bytes_retrans > 10000 and bytes_sent > 100000",
          .fields = {"bytes_sent", "bytes_retrans"},
          .parameters = {{"warn_share", 0.01, "share of OutSegs", "healthy networks lose less"},
                         {"crit_share", 0.05, "share of OutSegs", "throughput collapses"},
                         {"segments", 1'000, "segments", "a share of few segments says nothing"},
                         {"peer_share", 0.02, "share of bytes_sent", "of one peer"},
                         {"peer_bytes", 1'000'000, "B", "a share of few bytes says nothing"}},
          .evaluate = &RetransmitRate};
}

DiagnosisRule TimeoutsDominateRule() {
  return {.number = "R31",
          .id = "rto-dominant",
          .title = "loss is found by timeouts, not by acknowledgements",
          .symptom = "requests stall 200 ms and more, now and then or for long",
          .cause =
              "nothing behind the loss is acknowledged: the end of a transfer, flows of few "
              "segments, or a way that is dead for a while",
          .fixes = {"look for peers that do not answer (R16) and black holes (R32)",
                    "look at interface errors and drops on both hosts: `tcpfleet stack`"},
          .false_positives = "a host that talks in single small segments",
          .kernel = "TCPTimeouts includes those of SYNs and SYN-ACKs; they are taken off",
          .commands = {"nstat -az TcpExtTCPTimeouts TcpRetransSegs TcpExtTCPSynRetrans"},
          .link = kCounters,
          .needs = {kTimeouts, kRetransmits, kSynRetransmits},
          .parameters = {{"timeouts", 10, "timeouts", "some happen with any loss"},
                         {"share", 0.5, "share of retransmissions",
                          "with acknowledgements behind the loss, most are fast"}},
          .evaluate = &TimeoutsDominate};
}

DiagnosisRule RttInflationRule() {
  return {.number = "R34",
          .id = "bufferbloat-rtt-inflation",
          .title = "round trips are far longer than the way takes: queues on it are full",
          .symptom = "everything to the peer is slow while something large is sent",
          .cause = "a queue at the narrowest place of the way is long and always full",
          .fixes = {"use fq_codel or cake at the narrowest place",
                    "shape to just below its rate, or limit the large sender",
                    "BBR keeps its own queue short: `tcpfleet sysctl plan --set "
                    "net.ipv4.tcp_congestion_control=bbr`"},
          .false_positives = "a way that has changed: min_rtt is remembered for 300 s",
          .kernel =
              "BBR hides most of it; acknowledgements that the peer delays count as round "
              "trip",
          .commands = {"ss -tni  # rtt against minrtt", "tc -s qdisc"},
          .link = "https://www.bufferbloat.net/projects/bloat/wiki/Introduction/",
          .needs = {"connections"},
          .connections = "state established rtt > 50ms and bytes_acked > 100000",
          .fields = {"rtt", "min_rtt", "bytes_acked"},
          .parameters = {{"ratio", 5, "times", "a healthy queue at most doubles it"},
                         {"delay_ms", 50, "ms", "people notice"},
                         {"sockets", 5, "sockets", "one connection may have its own reason"},
                         {"bytes", 10'000'000, "B", "or one large transfer"}},
          .evaluate = &RttInflation};
}

DiagnosisRule ReorderingRule() {
  return {.number = "R35",
          .id = "packet-reordering",
          .title = "packets overtake each other",
          .symptom = "throughput below the network's, duplicate acknowledgements without loss",
          .cause = "packets of one connection take several ways or queues",
          .fixes = {"let balancing and bonding choose by flow, not by packet",
                    "look at receive queues: one flow must stay on one"},
          .false_positives = "a change of route",
          .kernel =
              "the kernel learns to wait (tcpi_reordering), so few are sent again; "
              "TCPOFOQueue alone may be loss",
          .commands = {"nstat -az TcpExtTCPSACKReorder TcpExtTCPTSReorder TcpExtTCPDSACKRecv"},
          .link = kCounters,
          .needs = {kSackReorder, kTsReorder, kDuplicates, kRetransmits},
          .parameters = {{"events", 10, "events", "any change of route has a few"},
                         {"spurious_share", 0.5, "share of retransmissions",
                          "most of what was sent again had arrived"}},
          .evaluate = &Reordering};
}

}  // namespace

std::vector<DiagnosisRule> PathRules() {
  return {RetransmitRateRule(), TimeoutsDominateRule(), RttInflationRule(), ReorderingRule()};
}

}  // namespace tcpfleet::controller
