#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

std::string TransactionStateName(v1::SysctlTransaction::State state);

// What became of each host's transaction, and what is in the way.
void PrintTransactions(std::ostream& out, const v1::TransactionsReport& report);

// The newest `last` lines of all logs, by time; what several hosts did alike within a minute is one
// line.
void PrintLogs(std::ostream& out, const v1::TransactionsReport& report, size_t last, int width,
               bool color);

// Whether each log is whole.
void PrintVerification(std::ostream& out, const v1::TransactionsReport& report, bool color);

CsvRow TransactionsCsvHeader();
std::vector<CsvRow> TransactionsCsvRows(const v1::TransactionsReport& report);
CsvRow LogCsvHeader();
std::vector<CsvRow> LogCsvRows(const v1::TransactionsReport& report);

}  // namespace tcpfleet::controller
