#include "controller/audit/sysctl_readings.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/sysctl/key.h"
#include "controller/fleet/collect.h"

namespace tcpfleet::controller {
namespace {

absl::Status Take(v1::ReadSysctlsResponse part, SysctlReading& reading) {
  for (v1::Sysctl& sysctl : *part.mutable_sysctls()) {
    const absl::StatusOr<std::string> key = sysctl::ParseKey(sysctl.key());
    if (!key.ok() || *key != sysctl.key() ||
        (!reading.sysctls.empty() && reading.sysctls.back().key() >= *key)) {
      return absl::DataLossError(
          absl::StrCat("sent '", sysctl.key(), "' where a key in its order was due"));
    }
    reading.sysctls.push_back(std::move(sysctl));
  }
  for (v1::SysctlFileProblem& problem : *part.mutable_problems()) {
    reading.problems.push_back(std::move(problem));
  }
  for (std::string& pattern : *part.mutable_unmatched()) {
    reading.unmatched.push_back(std::move(pattern));
  }
  reading.dropped += part.dropped();
  return absl::OkStatus();
}

SysctlReading ToReading(Collected<v1::ReadSysctlsResponse> collected) {
  SysctlReading reading;
  reading.status = std::move(collected.status);
  for (v1::ReadSysctlsResponse& part : collected.messages) {
    if (const absl::Status taken = Take(std::move(part), reading); !taken.ok()) {
      reading.status = taken;
      break;
    }
  }
  return reading;
}

}  // namespace

std::vector<SysctlReading> ReadSysctls(Fleet& fleet, const v1::ReadSysctlsRequest& request,
                                       const std::stop_token& stop) {
  const auto start = [&](FleetMember& member, OnMessage<v1::ReadSysctlsResponse> on_message,
                         OnDone on_done) {
    return member.client->ReadSysctls(request, fleet.timeout(), std::move(on_message),
                                      std::move(on_done));
  };
  std::vector<SysctlReading> readings;
  for (auto& collected : CollectFromAgents<v1::ReadSysctlsResponse>(fleet, start, stop)) {
    readings.push_back(ToReading(std::move(collected)));
  }
  return readings;
}

}  // namespace tcpfleet::controller
