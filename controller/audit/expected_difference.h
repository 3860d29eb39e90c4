// Parameters that differ from host to host although nobody set them.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <string>

namespace tcpfleet::controller {

struct ExpectedDifference {
  absl::string_view pattern;  // path form
  absl::string_view reason;
  // Nobody can set it, and it changes by itself: it says nothing at any time. Others are reported
  // when a file sets them.
  bool is_state = false;
};
absl::Span<const ExpectedDifference> ExpectedDifferences();

// Null for a key that ought to be the same everywhere.
const ExpectedDifference* FindExpectedDifference(const std::string& key);

}  // namespace tcpfleet::controller
