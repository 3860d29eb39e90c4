#pragma once

#include <ostream>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// `sysctl get`: "KEY = VALUE" when all hosts say the same, else a line per group below the key.
void PrintSysctls(std::ostream& out, const v1::SysctlReport& report, bool color);

// `who-sets`: the value in force, the lines that decide and those that do not.
void PrintWhoSets(std::ostream& out, const v1::SysctlReport& report, bool color);

CsvRow SysctlCsvHeader();
std::vector<CsvRow> SysctlCsvRows(const v1::SysctlReport& report);

}  // namespace tcpfleet::controller
