#include "controller/audit/hosts.h"

#include <algorithm>
#include <utility>

#include "controller/audit/modules.h"
#include "controller/audit/sysctl_cache.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/fan_out.h"

namespace tcpfleet::controller {
namespace {

constexpr char kBootId[] = "kernel/random/boot_id";

// Asks those who they are of whom it is not known.
void Describe(Fleet& fleet, std::vector<SysctlReading>& readings, const std::stop_token& stop) {
  std::vector<size_t> unknown;
  for (size_t i = 0; i < readings.size(); ++i) {
    if (readings[i].status.ok() && !readings[i].facts) unknown.push_back(i);
  }
  std::vector<absl::StatusOr<v1::DescribeResponse>> answers(
      unknown.size(), absl::StatusOr<v1::DescribeResponse>(absl::CancelledError("interrupted")));
  FanOut(
      unknown.size(), fleet.parallel(),
      [&](size_t index, Done done) {
        fleet.members()[unknown[index]].client->Describe(
            fleet.timeout(),
            [&answers, index, done = std::move(done)](absl::StatusOr<v1::DescribeResponse> host) {
              answers[index] = std::move(host);
              done();
            });
      },
      stop);
  for (size_t i = 0; i < unknown.size(); ++i) {
    SysctlReading& reading = readings[unknown[i]];
    if (answers[i].ok()) {
      reading.facts = HostFacts{.kernel = answers[i]->kernel(),
                                .memory_bytes = answers[i]->memory_bytes(),
                                .labels = {},
                                .boot_id = answers[i]->boot_id()};
    } else {
      reading.status = answers[i].status();
    }
  }
}

}  // namespace

HostReadings ReadHosts(Fleet& fleet, std::vector<std::string> patterns,
                       const std::string& cache_directory, const std::stop_token& stop) {
  const bool wants_boot_id = std::find(patterns.begin(), patterns.end(), kBootId) != patterns.end();
  if (!wants_boot_id) patterns.emplace_back(kBootId);
  v1::ReadSysctlsRequest request;
  request.set_persisted(true);
  *request.mutable_patterns() = {patterns.begin(), patterns.end()};
  SysctlCache cache(cache_directory, request);
  HostReadings result{
      .readings = ReadSysctls(fleet, request, stop, &cache), .hosts = {}, .failures = {}};
  std::vector<bool> was_known;
  for (const SysctlReading& reading : result.readings) {
    was_known.push_back(reading.facts.has_value());
  }
  Describe(fleet, result.readings, stop);
  for (size_t i = 0; i < result.readings.size(); ++i) {
    const AgentTarget& target = fleet.members()[i].target;
    SysctlReading& reading = result.readings[i];
    if (!reading.status.ok()) {
      *result.failures.Add() = DescribeFailure(target, reading.status);
      continue;
    }
    if (!was_known[i] && reading.sysctls.Find(kBootId) != nullptr) {
      cache.Put(target.address, reading);
    }
    if (!wants_boot_id) reading.sysctls.Remove(kBootId);
    AuditedHost& host = result.hosts.emplace_back();
    host.name = target.name;
    host.facts = *reading.facts;
    host.facts.labels = target.labels;
    host.facts.modules = LoadedModules(reading.sysctls);
    host.reading = &reading;
  }
  return result;
}

}  // namespace tcpfleet::controller
