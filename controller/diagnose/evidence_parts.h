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

// Everything that the rules may look at, connections as well, but no owners.
v1::SnapshotKernelRequest KernelRequest(const RuleSelection& selection, bool all_namespaces,
                                        int most_connections);
// In path form.
std::set<std::string> SysctlsOf(const RuleSelection& selection);
bool LooksUpPeers(const RuleSelection& selection);

// Of each host in each sample, so that all of them fit into memory.
int MostConnections(size_t hosts, int samples);

void AddMissing(v1::HostEvidence& evidence, const std::string& source, const absl::Status& status);
void AddSysctls(const std::vector<v1::ReadSysctlsResponse>& parts, v1::HostEvidence& evidence);
// Of the last snapshot; what could not be read is missing.
void AddConnections(const AgentSnapshot& connections, int most, v1::HostEvidence& evidence);

}  // namespace tcpfleet::controller
