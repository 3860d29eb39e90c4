#pragma once

#include <ostream>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/diagnosis.pb.h"

namespace tcpfleet::controller {

// Findings with their numbers, cause and fix, worst first; then what is fine; then what could not
// be judged, and why.
void PrintDiagnosis(std::ostream& out, const v1::DiagnosisReport& report, bool color);

// One row per finding and host.
CsvRow DiagnosisCsvHeader();
std::vector<CsvRow> DiagnosisCsvRows(const v1::DiagnosisReport& report);

// "TcpExt.ListenOverflows 1000 -> 1060, 6 per second (threshold 1)"
std::string EvidenceText(const v1::FindingEvidence& evidence);

}  // namespace tcpfleet::controller
