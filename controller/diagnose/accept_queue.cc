// Listeners whose programs do not accept as fast as connections come.
//
// Source: tcp_v4_syn_recv_sock and tcp_conn_request of net/ipv4, sk_acceptq_is_full of
//         include/net/sock.h: a queue is full above its backlog, not at it.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kOverflows = "TcpExt.ListenOverflows";
constexpr absl::string_view kDrops = "TcpExt.ListenDrops";
constexpr absl::string_view kSomaxconn = "net/core/somaxconn";
constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man2/listen.2.html";

bool IsFull(const v1::Listener& listener) { return listener.accept_queue() > listener.backlog(); }

double Fill(const v1::Listener& listener) {
  return listener.accept_queue() / (listener.backlog() + 1.0);
}

size_t SamplesFilled(const ListenerHistory& history, double share) {
  return static_cast<size_t>(std::count_if(
      history.samples.begin(), history.samples.end(),
      [&](const v1::Listener* one) { return one != nullptr && Fill(*one) >= share; }));
}

// The sample with the longest queue.
const v1::Listener& Fullest(const ListenerHistory& history) {
  const v1::Listener* fullest = history.last;
  for (const v1::Listener* one : history.samples) {
    if (one != nullptr && one->accept_queue() > fullest->accept_queue()) fullest = one;
  }
  return *fullest;
}

void AddQueue(v1::Finding& finding, const v1::Listener& listener, double threshold) {
  AddNumber(finding, kInetDiag, "accept_queue", listener.accept_queue(), "connections", threshold);
  AddNumber(finding, kInetDiag, "backlog", listener.backlog(), "connections");
}

Findings AcceptQueueOverflow(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange overflows, host.Change(kOverflows));
  TF_ASSIGN_OR_RETURN(const CounterChange drops, host.Change(kDrops));
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  std::vector<v1::Finding> findings;
  if (overflows.delta() == 0) return findings;
  const double critical = parameters["crit_per_second"];
  const auto found = [&](FindingSeverity severity, std::string subject) -> v1::Finding& {
    v1::Finding& finding = findings.emplace_back(NewFinding(severity, std::move(subject)));
    AddChange(finding, overflows, "connections", critical);
    AddChange(finding, drops, "connections");
    return finding;
  };
  const FindingSeverity severity =
      overflows.per_second() >= critical ? FindingSeverity::kCrit : FindingSeverity::kWarn;
  for (const ListenerHistory& history : listeners) {
    const v1::Listener& fullest = Fullest(history);
    if (!IsFull(fullest)) continue;
    // A program that has only just begun to listen may be late once.
    const bool is_start = history.samples.front() == nullptr &&
                          static_cast<double>(overflows.delta()) <= parameters["start_burst"];
    v1::Finding& finding =
        found(is_start ? FindingSeverity::kInfo : severity, ListenerText(history));
    AddQueue(finding, fullest, fullest.backlog() + 1.0);
  }
  if (!findings.empty()) return findings;
  v1::Finding& finding = found(severity, "unknown listener");
  finding.set_confidence("low");
  finding.set_caveat("the queue was full only between two snapshots, so its listener is not known");
  return findings;
}

Findings AcceptQueueNearFull(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  const absl::StatusOr<CounterChange> overflows = host.Change(kOverflows);
  const auto least_samples = static_cast<size_t>(parameters["samples"]);
  const double share = parameters["share"];
  std::vector<v1::Finding> findings;
  for (const ListenerHistory& history : listeners) {
    if (history.samples.size() < least_samples) {
      return absl::FailedPreconditionError(
          absl::StrCat("a queue is judged by ", least_samples, " snapshots at least"));
    }
    if (history.last->backlog() < parameters["least_backlog"]) continue;
    if (SamplesFilled(history, share) < least_samples) continue;
    const v1::Listener& fullest = Fullest(history);
    // That it overflows says more.
    if (IsFull(fullest) && overflows.ok() && overflows->delta() > 0) continue;
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kWarn, ListenerText(history)));
    AddQueue(finding, fullest, share * (fullest.backlog() + 1.0));
  }
  return UnlessIncomplete(std::move(findings), host.ListenersComplete());
}

Findings ListenBacklogCapped(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  TF_ASSIGN_OR_RETURN(const int64_t somaxconn, host.Number(kSomaxconn));
  std::vector<v1::Finding> findings;
  for (const ListenerHistory& history : listeners) {
    const v1::Listener& listener = *history.last;
    const bool is_in_use = Fill(Fullest(history)) >= parameters["least_fill"];
    const bool is_capped = listener.backlog() == somaxconn;
    const bool is_old_default =
        (listener.backlog() == 128 || listener.backlog() == 4096) && listener.backlog() < somaxconn;
    const bool is_lowered = is_capped && listener.backlog() < parameters["usual_somaxconn"];
    if (!is_lowered && !(is_in_use && (is_capped || is_old_default))) continue;
    v1::Finding& finding =
        findings.emplace_back(NewFinding(FindingSeverity::kInfo, ListenerText(history)));
    AddQueue(finding, listener, static_cast<double>(somaxconn));
    AddNumber(finding, "net.core.somaxconn", "somaxconn", static_cast<double>(somaxconn),
              "connections");
    if (is_capped) continue;
    finding.set_title("a listener keeps the backlog of an earlier net.core.somaxconn");
    finding.set_confidence("low");
    finding.set_caveat("the program may ask for just that many");
  }
  return UnlessIncomplete(std::move(findings), host.ListenersComplete());
}

Findings ReuseportSkew(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange overflows, host.Change(kOverflows));
  TF_ASSIGN_OR_RETURN(const absl::Span<const ListenerHistory> listeners, host.Listeners());
  std::vector<v1::Finding> findings;
  if (overflows.delta() == 0) return findings;
  std::map<std::pair<std::string, uint32_t>, std::vector<const ListenerHistory*>> groups;
  for (const ListenerHistory& history : listeners) {
    if (history.samples.back() == nullptr) continue;
    groups[{history.last->address(), history.last->port()}].push_back(&history);
  }
  for (const auto& [endpoint, group] : groups) {
    const auto idle = std::count_if(group.begin(), group.end(), [&](const ListenerHistory* one) {
      return Fill(Fullest(*one)) <= parameters["idle_fill"];
    });
    for (const ListenerHistory* stuck : group) {
      const v1::Listener& fullest = Fullest(*stuck);
      // Of the others at least half keep up.
      if (!IsFull(fullest) || idle == 0 || 2 * static_cast<size_t>(idle) < group.size() - 1) {
        continue;
      }
      v1::Finding& finding =
          findings.emplace_back(NewFinding(FindingSeverity::kCrit, ListenerText(*stuck)));
      AddQueue(finding, fullest, fullest.backlog() + 1.0);
      AddNumber(finding, kInetDiag, "listeners_of_this_port", static_cast<double>(group.size()),
                "listeners");
      AddNumber(finding, kInetDiag, "listeners_that_keep_up", static_cast<double>(idle),
                "listeners");
      AddChange(finding, overflows, "connections");
    }
  }
  return findings;
}

}  // namespace

std::vector<DiagnosisRule> AcceptQueueRules() {
  return {
      {.number = "R01",
       .id = "accept-queue-overflow",
       .title = "a listener's accept queue overflows",
       .symptom = "connects hang 1, 2, 3 ... seconds, then succeed or time out; latencies have "
                  "steps of one second; nobody sees an error on the server",
       .cause = "the program does not call accept() as fast as connections come, so the kernel "
                "throws SYNs and final ACKs away and every client waits for its retransmission",
       .fixes = {"make the program accept faster: look for a blocked event loop and for \"Too many "
                 "open files\" (R33)",
                 "raise the backlog the program gives to listen(), and with it "
                 "`tcpfleet sysctl plan --set net.core.somaxconn=8192`",
                 "restart the listener: a running one keeps the limit it had (R03)"},
       .false_positives = "a burst just after the program has begun to listen",
       .kernel = "a queue holds backlog + 1 connections; with a full queue new SYNs are dropped "
                 "too; net.ipv4.tcp_abort_on_overflow changes nothing for those. The counters are "
                 "per network namespace, not per listener",
       .commands = {"ss -ltn  # Recv-Q above Send-Q", "nstat -az TcpExtListenOverflows"},
       .link = kManual,
       .errors = {"Connection timed out", "connect timeout", "i/o timeout"},
       .needs = {kOverflows, kDrops, "sockets"},
       .parameters = {{"crit_per_second", 1, "1/s", "somebody waits a second, every second"},
                      {"start_burst", 3, "connections",
                       "as many may be lost by a listener that has just begun"}},
       .evaluate = &AcceptQueueOverflow},
      {.number = "R02",
       .id = "accept-queue-near-full",
       .title = "a listener's accept queue stays nearly full",
       .symptom = "latencies rise with load; nothing is lost yet",
       .cause = "connections wait to be accepted longer than they should: the queue of a healthy "
                "program is empty whenever one looks",
       .fixes = {"make the program accept faster, or give it more workers",
                 "raise the backlog it gives to listen(), and with it "
                 "`tcpfleet sysctl plan --set net.core.somaxconn=8192`"},
       .false_positives = "listeners that are meant to be served in bursts",
       .kernel = "connections that TCP_DEFER_ACCEPT holds back are not in this queue",
       .commands = {"ss -ltn  # Recv-Q against Send-Q, several times"},
       .link = kManual,
       .needs = {"sockets"},
       .helps = {kOverflows},
       .parameters = {{"share", 0.7, "share of backlog + 1", "below, a burst still fits"},
                      {"samples", 3, "snapshots", "one or two may be a burst"},
                      {"least_backlog", 8, "connections", "shorter queues fill with any burst"}},
       .evaluate = &AcceptQueueNearFull},
      {.number = "R03",
       .id = "listen-backlog-capped",
       .title = "a listener's backlog is capped by net.core.somaxconn",
       .symptom = "somaxconn or the program's backlog was raised and nothing improves",
       .cause =
           "the kernel takes the smaller of the program's backlog and net.core.somaxconn, once, "
           "when listen() is called",
       .fixes =
           {"`tcpfleet sysctl plan --set net.core.somaxconn=8192`, then restart the program or "
            "make it call listen() again",
            "raise the backlog in the program's own configuration as well"},
       .false_positives = "programs that ask for exactly 128 or 4096",
       .kernel = "the default of net.core.somaxconn is 4096 since 5.4, 128 before; every network "
                 "namespace has its own",
       .commands = {"ss -ltn  # Send-Q is the backlog in force", "sysctl net.core.somaxconn"},
       .link = kManual,
       .needs = {"sockets", kSomaxconn},
       .parameters = {{"least_fill", 0.5, "share of backlog + 1",
                       "a limit matters where the queue comes near it"},
                      {"usual_somaxconn", 4096, "connections",
                       "below the kernel's default somebody has lowered it"}},
       .evaluate = &ListenBacklogCapped},
      {.number = "R04",
       .id = "reuseport-listener-skew",
       .title = "one of several listeners on a port does not accept",
       .symptom = "some clients time out although the port works for others",
       .cause = "with SO_REUSEPORT the kernel gives every listener its share of the connections; "
                "those of a worker that is stuck are lost",
       .fixes = {"restart the worker that is stuck",
                 "let workers share one listener, or steer with SO_ATTACH_REUSEPORT_EBPF"},
       .false_positives = "a worker that is being shut down",
       .kernel = "net.ipv4.tcp_migrate_req (5.14) helps when a listener closes, not when it hangs",
       .commands = {"ss -ltnp  # one line per listener: compare Recv-Q"},
       .link = "https://man7.org/linux/man-pages/man7/socket.7.html",
       .needs = {kOverflows, "sockets"},
       .parameters = {{"idle_fill", 0.1, "share of backlog + 1", "the others keep up"}},
       .evaluate = &ReuseportSkew},
  };
}

}  // namespace tcpfleet::controller
