// Audits and drift as files for CI systems: JUnit XML and SARIF.
#pragma once

#include <absl/time/time.h>

#include <string>

#include "controller/audit/profile.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// A case per rule: what is wrong at `least` or above fails, below it passes with its text left out;
// what cannot be judged is an error.
std::string AuditJUnit(const v1::AuditReport& report, Severity least, absl::Time now);
// A result per group of hosts that is wrong, or will be after the next boot.
std::string AuditSarif(const v1::AuditReport& report);

// A case per parameter that differs, and one for all that do not.
std::string DriftJUnit(const v1::DriftReport& report, absl::Time now);
// A result per group of hosts that is not as most.
std::string DriftSarif(const v1::DriftReport& report);

}  // namespace tcpfleet::controller
