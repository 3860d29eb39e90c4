// Evidence for tests of rules: a healthy host that answers everything rules ask for, to be made ill
// by a test.
#pragma once

#include <absl/strings/string_view.h>

#include <cstdint>
#include <string>
#include <vector>

#include "controller/diagnose/rules.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::tests {

inline constexpr int kSnapshots = 5;  // 2.5 s apart: a window of 10 s
inline constexpr uint64_t kNamespace = 4026531840;

// Some load and nothing wrong: every counter that any rule needs or is helped by, levels, sysctls
// at their defaults, one listener with an empty queue, a pool, host statistics, tables with room.
v1::HostEvidence HealthyHost(const std::string& name = "web1");

v1::NamespaceStatistics& NamespaceIn(v1::HostEvidence& evidence, int snapshot);

// The counter grows evenly by `delta` over the window, from what it is.
void Grow(v1::HostEvidence& evidence, absl::string_view counter, uint64_t delta);
void SetLevel(v1::HostEvidence& evidence, absl::string_view level, int64_t value);
void SetSysctl(v1::HostEvidence& evidence, absl::string_view key, absl::string_view value);

// In every snapshot, from `first` on.
v1::Listener Listener(uint32_t port, uint32_t accept_queue, uint32_t backlog,
                      absl::string_view comm = "nginx", uint32_t pid = 812);
void AddListener(v1::HostEvidence& evidence, const v1::Listener& listener, int first = 0);

// In every socket sample; its numbers do not change.
v1::ConnectionRecord Connection(absl::string_view state, absl::string_view local,
                                absl::string_view peer);
void AddConnection(v1::HostEvidence& evidence, v1::ConnectionRecord connection);

// As of a host where looking costs much: only the first and the last look at all sockets.
void LookTwice(v1::HostEvidence& evidence);

// Takes away one of DiagnosisRule::needs, or "resting": what DiagnosisRule::rests asks for.
void Remove(v1::HostEvidence& evidence, absl::string_view need);

// One rule on one host.
controller::Findings Ask(absl::string_view rule, const v1::HostEvidence& evidence);
controller::Findings Ask(absl::string_view rule, const v1::HostEvidence& evidence,
                         absl::string_view parameter, double value);
// All rules on these hosts.
v1::DiagnosisReport Diagnose(const std::vector<v1::HostEvidence>& hosts);

// Of the finding's evidence; fails the test when it is not there.
const v1::FindingEvidence& EvidenceOf(const v1::Finding& finding, absl::string_view name);

}  // namespace tcpfleet::tests
