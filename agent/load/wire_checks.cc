#include "agent/load/wire_checks.h"

#include <absl/strings/str_cat.h>

#include "agent/load/server_behavior.h"
#include "agent/load/workloads/http_request.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

using Spec = v1::StressSpec;

absl::Status CheckRequests(const Spec& spec) {
  const bool is_foreign =
      spec.has_http() || !spec.request().empty() || !spec.response_delimiter().empty();
  if (!is_foreign) return absl::OkStatus();
  if (spec.workload() != Spec::WORKLOAD_CRR && spec.workload() != Spec::WORKLOAD_RR) {
    return absl::InvalidArgumentError("http, request and response_delimiter belong to crr and rr");
  }
  if (spec.role() == Spec::ROLE_SERVER) {
    return absl::InvalidArgumentError(
        "http, request and response_delimiter are for other servers: ours answers every "
        "request_bytes with response_bytes");
  }
  if (spec.response_delimiter().size() > kMostDelimiterBytes) {
    return absl::InvalidArgumentError(absl::StrCat("response_delimiter has ",
                                                   spec.response_delimiter().size(),
                                                   " bytes, at most ", kMostDelimiterBytes));
  }
  if (!spec.has_http()) return absl::OkStatus();
  if (!spec.request().empty() || !spec.response_delimiter().empty()) {
    return absl::InvalidArgumentError(
        "http makes the request and finds the end of responses: leave out request and "
        "response_delimiter");
  }
  return CheckHttpRequest(spec.http());
}

absl::Status CheckStream(const Spec& spec) {
  if (spec.workload() != Spec::WORKLOAD_STREAM) {
    if (spec.direction() == Spec::DIRECTION_UNSPECIFIED && spec.write_bytes() == 0) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError("direction and write_bytes belong to stream");
  }
  if (spec.direction() == Spec::DIRECTION_UNSPECIFIED ||
      !Spec::Direction_IsValid(spec.direction())) {
    return absl::InvalidArgumentError(
        absl::StrCat("direction ", spec.direction(),
                     " is not known to this agent; it knows send (1), receive (2) and both (3)"));
  }
  if (spec.write_bytes() <= kMostWriteBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("write_bytes is ", spec.write_bytes(), ", it must be 0 to ", kMostWriteBytes));
}

}  // namespace

absl::Status CheckWire(const Spec& spec) {
  TF_RETURN_IF_ERROR(CheckRequests(spec));
  TF_RETURN_IF_ERROR(CheckStream(spec));
  return spec.role() == Spec::ROLE_SERVER ? CheckServerBehavior(spec) : absl::OkStatus();
}

}  // namespace tcpfleet::agent
