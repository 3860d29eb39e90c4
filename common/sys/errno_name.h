#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::sys {

// "ECONNREFUSED"; "errno 4242" for numbers without a name.
std::string ErrnoName(int error);

// Status of the errno's canonical code: "open /proc/x: Permission denied". Call right after the
// failing call.
absl::Status ErrnoStatus(absl::string_view what);
absl::Status ErrnoStatus(int error, absl::string_view what);

}  // namespace tcpfleet::sys
