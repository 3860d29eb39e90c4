#pragma once

#include <absl/strings/string_view.h>

#include <string>
#include <vector>

namespace tcpfleet::controller {

// Lines of at most `width` columns, cut at blanks where there are any; those after the first begin
// with `indent` blanks.
std::vector<std::string> Wrapped(absl::string_view text, int width, int indent);

}  // namespace tcpfleet::controller
