// A run, or a campaign, as the XML that CI systems read: a test case per threshold or per run, and
// the verdict.
#pragma once

#include <string>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

std::string JUnitXml(const v1::SavedRun& saved);

}  // namespace tcpfleet::controller
