#include "controller/probe/judge.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/ip_address.h"
#include "controller/diagnose/finding.h"
#include "controller/probe/causes.h"

namespace tcpfleet::controller {
namespace {

// Wildcards take what comes to any address, "::" also IPv4 unless the program has forbidden it.
bool Takes(const v1::Listener& listener, const base::IpAddress& address) {
  const absl::StatusOr<base::IpAddress> bound = base::IpAddress::Parse(listener.address());
  if (!bound.ok()) return false;
  const std::string text = bound->ToString();
  if (text == "::") return true;
  if (text == "0.0.0.0") return address.is_v4();
  return bound->Unmapped() == address;
}

std::string MostFrequent(const v1::ProbePath& path) {
  std::pair<uint32_t, std::string> most;
  for (const auto& [outcome, tries] : path.failed()) {
    // Of equals the same one, in whatever order the map has them.
    if (most.second.empty() || tries > most.first ||
        (tries == most.first && outcome < most.second)) {
      most = {tries, outcome};
    }
  }
  return most.second;
}

ProbeVerdict JudgeFailed(const ProbeEvidence& evidence, const std::string& outcome) {
  if (outcome == "refused") return JudgeRefused(evidence);
  if (outcome == "timeout") return JudgeTimeout(evidence);
  return JudgeOtherFailure(evidence, outcome);
}

}  // namespace

std::string TargetText(const ProbeEvidence& evidence) {
  return EndpointText(evidence.path.address(), evidence.port);
}

std::string TargetHostText(const ProbeEvidence& evidence) {
  return evidence.target.is_own ? "this host" : evidence.target.names.front();
}

std::string WhyUnobserved(const ProbeEvidence& evidence) {
  if (evidence.target.observed == nullptr) return evidence.target.unobserved;
  return std::string(evidence.target.observed->Sockets().status().message());
}

std::optional<ListenersOfPort> ListenersFor(const ProbeEvidence& evidence) {
  const HostObservation* const host = evidence.target.observed;
  const auto address = base::IpAddress::Parse(evidence.path.address());
  if (host == nullptr || !address.ok()) return std::nullopt;
  const auto listeners = host->Listeners();
  if (!listeners.ok()) return std::nullopt;
  ListenersOfPort found;
  std::vector<const v1::Listener*> nearby;
  for (const ListenerHistory& history : *listeners) {
    const v1::Listener* const listener = history.samples.back();
    if (listener == nullptr) continue;
    if (listener->port() != evidence.port) {
      nearby.push_back(listener);
    } else if (Takes(*listener, address->Unmapped())) {
      found.accepting.push_back(listener);
    } else {
      found.other.push_back(listener);
    }
  }
  const auto distance = [&](const v1::Listener* one) {
    return one->port() > evidence.port ? one->port() - evidence.port : evidence.port - one->port();
  };
  std::stable_sort(nearby.begin(), nearby.end(),
                   [&](const auto* a, const auto* b) { return distance(a) < distance(b); });
  for (const v1::Listener* one : nearby) {
    const std::string text = ListenerText(*one);
    if (found.nearby.size() < kNearbyListeners &&
        std::find(found.nearby.begin(), found.nearby.end(), text) == found.nearby.end()) {
      found.nearby.push_back(text);
    }
  }
  found.is_complete = host->ListenersComplete().ok() && !(*host->Sockets())->gap();
  return found;
}

bool IsQueueFull(const v1::Listener& listener) {
  return listener.accept_queue() > listener.backlog();
}

uint64_t GrowthOf(const HostObservation* host, absl::string_view counter) {
  if (host == nullptr) return 0;
  const absl::StatusOr<CounterChange> change = host->Change(counter);
  return change.ok() ? change->delta() : 0;
}

ProbeVerdict JudgePath(const ProbeEvidence& evidence) {
  if (evidence.path.address().empty()) return JudgeUnresolved(evidence);
  const std::string outcome = MostFrequent(evidence.path);
  ProbeVerdict verdict =
      outcome.empty() ? JudgeConnected(evidence) : JudgeFailed(evidence, outcome);
  if (evidence.path.connected() == 0 && !outcome.empty() && evidence.siblings_connected > 0) {
    verdict.fixes.push_back(
        "other addresses of the name work: take this one out of DNS until it "
        "does, or let clients try the next one");
  }
  return verdict;
}

}  // namespace tcpfleet::controller
