// Tries that ended before the target had a say, or in an unusual way, and names that do not
// resolve.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "common/base/ip_address.h"
#include "controller/diagnose/finding.h"
#include "controller/probe/causes.h"

namespace tcpfleet::controller {
namespace {

// A neighbour that does not answer is given up after three requests, a second apart
// (net.ipv4.neigh.*.mcast_solicit, retrans_time_ms); a router says it sooner.
constexpr double kNeighbourGivenUpUs = 900e3;

bool IsIpv6(const ProbeEvidence& evidence) {
  return absl::StrContains(evidence.path.address(), ":");
}

const v1::ProbeTry* LastWith(const v1::ProbePath& path, absl::string_view outcome) {
  const v1::ProbeTry* last = nullptr;
  for (const v1::ProbeTry& one : path.single_tries()) {
    if (one.outcome() == std::string(outcome)) last = &one;
  }
  return last;
}

// Without a route the kernel chooses no source address.
bool HasSource(const v1::ProbeTry& one) {
  const auto local = base::ParseEndpoint(one.local());
  if (!local.ok()) return false;
  const std::string address = local->address.ToString();
  return address != "0.0.0.0" && address != "::";
}

ProbeVerdict JudgeUnreachable(const ProbeEvidence& evidence) {
  const std::string& address = evidence.path.address();
  const v1::ProbeTry* const last = LastWith(evidence.path, "unreachable");
  ProbeVerdict verdict;
  if (last != nullptr && !HasSource(*last)) {
    verdict.is_certain = true;
    verdict.cause = absl::StrCat("this host has no route to ", address);
    verdict.fixes = {absl::StrCat("ip route get ", address, "  # then: ip route, ip address")};
    if (IsIpv6(evidence)) {
      verdict.fixes.emplace_back(
          "without IPv6 here, `tcpfleet probe -4` leaves such addresses out");
    }
    return verdict;
  }
  if (last != nullptr && last->duration_us() >= kNeighbourGivenUpUs) {
    verdict.cause = absl::StrCat("nobody answers to the ", IsIpv6(evidence) ? "NDP" : "ARP",
                                 " requests for ", address,
                                 " or for the next hop to it: the host is down or on another "
                                 "network, or a router on the way finds it so");
    verdict.fixes = {
        absl::StrCat("ip route get ", address, "; ip neighbour  # is the next hop FAILED?")};
  } else {
    verdict.cause = absl::StrCat("a router or a firewall says that ", address,
                                 " cannot be reached (ICMP), or the route to it is a rejection");
    verdict.fixes = {absl::StrCat("ip route get ", address, "; traceroute ", address)};
  }
  if (evidence.target.names.size() == 1 && evidence.target.observed != nullptr) {
    absl::StrAppend(&verdict.cause, "; ", TargetHostText(evidence),
                    " has that address and is up, so it is the way there");
  }
  return verdict;
}

ProbeVerdict JudgeLocalPort(const ProbeEvidence& evidence) {
  ProbeVerdict verdict;
  verdict.fixes = {"`tcpfleet diagnose --rules R10`",
                   "keep connections open instead of one for each request; "
                   "`tcpfleet sysctl plan --set net.ipv4.ip_local_port_range=\"1024 65535\"`"};
  const auto sockets = evidence.own == nullptr
                           ? absl::StatusOr<const v1::SocketSummary*>(absl::UnavailableError(""))
                           : evidence.own->Sockets();
  if (sockets.ok()) {
    for (const v1::PortUse& use : (*sockets)->port_use()) {
      if (use.peer_address() != evidence.path.address() || use.peer_port() != evidence.port) {
        continue;
      }
      verdict.is_certain = use.used() >= use.usable();
      verdict.cause = absl::StrCat("this host uses ", use.used(), " of its ", use.usable(),
                                   " ports for connections to ", TargetText(evidence), ", ",
                                   use.time_wait(), " of them in TIME_WAIT");
      return verdict;
    }
  }
  verdict.cause =
      absl::StrCat("this host has no free port for a connection to ", TargetText(evidence),
                   IsIpv6(evidence) ? ", or no IPv6 address to use for it" : "");
  return verdict;
}

ProbeVerdict JudgeReset(const ProbeEvidence& evidence) {
  ProbeVerdict verdict;
  verdict.cause = absl::StrCat(
      "the handshake with ", TargetText(evidence),
      " was reset: a firewall or a load balancer on the way closes it, or the program stopped "
      "listening");
  verdict.fixes = {absl::StrCat("tcpdump -ni any 'host ", evidence.path.address(), " and tcp port ",
                                evidence.port, "'  # on both hosts: who sends the RST?"),
                   "`tcpfleet diagnose --rules R09` on both hosts"};
  return verdict;
}

bool IsForbidden(absl::string_view outcome) {
  return outcome == "policy" || outcome == "EPERM" || outcome == "EACCES";
}

}  // namespace

ProbeVerdict JudgeOtherFailure(const ProbeEvidence& evidence, absl::string_view outcome) {
  if (outcome == "unreachable") return JudgeUnreachable(evidence);
  if (outcome == "localPort") return JudgeLocalPort(evidence);
  if (outcome == "reset") return JudgeReset(evidence);
  ProbeVerdict verdict;
  if (outcome == "localFd") {
    verdict.is_certain = true;
    verdict.cause = "the agent of this host, or the host, may open no more files";
    verdict.fixes = {"LimitNOFILE= in the unit of tcpfleet-agent",
                     "`tcpfleet diagnose --rules R33,R45`"};
  } else if (IsForbidden(outcome)) {
    verdict.is_certain = true;
    verdict.cause = absl::StrCat(
        "a firewall or a security policy of this host forbids the "
        "connection to ",
        TargetText(evidence));
    verdict.fixes = {"nft list ruleset, iptables -S OUTPUT; dmesg, ausearch -m avc"};
  } else {
    verdict.cause = absl::StrCat("connect() failed with ", outcome);
    verdict.fixes = {"man 2 connect; man 7 tcp"};
  }
  return verdict;
}

ProbeVerdict JudgeUnresolved(const ProbeEvidence& evidence) {
  const std::string& error = evidence.path.resolution_error();
  ProbeVerdict verdict;
  verdict.is_certain = true;
  // Texts of gai_strerror(3).
  if (absl::StrContains(error, "Temporary failure") || absl::StrContains(error, "try again")) {
    verdict.cause = absl::StrCat("the name servers of this host do not answer (", error, ")");
    verdict.fixes = {"cat /etc/resolv.conf; resolvectl status  # are its servers reachable?"};
  } else if (absl::StrContains(error, "Name or service not known") ||
             absl::StrContains(error, "No address associated")) {
    verdict.cause = absl::StrCat(
        "the name servers and /etc/hosts of this host do not have the "
        "name (",
        error, ")");
    verdict.fixes = {"getent ahosts NAME; cat /etc/nsswitch.conf /etc/resolv.conf"};
  } else {
    verdict.cause = absl::StrCat("the name does not resolve here: ", error);
    verdict.fixes = {"getent ahosts NAME"};
  }
  if (evidence.others_connected > 0) {
    absl::StrAppend(&verdict.cause, "; other hosts resolve it");
    verdict.fixes.emplace_back("compare /etc/resolv.conf and /etc/hosts with a host that does");
  }
  return verdict;
}

}  // namespace tcpfleet::controller
