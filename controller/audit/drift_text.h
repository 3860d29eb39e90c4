#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Hosts that differ from the rest in the same way with all they differ in, then what no value is
// ahead of, then counts and what differs for a reason.
void PrintDrift(std::ostream& out, const v1::DriftReport& report, bool color);

CsvRow DriftCsvHeader();
std::vector<CsvRow> DriftCsvRows(const v1::DriftReport& report);

// "128, most 4096; set by /etc/sysctl.d/90-web.conf:3"
std::string DescribeDrift(const v1::DriftReport& report, const v1::DriftedKey& key,
                          const v1::DriftGroup& group);

// Null when no value is ahead.
const v1::DriftGroup* ReferenceOf(const v1::DriftedKey& key);

}  // namespace tcpfleet::controller
