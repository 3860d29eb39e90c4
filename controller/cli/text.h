// Text as a terminal shows it.
#pragma once

#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::controller {

// Columns that UTF-8 text takes: wide East Asian characters and emoji 2, combining marks and the
// escape sequences of styles 0.
int DisplayWidth(absl::string_view text);

// The longest beginning that takes at most `width` columns, its end shown as '…' when some was cut.
std::string Shortened(absl::string_view text, int width);

// `text` with control characters and broken UTF-8 as '?': what agents and peers say must not steer
// a terminal.
std::string Printable(absl::string_view text);

}  // namespace tcpfleet::controller
