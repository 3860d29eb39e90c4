// Somebody answered the SYN with a reset.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include "common/base/ip_address.h"
#include "controller/diagnose/finding.h"
#include "controller/fleet/host_list.h"
#include "controller/probe/causes.h"

namespace tcpfleet::controller {
namespace {

std::string LookAtListeners(const ProbeEvidence& evidence) {
  return absl::StrCat("there: ss -ltnp 'sport = :", evidence.port,
                      "'  # nothing: start the service");
}

constexpr absl::string_view kLookAtFirewall =
    "there: nft list ruleset, iptables -S  # look for \"reject\"";

ProbeVerdict RefusedByUnknown(const ProbeEvidence& evidence) {
  const std::vector<std::string>& names = evidence.target.names;
  ProbeVerdict verdict;
  verdict.cause = absl::StrCat("nothing listens on ", TargetText(evidence),
                               ", or a firewall rejects connections to it");
  if (names.empty()) {
    absl::StrAppend(&verdict.cause, "; no agent is known to be on that host");
  } else if (names.size() > 1) {
    absl::StrAppend(&verdict.cause, "; which host was asked is not known: ", FoldNames(names),
                    " have that address");
  } else {
    absl::StrAppend(&verdict.cause, "; ", TargetHostText(evidence),
                    " has that address, but does not say what listens there (",
                    WhyUnobserved(evidence), ")");
  }
  verdict.fixes = {LookAtListeners(evidence), std::string(kLookAtFirewall)};
  return verdict;
}

bool IsLoopbackOnly(const std::vector<const v1::Listener*>& listeners) {
  for (const v1::Listener* one : listeners) {
    const auto address = base::IpAddress::Parse(one->address());
    if (!address.ok() || !address->IsLoopback()) return false;
  }
  return true;
}

ProbeVerdict ListensElsewhere(const ProbeEvidence& evidence, const ListenersOfPort& listeners) {
  std::vector<std::string> texts;
  bool is_other_family = true;
  for (const v1::Listener* one : listeners.other) {
    texts.push_back(ListenerText(*one));
    is_other_family = is_other_family && one->address() == "0.0.0.0";
  }
  ProbeVerdict verdict;
  verdict.is_certain = true;
  verdict.cause = absl::StrCat("port ", evidence.port, " of ", TargetHostText(evidence),
                               " is listened on only at ", absl::StrJoin(texts, ", "));
  if (is_other_family) {
    absl::StrAppend(&verdict.cause, ", so not over IPv6");
    verdict.fixes = {absl::StrCat("let the program listen on [::]:", evidence.port),
                     "or leave the IPv6 address out of DNS; `tcpfleet probe -4` tries IPv4 only"};
    return verdict;
  }
  if (IsLoopbackOnly(listeners.other)) {
    absl::StrAppend(&verdict.cause, ", so only programs on the same host reach it");
  }
  verdict.fixes = {absl::StrCat("let the program listen on ", TargetText(evidence),
                                " or on all addresses, and restart it")};
  return verdict;
}

ProbeVerdict NothingListens(const ProbeEvidence& evidence, const ListenersOfPort& listeners) {
  const std::string host = TargetHostText(evidence);
  ProbeVerdict verdict;
  verdict.is_certain = listeners.is_complete;
  verdict.cause = absl::StrCat("nothing listens on port ", evidence.port, " of ", host);
  absl::StrAppend(&verdict.cause, "; ",
                  listeners.nearby.empty()
                      ? "nothing listens on other ports either"
                      : absl::StrCat("there is ", absl::StrJoin(listeners.nearby, ", ")));
  if (!listeners.is_complete) absl::StrAppend(&verdict.cause, "; its list has gaps");
  verdict.fixes = {
      absl::StrCat("start the service on ", host, ", or use the port that it listens on"),
      "a port that a container runtime forwards is listened on inside the container: look there"};
  return verdict;
}

// The kernel of the target refuses nothing that a listener takes.
ProbeVerdict RejectedOnTheWay(const ProbeEvidence& evidence, const v1::Listener& listener) {
  ProbeVerdict verdict;
  verdict.cause = absl::StrCat(ListenerText(listener), " listens on ", TargetHostText(evidence));
  const auto address = base::IpAddress::Parse(evidence.path.address());
  if (listener.address() == "::" && address.ok() && address->Unmapped().is_v4()) {
    absl::StrAppend(&verdict.cause, ", maybe for IPv6 only (IPV6_V6ONLY)");
    verdict.fixes.push_back(
        absl::StrCat("let the program listen on 0.0.0.0:", evidence.port, " too"));
  }
  absl::StrAppend(
      &verdict.cause,
      evidence.path.connected() > 0 ? ", not all the time: it was started anew, or " : ", so ",
      "a firewall there or on the way rejects the connection");
  verdict.fixes.emplace_back(kLookAtFirewall);
  verdict.fixes.emplace_back(
      "a load balancer or a container runtime in front of it may have nothing behind it");
  return verdict;
}

}  // namespace

ProbeVerdict JudgeRefused(const ProbeEvidence& evidence) {
  const std::optional<ListenersOfPort> listeners = ListenersFor(evidence);
  if (!listeners) return RefusedByUnknown(evidence);
  if (!listeners->accepting.empty()) return RejectedOnTheWay(evidence, *listeners->accepting[0]);
  if (!listeners->other.empty()) return ListensElsewhere(evidence, *listeners);
  return NothingListens(evidence, *listeners);
}

}  // namespace tcpfleet::controller
