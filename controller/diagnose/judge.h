// All rules over all hosts. Pure: the same evidence gives the same bytes.
#pragma once

#include "controller/diagnose/rules.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

// Findings are ranked (severity, confidence, hosts, number of the rule) and folded over hosts of
// which the same can be said; then what is fine; then what could not be judged. Hosts of which
// nothing came are failures of the bundle and in no verdict.
v1::DiagnosisReport Diagnose(const v1::EvidenceBundle& bundle, const RuleSelection& selection);

// Some finding is at least so severe.
bool HasFinding(const v1::DiagnosisReport& report, FindingSeverity least);

}  // namespace tcpfleet::controller
