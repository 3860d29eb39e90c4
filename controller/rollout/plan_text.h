#pragma once

#include <ostream>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// Hosts that get the same changes folded.
void PrintPlan(std::ostream& out, const v1::SysctlPlan& plan, bool color);

CsvRow PlanCsvHeader();
// One per host and change, and per obstacle.
std::vector<CsvRow> PlanCsvRows(const v1::SysctlPlan& plan);

}  // namespace tcpfleet::controller
