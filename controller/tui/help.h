#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

namespace tcpfleet::controller {

struct HelpLine {
  absl::string_view keys;  // empty: `text` is a title
  absl::string_view text;
};
absl::Span<const HelpLine> HelpLines();

}  // namespace tcpfleet::controller
