#pragma once

#include <absl/strings/string_view.h>

#include <string>

#include "controller/cli/environment.h"

namespace tcpfleet::controller {

enum class ColorMode { kAuto, kAlways, kNever };

// kAuto colours terminals unless the environment says otherwise: NO_COLOR that is not empty
// (no-color.org), or TERM=dumb.
bool UseColor(ColorMode mode, bool is_terminal, const Environment& environment);

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow };

// `text` between the escape sequences of `style`; unchanged when `color` is false.
std::string Styled(Style style, absl::string_view text, bool color);

}  // namespace tcpfleet::controller
