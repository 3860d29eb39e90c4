#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <string>

namespace tcpfleet::base {

// The candidate that `word` is most likely a misspelling of; empty when none is near (more than a
// third of the letters differ).
std::string NearestName(absl::string_view word, absl::Span<const std::string> candidates);

// ", did you mean 'x'?" or nothing.
std::string DidYouMean(absl::string_view word, absl::Span<const std::string> candidates);

}  // namespace tcpfleet::base
