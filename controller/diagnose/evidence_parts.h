// What a collection of evidence is put together from: what to ask agents, and where answers go.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "controller/diagnose/collect.h"
#include "controller/fleet/snapshots.h"
#include "tcpfleet/v1/kernel.pb.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

v1::EvidenceBundle NewBundle(const base::Clock& clock);

v1::SnapshotKernelRequest KernelRequest(bool all_namespaces);
// In path form.
std::set<std::string> SysctlsOf(const RuleSelection& selection);
bool LooksUpPeers(const RuleSelection& selection);

// Of each host in each sample, so that all of them fit into memory.
int MostConnections(size_t hosts, int samples);

void AddMissing(v1::HostEvidence& evidence, const std::string& source, const absl::Status& status);
void AddSysctls(const std::vector<v1::ReadSysctlsResponse>& parts, v1::HostEvidence& evidence);
// Of a host that has a snapshot of the same time.
v1::SocketSample SampleOf(const AgentSnapshot& snapshot, const v1::HostEvidence& evidence,
                          int most);

}  // namespace tcpfleet::controller
