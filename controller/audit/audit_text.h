#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// What is wrong, worst first; what will be wrong after the next boot; what could not be judged;
// counts.
void PrintAudit(std::ostream& out, const v1::AuditReport& report, bool color);

// What hosts have and what is to be known about it, on one line.
std::string DescribeAudit(const v1::AuditGroup& group);

CsvRow AuditCsvHeader();
std::vector<CsvRow> AuditCsvRows(const v1::AuditReport& report);

}  // namespace tcpfleet::controller
