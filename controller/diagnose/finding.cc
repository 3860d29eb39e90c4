#include "controller/diagnose/finding.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <utility>

#include "controller/diagnose/program_name.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kUnknownOwner = "an unknown process";

}  // namespace

v1::Finding NewFinding(FindingSeverity severity, std::string subject) {
  v1::Finding finding;
  finding.set_severity(std::string(FindingSeverityName(severity)));
  finding.set_subject(std::move(subject));
  finding.set_confidence("high");
  return finding;
}

void AddChange(v1::Finding& finding, const CounterChange& change, absl::string_view unit,
               std::optional<double> threshold) {
  v1::FindingEvidence& evidence = *finding.add_evidence();
  evidence.set_source(change.source);
  evidence.set_name(change.name);
  evidence.set_before(static_cast<double>(change.before));
  evidence.set_after(static_cast<double>(change.after));
  evidence.set_per_second(change.per_second());
  if (threshold) evidence.set_threshold(*threshold);
  evidence.set_unit(std::string(unit));
}

void AddNumber(v1::Finding& finding, absl::string_view source, absl::string_view name, double value,
               absl::string_view unit, std::optional<double> threshold) {
  v1::FindingEvidence& evidence = *finding.add_evidence();
  evidence.set_source(std::string(source));
  evidence.set_name(std::string(name));
  evidence.set_after(value);
  if (threshold) evidence.set_threshold(*threshold);
  evidence.set_unit(std::string(unit));
}

void AddSocket(v1::Finding& finding, const v1::ConnectionRecord& connection) {
  if (finding.sockets_size() >= kMostProvingSockets) return;
  *finding.add_sockets()->mutable_connection() = connection;
}

void SetHost(const HostObservation& host, v1::Finding& finding) {
  finding.add_hosts(host.name());
  for (v1::FindingEvidence& evidence : *finding.mutable_evidence()) evidence.set_host(host.name());
  for (v1::ProvingSocket& socket : *finding.mutable_sockets()) socket.set_host(host.name());
  if (host.is_own()) return;
  finding.set_subject(
      absl::StrCat(host.NamespaceName(), finding.subject().empty() ? "" : ": ", finding.subject()));
}

Findings UnlessIncomplete(std::vector<v1::Finding> findings, const absl::Status& complete) {
  if (findings.empty() && !complete.ok()) return complete;
  return findings;
}

std::string OwnerText(const v1::SocketOwner& owner, absl::string_view when_unknown) {
  if (owner.pid() == 0) return std::string(when_unknown);
  return absl::StrFormat("%s[%d]", ProgramName(owner.comm(), owner.command_line()), owner.pid());
}

std::string OwnerText(const v1::ConnectionRecord& connection) {
  if (!connection.has_pid()) return std::string(kUnknownOwner);
  return absl::StrFormat("%s[%d]", ProgramName(connection.process(), connection.command()),
                         connection.pid());
}

std::string EndpointText(absl::string_view address, uint32_t port) {
  const bool is_v6 = absl::StrContains(address, ":");
  return absl::StrCat(is_v6 ? "[" : "", address, is_v6 ? "]:" : ":", port);
}

std::string ListenerText(const v1::Listener& listener) {
  const std::string endpoint = EndpointText(listener.address(), listener.port());
  if (listener.owner().pid() == 0) return endpoint;
  return absl::StrCat(endpoint, " ", OwnerText(listener.owner()));
}

std::string ListenerText(const ListenerHistory& history) {
  const v1::Listener* named = history.last;
  for (const v1::Listener* one : history.samples) {
    if (one != nullptr && one->owner().pid() != 0) named = one;
  }
  return ListenerText(*named);
}

}  // namespace tcpfleet::controller
