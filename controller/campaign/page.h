// A saved run as one HTML page that needs nothing else: no network, no other file.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// What the page's script draws: {"saved": SavedRun, "curves": [{name, points}]}, fit to stand
// inside a <script> element. InvalidArgument: text that is no UTF-8.
absl::StatusOr<std::string> PageData(const v1::SavedRun& saved);

absl::StatusOr<std::string> HtmlPage(const v1::SavedRun& saved);

}  // namespace tcpfleet::controller
