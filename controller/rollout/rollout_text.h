#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/tuning.pb.h"

namespace tcpfleet::controller {

// Waves, their hosts folded by what became of them, the gates that say something.
void PrintRollout(std::ostream& out, const v1::RolloutReport& report, bool color);

// "wave 2 of 4: web[02-05] (4): soaking"
std::string WaveLine(const v1::RolloutReport& report, size_t wave);

CsvRow RolloutCsvHeader();
std::vector<CsvRow> RolloutCsvRows(const v1::RolloutReport& report);

}  // namespace tcpfleet::controller
