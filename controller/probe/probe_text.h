// How a report of `tcpfleet probe` looks.
#pragma once

#include <ostream>
#include <vector>

#include "controller/cli/printer.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::controller {

struct ProbeLayout {
  int width = 0;  // columns of the terminal; 0: no limit
  bool color = false;
};

// A table, then what the ways are like, then why it fails or is slow; hosts that say the same
// folded.
void PrintProbe(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout);

// One row per try; an agent that resolved nothing has one without a try.
CsvRow ProbeCsvHeader();
std::vector<CsvRow> ProbeCsvRows(const v1::ProbePath& path);

}  // namespace tcpfleet::controller
