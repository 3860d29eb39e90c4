#pragma once

#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// host, namespace (its inode; empty: of the whole host), section, name, value
CsvRow StackCsvHeader();
// The newest snapshot, kernel parameters, and, with `last`, every counter that moved (section
// "moved"). What is not known has no row; section "missing" says why.
std::vector<CsvRow> StackCsvRows(const v1::StackHost& host);

}  // namespace tcpfleet::controller
