// Nobody answered the SYN, however often it was sent.
//
// Source: tcp_conn_request and tcp_v4_syn_recv_sock of net/ipv4: what a listener has no room for is
//         thrown away without an answer.
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "controller/diagnose/finding.h"
#include "controller/fleet/host_list.h"
#include "controller/probe/causes.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kOverflows = "TcpExt.ListenOverflows";
constexpr absl::string_view kDrops = "TcpExt.ListenDrops";
constexpr absl::string_view kQueueFullDrops = "TcpExt.TCPReqQFullDrop";
constexpr uint32_t kFirstResendMs = 1'000;  // RFC 6298

ProbeVerdict FullAcceptQueue(const ProbeEvidence& evidence, const v1::Listener& listener) {
  ProbeVerdict verdict;
  verdict.is_certain = true;
  verdict.cause =
      absl::StrCat("the accept queue of ", ListenerText(listener), " on ", TargetHostText(evidence),
                   " is full (", listener.accept_queue(), " of ", listener.backlog() + 1,
                   "): the program does not accept, so the kernel drops SYNs");
  if (const uint64_t lost = GrowthOf(evidence.target.observed, kOverflows); lost > 0) {
    absl::StrAppend(&verdict.cause, ", ", lost, " meanwhile");
  }
  verdict.fixes = {
      absl::StrCat("make ", OwnerText(listener.owner(), "the program"),
                   " accept faster: look for a blocked event loop, too few workers or \"Too many "
                   "open files\" (`tcpfleet diagnose --rules R01,R33`)"),
      "raise the backlog that it gives to listen(), and with it `tcpfleet sysctl plan --set "
      "net.core.somaxconn=8192`; then restart it"};
  return verdict;
}

ProbeVerdict QueueThatOverflowed(const ProbeEvidence& evidence,
                                 const std::vector<const v1::Listener*>& listeners, uint64_t lost) {
  ProbeVerdict verdict;
  verdict.cause = absl::StrCat("an accept queue of ", TargetHostText(evidence), " overflowed ",
                               lost, lost == 1 ? " time" : " times", " meanwhile");
  if (!listeners.empty()) {
    const v1::Listener& listener = *listeners.front();
    absl::StrAppend(&verdict.cause, "; that of ", ListenerText(listener), " has ",
                    listener.accept_queue(), " of ", listener.backlog() + 1, " now");
  }
  verdict.fixes = {"`tcpfleet diagnose --rules R01,R02,R03` names the listener while it happens"};
  return verdict;
}

ProbeVerdict FullSynQueue(const ProbeEvidence& evidence, uint64_t lost) {
  ProbeVerdict verdict;
  verdict.is_certain = true;
  verdict.cause = absl::StrCat("the SYN queue of a listener of ", TargetHostText(evidence),
                               " is full and SYN cookies are off: ", lost,
                               lost == 1 ? " SYN was" : " SYNs were", " dropped meanwhile");
  verdict.fixes = {"`tcpfleet sysctl plan --set net.ipv4.tcp_syncookies=1`",
                   "`tcpfleet diagnose --rules R05,R07` tells a flood from clients that do not "
                   "complete their handshakes"};
  return verdict;
}

ProbeVerdict AnswersAreLost(const ProbeEvidence& evidence, const v1::Listener& listener) {
  ProbeVerdict verdict;
  verdict.is_certain = true;
  verdict.cause = absl::StrCat(
      "SYNs reach ", TargetHostText(evidence), ", but handshakes with ", ListenerText(listener),
      " do not complete (", listener.syn_recv_retransmitted(),
      " of them repeat their SYN-ACK): its answers, or what is said to them, are lost");
  verdict.fixes = {
      absl::StrCat("compare both ways: ip route get on ", TargetHostText(evidence),
                   " towards the client; a firewall that sees only one way drops the other"),
      "`tcpfleet diagnose --rules R07`"};
  return verdict;
}

ProbeVerdict FullConntrack(const std::string& host) {
  ProbeVerdict verdict;
  verdict.is_certain = true;
  verdict.cause = absl::StrCat("the connection tracking of ", host,
                               " has no room and drops packets of new connections");
  verdict.fixes = {"`tcpfleet sysctl plan --set net.netfilter.nf_conntrack_max=1048576`",
                   "`tcpfleet diagnose --rules R39,R40`"};
  return verdict;
}

bool DropsOfConntrack(const HostObservation* host) {
  if (host == nullptr) return false;
  const absl::StatusOr<CounterChange> drops = host->ConntrackChange("drop");
  return drops.ok() && drops->delta() > 0;
}

// The host is alive and lost nothing itself.
ProbeVerdict LostOnTheWay(const ProbeEvidence& evidence, const ListenersOfPort& listeners) {
  const std::string host = TargetHostText(evidence);
  ProbeVerdict verdict;
  const bool is_partly = evidence.path.connected() > 0;
  verdict.is_certain =
      !is_partly && listeners.is_complete && evidence.target.observed->Change(kOverflows).ok();
  if (is_partly) {
    verdict.cause = absl::StrCat("packets are lost between this host and ", host,
                                 listeners.accepting.empty() ? "" : "; its listener has room");
  } else if (listeners.accepting.empty()) {
    verdict.cause = absl::StrCat("a firewall of ", host,
                                 " or on the way drops the packets: a host that gets them would "
                                 "refuse, as nothing listens on port ",
                                 evidence.port, " there");
  } else {
    const v1::Listener& listener = *listeners.accepting.front();
    verdict.cause = absl::StrCat("a firewall of ", host,
                                 " or on the way drops the packets: ", ListenerText(listener),
                                 " is there and its queue has room (", listener.accept_queue(),
                                 " of ", listener.backlog() + 1, ")");
  }
  if (evidence.others_connected > 0) {
    absl::StrAppend(&verdict.cause, "; other hosts connect");
  }
  verdict.fixes = {
      absl::StrCat("on ", host, ": nft list ruleset, iptables -S  # look for \"drop\""),
      absl::StrCat("on ", host, ": tcpdump -ni any 'tcp port ", evidence.port,
                   "'  # nothing arrives: look at what is on the way")};
  if (evidence.own != nullptr && is_partly) {
    verdict.fixes.emplace_back("`tcpfleet diagnose --rules R30,R31` on both hosts");
  }
  return verdict;
}

ProbeVerdict UnknownTarget(const ProbeEvidence& evidence) {
  const std::vector<std::string>& names = evidence.target.names;
  ProbeVerdict verdict;
  if (names.size() == 1 && !evidence.target.is_silent) {
    verdict.cause = absl::StrCat(
        TargetHostText(evidence), " has that address, but does not say what it does with SYNs (",
        WhyUnobserved(evidence), "): they are filtered, or an accept queue is full");
    verdict.fixes = {
        absl::StrCat("there: ss -ltn 'sport = :", evidence.port, "'  # Recv-Q above Send-Q: full"),
        "`tcpfleet explain connect-timeout`"};
    return verdict;
  }
  if (names.size() == 1) {
    verdict.cause = absl::StrCat(TargetHostText(evidence),
                                 " has that address and its agent says "
                                 "nothing either (",
                                 WhyUnobserved(evidence),
                                 "): the host is down, cut off, or does not get to it");
    verdict.fixes = {absl::StrCat("look whether ", names[0], " is up: ping, console, hypervisor")};
    return verdict;
  }
  if (evidence.others_connected > 0) {
    verdict.cause = absl::StrCat("a filter or a route between this host and ",
                                 evidence.path.address(), ": other hosts connect to it");
    verdict.fixes = {absl::StrCat("traceroute -T -p ", evidence.port, " ", evidence.path.address(),
                                  "  # from here and from one that works")};
  } else {
    verdict.cause = absl::StrCat(
        TargetText(evidence),
        " is filtered, dead, or its accept queue is full: from outside these look alike");
    verdict.fixes = {"`tcpfleet explain connect-timeout`"};
  }
  if (names.size() > 1) {
    absl::StrAppend(&verdict.cause, "; several hosts have that address: ", FoldNames(names));
  } else {
    verdict.fixes.emplace_back("run an agent on that host: it sees queues and drops");
  }
  return verdict;
}

// So short that a single lost SYN looks like a host that does not answer.
void AddPatience(const ProbeEvidence& evidence, ProbeVerdict& verdict) {
  if (evidence.connect_timeout_ms > kFirstResendMs) return;
  verdict.is_certain = false;
  verdict.fixes.insert(verdict.fixes.begin(),
                       "give it --connect-timeout 5s: a SYN that was lost is sent again after 1 s");
}

}  // namespace

std::optional<ProbeVerdict> JudgeLossAtTarget(const ProbeEvidence& evidence) {
  const std::optional<ListenersOfPort> listeners = ListenersFor(evidence);
  if (!listeners) return std::nullopt;
  const HostObservation* const host = evidence.target.observed;
  for (const v1::Listener* one : listeners->accepting) {
    if (IsQueueFull(*one)) return FullAcceptQueue(evidence, *one);
  }
  if (const uint64_t lost = GrowthOf(host, kQueueFullDrops); lost > 0) {
    return FullSynQueue(evidence, lost);
  }
  const uint64_t overflows = GrowthOf(host, kOverflows);
  if (overflows > 0) return QueueThatOverflowed(evidence, listeners->accepting, overflows);
  if (DropsOfConntrack(host)) return FullConntrack(TargetHostText(evidence));
  for (const v1::Listener* one : listeners->accepting) {
    if (one->syn_recv_retransmitted() > 0) return AnswersAreLost(evidence, *one);
  }
  if (const uint64_t lost = GrowthOf(host, kDrops); lost > 0) {
    ProbeVerdict verdict;
    verdict.cause =
        absl::StrCat(TargetHostText(evidence), " dropped ", lost, lost == 1 ? " SYN" : " SYNs",
                     " meanwhile, and not for want of room in a queue");
    verdict.fixes = {"there: dmesg, nstat -az TcpExtListenDrops  # memory, security modules"};
    return verdict;
  }
  return std::nullopt;
}

ProbeVerdict JudgeTimeout(const ProbeEvidence& evidence) {
  ProbeVerdict verdict;
  const std::optional<ListenersOfPort> listeners = ListenersFor(evidence);
  if (const std::optional<ProbeVerdict> lost = JudgeLossAtTarget(evidence)) {
    return *lost;
  }
  if (DropsOfConntrack(evidence.own)) return FullConntrack("this host");
  verdict = listeners ? LostOnTheWay(evidence, *listeners) : UnknownTarget(evidence);
  AddPatience(evidence, verdict);
  return verdict;
}

}  // namespace tcpfleet::controller
