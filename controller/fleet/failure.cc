#include "controller/fleet/failure.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <absl/strings/strip.h>

#include <map>
#include <utility>

#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kUnreachable = "unreachable";
constexpr absl::string_view kIncompatible = "incompatible";

struct Symptom {
  absl::string_view text;  // in gRPC's message, which is the only place that says it
  absl::string_view kind;
  absl::string_view cause;
};

// The first that matches decides. Source: messages of gRPC 1.51, src/core/lib/iomgr and
// ext/transport.
constexpr Symptom kSymptoms[] = {
    {"Connection refused", kUnreachable, "connection refused: is tcpfleet-agent running there"},
    {"No such file or directory", kUnreachable,
     "no such socket: is tcpfleet-agent running with this --listen"},
    {"Permission denied", kUnreachable,
     "permission denied: may this user open the agent's socket?"},
    {"DNS resolution failed", kUnreachable, "the host name does not resolve"},
    {"No route to host", kUnreachable, "no route to host"},
    {"Network is unreachable", kUnreachable, "network is unreachable"},
    {"Connection timed out", kUnreachable, "the connection timed out: is a firewall in between?"},
    {"andshake failed", kUnreachable,
     "the TLS handshake failed: the agent may not use TLS, or its certificate is not of --tls-ca"},
    {"http1.x server", kIncompatible, "a web server answered: not a tcpfleet agent"},
    {"http2 header with status", kIncompatible, "a web server answered: not a tcpfleet agent"},
    {"parsing HTTP/2", kIncompatible, "what answered speaks no gRPC: not a tcpfleet agent"},
    {"Socket closed", kUnreachable,
     "the connection was closed at once: the agent may want TLS with a certificate it trusts "
     "(--tls-ca --tls-cert --tls-key), or is no tcpfleet agent"},
    {"Connection reset by peer", kUnreachable,
     "the connection was reset at once: the agent may want TLS with a certificate it trusts "
     "(--tls-ca --tls-cert --tls-key), or is no tcpfleet agent"},
};

// One line without gRPC's wrapping.
std::string Plain(absl::string_view message) {
  const absl::string_view wrapping = "last error: ";
  if (const size_t at = message.rfind(wrapping); at != absl::string_view::npos) {
    message.remove_prefix(at + wrapping.size());
  }
  for (const absl::string_view code : {"UNKNOWN: ", "UNAVAILABLE: ", "INTERNAL: "}) {
    absl::ConsumePrefix(&message, code);
  }
  std::string line = absl::StrReplaceAll(message, {{"\n", "; "}, {"\r", ""}, {"\t", " "}});
  absl::StripAsciiWhitespace(&line);
  return line.empty() ? "no reason given" : line;
}

// "on port 7117?" belongs to the question whether an agent listens there.
std::string Question(const AgentTarget& target, absl::string_view cause) {
  if (absl::EndsWith(cause, "running there")) {
    if (absl::StartsWith(target.address, "unix:")) return absl::StrCat(cause, "?");
    return absl::StrCat(cause, " on port ", target.address.substr(target.address.rfind(':') + 1),
                        "?");
  }
  if (absl::EndsWith(cause, "--listen")) return absl::StrCat(cause, " ", target.address, "?");
  return std::string(cause);
}

using KindAndCause = std::pair<absl::string_view, std::string>;

KindAndCause ExplainBroken(const AgentTarget& target, const absl::Status& status, CallPhase phase) {
  if (phase == CallPhase::kUnderWay) {
    return {"died", absl::StrCat("the connection broke: ", Plain(status.message()))};
  }
  for (const Symptom& symptom : kSymptoms) {
    if (absl::StrContains(status.message(), symptom.text)) {
      return {symptom.kind, Question(target, symptom.cause)};
    }
  }
  return {kUnreachable, Plain(status.message())};
}

KindAndCause Explain(const AgentTarget& target, const absl::Status& status, CallPhase phase) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return ExplainBroken(target, status, phase);
    case absl::StatusCode::kDeadlineExceeded:
      return {"silent",
              "no answer in time: host down, a firewall in between, or overloaded (--timeout "
              "waits longer)"};
    case absl::StatusCode::kUnimplemented:
      if (absl::StrContains(status.message(), "http2 header with status")) {
        return ExplainBroken(target, status, CallPhase::kFirstAnswer);
      }
      return {kIncompatible, absl::StrCat("no tcpfleet agent, or one of another version: ",
                                          Plain(status.message()))};
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return {"refused", Plain(status.message())};
    case absl::StatusCode::kCancelled:
      return {"failed", "interrupted before it had finished"};
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown: {
      // A peer that is no gRPC server breaks the protocol instead of the connection.
      KindAndCause broken = ExplainBroken(target, status, CallPhase::kFirstAnswer);
      if (phase == CallPhase::kFirstAnswer && broken.first == kIncompatible) return broken;
      return {"failed", Plain(status.message())};
    }
    default:
      return {"failed", Plain(status.message())};
  }
}

}  // namespace

v1::AgentFailure DescribeFailure(const AgentTarget& target, const absl::Status& status,
                                 CallPhase phase) {
  const auto [kind, cause] = Explain(target, status, phase);
  v1::AgentFailure failure;
  failure.set_name(target.name);
  failure.set_address(target.address);
  failure.set_kind(std::string(kind));
  failure.set_cause(cause);
  return failure;
}

std::vector<std::string> FailureLines(absl::Span<const v1::AgentFailure> failures) {
  std::vector<std::string> causes;  // in order of first appearance
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::AgentFailure& failure : failures) {
    const std::string cause = absl::StrCat(failure.kind(), ": ", failure.cause());
    std::vector<std::string>& same = names[cause];
    if (same.empty()) causes.push_back(cause);
    same.push_back(failure.name());
  }
  std::vector<std::string> lines;
  for (const std::string& cause : causes) {
    lines.push_back(absl::StrCat(FoldNames(names[cause]), ": ", cause));
  }
  return lines;
}

}  // namespace tcpfleet::controller
