#include "controller/cli/color.h"

#include <absl/strings/str_cat.h>

namespace tcpfleet::controller {
namespace {

absl::string_view Sequence(Style style) {
  switch (style) {
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kYellow:
      return "\x1b[33m";
    default:
      return "";
  }
}

}  // namespace

bool UseColor(ColorMode mode, bool is_terminal, const Environment& environment) {
  if (mode != ColorMode::kAuto) return mode == ColorMode::kAlways;
  return is_terminal && environment("NO_COLOR").value_or("").empty() &&
         environment("TERM").value_or("") != "dumb";
}

std::string Styled(Style style, absl::string_view text, bool color) {
  if (!color || style == Style::kPlain) return std::string(text);
  return absl::StrCat(Sequence(style), text, "\x1b[0m");
}

}  // namespace tcpfleet::controller
