#pragma once

#include <absl/strings/string_view.h>

#include <ostream>

namespace tcpfleet::controller {

// "  label     text", the text in a column of its own and broken at blanks; 100 columns.
void PrintLabelled(std::ostream& out, absl::string_view label, absl::string_view text);

}  // namespace tcpfleet::controller
