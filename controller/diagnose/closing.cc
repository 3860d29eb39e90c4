// Connections that do not end: one side has said its last word and the other does not answer.
//
// Source: tcp_close, tcp_fin and tcp_check_oom of net/ipv4; RFC 9293, 3.6.
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
constexpr absl::string_view kCloseWait = "CLOSE-WAIT";
constexpr absl::string_view kFinWait2 = "FIN-WAIT-2";
constexpr absl::string_view kLastAckReceived = "last_ack_recv_at_ms";
constexpr absl::string_view kAbortOnMemory = "TcpExt.TCPAbortOnMemory";
constexpr absl::string_view kMaxOrphans = "net/ipv4/tcp_max_orphans";
constexpr uint64_t kNoTimer = 0;
constexpr uint64_t kRetransmitTimer = 1;

// It has been so at least that long: seen so, or the peer has been silent since.
double SecondsInState(const ConnectionHistory& connection) {
  return std::max(connection.seconds(), connection.SecondsSince(kLastAckReceived).value_or(0));
}

void AddSockets(v1::Finding& finding, const ConnectionGroup& group) {
  for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
}

double OldestSeconds(const ConnectionGroup& group) {
  double oldest = 0;
  for (const ConnectionHistory* one : group.connections) {
    oldest = std::max(oldest, SecondsInState(*one));
  }
  return oldest;
}

// Of the process, where the agent may know it.
std::optional<uint64_t> OpenFileLimit(const HostObservation& host, uint32_t pid) {
  const absl::StatusOr<const v1::HostStatistics*> statistics = host.Host();
  if (!statistics.ok() || pid == 0) return std::nullopt;
  for (const v1::ProcessFiles& files : (*statistics)->processes()) {
    if (files.process().pid() == pid && files.has_soft_limit()) return files.soft_limit();
  }
  return std::nullopt;
}

Findings CloseWaitLeak(const HostObservation& host, const RuleParameters& parameters) {
  // A connection nobody has accepted (no inode) is the accept queue's matter.
  TF_ASSIGN_OR_RETURN(
      const PickedConnections leaked,
      PickConnections(host, {kCloseWait}, {kLastAckReceived}, [&](const ConnectionHistory& one) {
        return one.last().inode() != 0 && SecondsInState(one) >= parameters["seconds"];
      }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group :
       GroupBy(leaked.connections,
               [](const v1::ConnectionRecord& record) { return OwnerText(record); })) {
    const auto count = static_cast<double>(group.connections.size());
    if (count < parameters["warn_sockets"]) break;
    const std::optional<uint64_t> limit =
        OpenFileLimit(host, RecordWithOwner(*group.connections.front()).pid());
    const bool is_critical =
        count >= parameters["crit_sockets"] ||
        (limit && count >= parameters["crit_share"] * static_cast<double>(*limit));
    v1::Finding& finding = findings.emplace_back(
        NewFinding(is_critical ? FindingSeverity::kCrit : FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "close_wait", count, "sockets", parameters["warn_sockets"]);
    AddNumber(finding, kInetDiag, "oldest", OldestSeconds(group), "s", parameters["seconds"]);
    if (limit) {
      AddNumber(finding, "/proc/PID/limits", "open_files_limit", static_cast<double>(*limit),
                "descriptors");
    }
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), leaked.complete);
}

Findings FinWait2Stuck(const HostObservation& host, const RuleParameters& parameters) {
  // One that nobody owns any more has a timer and ends by itself.
  TF_ASSIGN_OR_RETURN(const PickedConnections stuck,
                      PickConnections(host, {kFinWait2}, {"timer", kLastAckReceived},
                                      [&](const ConnectionHistory& one) {
                                        return one.Value("timer") == kNoTimer &&
                                               one.last().inode() != 0 &&
                                               SecondsInState(one) >= parameters["seconds"];
                                      }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group :
       GroupBy(stuck.connections,
               [](const v1::ConnectionRecord& record) { return OwnerText(record); })) {
    const auto count = static_cast<double>(group.connections.size());
    if (count < parameters["sockets"]) break;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "fin_wait_2", count, "sockets", parameters["sockets"]);
    AddNumber(finding, kInetDiag, "oldest", OldestSeconds(group), "s", parameters["seconds"]);
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), stuck.complete);
}

Findings ClosingStuck(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(
      const PickedConnections stuck,
      PickConnections(host, {"FIN-WAIT-1", "LAST-ACK", "CLOSING"}, {"timer", "timer_retransmits"},
                      [&](const ConnectionHistory& one) {
                        return one.Value("timer") == kRetransmitTimer &&
                               static_cast<double>(*one.Value("timer_retransmits")) >=
                                   parameters["retransmits"];
                      }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group :
       GroupBy(stuck.connections,
               [](const v1::ConnectionRecord& record) { return AddressOf(record.peer()); })) {
    const auto count = static_cast<double>(group.connections.size());
    if (count < parameters["sockets"]) break;
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kWarn, absl::StrCat("to ", group.key)));
    AddNumber(finding, kInetDiag, "closing", count, "sockets", parameters["sockets"]);
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), stuck.complete);
}

Findings OrphanPressure(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::HostStatistics* const statistics, host.Host());
  if (!statistics->has_tcp_orphans()) return host.Missing("/proc/net/sockstat");
  TF_ASSIGN_OR_RETURN(const CounterChange aborts, host.Change(kAbortOnMemory));
  double most = parameters["max_orphans"];
  if (most == 0) {
    TF_ASSIGN_OR_RETURN(const int64_t limit, host.Number(kMaxOrphans));
    most = static_cast<double>(limit);
  }
  const auto orphans = static_cast<double>(statistics->tcp_orphans());
  std::vector<v1::Finding> findings;
  const bool is_critical = aborts.delta() > 0 || orphans >= parameters["crit_share"] * most;
  if (!is_critical && orphans < parameters["warn_share"] * most) return findings;
  v1::Finding& finding = findings.emplace_back(
      NewFinding(is_critical ? FindingSeverity::kCrit : FindingSeverity::kWarn));
  AddNumber(finding, "/proc/net/sockstat", "orphan", orphans, "sockets",
            parameters["warn_share"] * most);
  AddNumber(finding, "net.ipv4.tcp_max_orphans", "tcp_max_orphans", most, "sockets");
  AddChange(finding, aborts, "connections");
  return findings;
}

constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man7/tcp.7.html";
constexpr absl::string_view kSpecification =
    "https://www.rfc-editor.org/rfc/rfc9293.html#section-3.6";

DiagnosisRule CloseWaitLeakRule() {
  return {.number = "R14",
          .id = "close-wait-leak",
          .title = "a program does not close connections that its peers have closed",
          .symptom = "sockets in CLOSE-WAIT pile up until the program has no descriptors left",
          .cause =
              "the peer has closed and the program never called close(): mostly an error path "
              "that forgets the connection. No timer and no sysctl ends it",
          .fixes = {"mend the program: close when read() returns 0, also on error paths",
                    "restart the program to free what has leaked"},
          .false_positives = "protocols that go on sending after the peer has finished",
          .kernel = "a socket in CLOSE-WAIT has one byte in its receive queue: the FIN",
          .commands = {"ss -tnpo state close-wait"},
          .link = kSpecification,
          .errors = {"Too many open files"},
          .needs = {"connections"},
          .connections = "state close-wait",
          .fields = {kLastAckReceived},
          .parameters = {{"seconds", 60, "s", "programs that close at all have done it by then"},
                         {"warn_sockets", 10, "sockets", "a few may be closed late"},
                         {"crit_sockets", 100, "sockets", "it does not stop by itself"},
                         {"crit_share", 0.2, "share of the open file limit",
                          "the program will run out of descriptors"}},
          .evaluate = &CloseWaitLeak};
}

DiagnosisRule OrphanPressureRule() {
  return {.number = "R18",
          .id = "orphan-pressure",
          .title = "connections that no program owns use up their limit",
          .symptom =
              "connections are reset while they close; the kernel logs \"too many orphaned "
              "sockets\"",
          .cause =
              "programs have closed connections whose peers do not take what was still to be "
              "sent",
          .fixes = {"find the peers that stopped reading: `tcpfleet snapshot 'state fin-wait-1' "
                    "--group-by dst`",
                    "`tcpfleet sysctl plan --set net.ipv4.tcp_orphan_retries=3` to give up earlier",
                    "raise net.ipv4.tcp_max_orphans on hosts with the memory for it"},
          .false_positives = "an agent in a container sees the whole host's orphans",
          .kernel =
              "orphans and their limit are of the host, not of a network namespace; the kernel "
              "may count them twice under memory pressure",
          .commands = {"grep TCP: /proc/net/sockstat", "sysctl net.ipv4.tcp_max_orphans"},
          .link = kManual,
          .needs = {"host", kAbortOnMemory, kMaxOrphans},
          .parameters = {{"warn_share", 0.25, "share of tcp_max_orphans",
                          "under pressure the kernel counts up to four times as many"},
                         {"crit_share", 0.5, "share of tcp_max_orphans",
                          "new orphans may be reset already"},
                         {"max_orphans", 0, "sockets", "0: what the sysctl says"}},
          .every_namespace = false,
          .evaluate = &OrphanPressure};
}

DiagnosisRule FinWait2StuckRule() {
  return {
      .number = "R19",
      .id = "fin-wait2-stuck",
      .title = "a program has finished sending and waits for ever for its peers to finish",
      .symptom = "sockets in FIN-WAIT-2 that do not go away",
      .cause = "the program called shutdown() and keeps the socket, and the peer never closes",
      .fixes = {"close the socket, or give up reading after a time (SO_RCVTIMEO)",
                "look at the peer: it has these connections in CLOSE-WAIT (R14)"},
      .false_positives = "a peer that really has much to send after it was told the end",
      .kernel =
          "net.ipv4.tcp_fin_timeout ends only those whose program has closed them; it does "
          "not shorten TIME-WAIT",
      .commands = {"ss -tnpo state fin-wait-2  # those without a timer"},
      .link = kManual,
      .needs = {"connections"},
      .connections = "state fin-wait-2 timer = 0",
      .fields = {"timer", kLastAckReceived},
      .parameters = {{"seconds", 60, "s", "as long as the kernel waits for those without owner"},
                     {"sockets", 10, "sockets", "a few may be slow peers"}},
      .evaluate = &FinWait2Stuck};
}

DiagnosisRule ClosingStuckRule() {
  return {
      .number = "R20",
      .id = "closing-stuck",
      .title = "connections cannot be closed: the peer does not acknowledge the end",
      .symptom = "sockets in FIN-WAIT-1, CLOSING or LAST-ACK that send again and again",
      .cause = "the peer or the way to it is gone",
      .fixes = {"look at the way to the peer: `tracepath PEER`",
                "`tcpfleet sysctl plan --set net.ipv4.tcp_orphan_retries=3` to give up earlier"},
      .false_positives = "peers that reboot",
      .kernel =
          "net.ipv4.tcp_orphan_retries = 0 means 8; a peer with a closed window shows the "
          "persist timer instead (R23)",
      .commands = {"ss -tno state fin-wait-1 state last-ack state closing"},
      .link = kManual,
      .needs = {"connections"},
      .connections = "state fin-wait-1 state last-ack state closing timer = 1",
      .fields = {"timer", "timer_retransmits"},
      .parameters = {{"retransmits", 3, "retransmissions", "one or two happen with any loss"},
                     {"sockets", 10, "sockets", "to one peer"}},
      .evaluate = &ClosingStuck};
}

}  // namespace

std::vector<DiagnosisRule> ClosingRules() {
  return {CloseWaitLeakRule(), OrphanPressureRule(), FinWait2StuckRule(), ClosingStuckRule()};
}

}  // namespace tcpfleet::controller
