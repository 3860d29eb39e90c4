#pragma once

#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Columns are named as in the JSON; what was not observed is empty.
CsvRow StressCsvHeader();
// One row per agent and role, then the total.
std::vector<CsvRow> StressCsvRows(const v1::StressReport& report);

}  // namespace tcpfleet::controller
