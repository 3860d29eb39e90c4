// The report of a run as people read it.
#pragma once

#include <ostream>
#include <string>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

void PrintReport(std::ostream& out, const v1::StressReport& report, int width, bool color);

}  // namespace tcpfleet::controller
