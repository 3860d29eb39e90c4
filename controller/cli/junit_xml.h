// Checks and how they came out, as the XML that CI systems read.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>

namespace tcpfleet::controller {

struct JUnitCase {
  std::string name;
  double seconds = 0;
  // Empty: passed; failure: a check failed; error: nothing can be said; skipped: does not apply.
  std::string kind;
  std::string message;
};

// One suite, its duration that of its longest case.
std::string JUnitDocument(absl::string_view suite, absl::string_view class_name, absl::Time start,
                          absl::Span<const JUnitCase> cases);

}  // namespace tcpfleet::controller
