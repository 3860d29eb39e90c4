#pragma once

#include <absl/strings/string_view.h>

#include <ostream>

namespace tcpfleet::controller {

inline constexpr int kLabelledColumns = 100;

// "  label     text", the text in a column of its own and broken at blanks.
void PrintLabelled(std::ostream& out, absl::string_view label, absl::string_view text,
                   int columns = kLabelledColumns);

}  // namespace tcpfleet::controller
