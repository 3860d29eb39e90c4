// What a file of wanted values may not contain, whoever wrote it.
//
// Errors: InvalidArgument; CheckProfileText says "FILE:LINE: ...", the others leave the place to
//         their callers.
#pragma once

#include <absl/status/status.h>
#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::controller {

// UTF-8 without a byte order mark, NULs and other control characters, its lines not too long.
absl::Status CheckProfileText(const std::string& path, absl::string_view text);

// A pattern with so many wildcards that matching it takes for ever.
absl::Status CheckWildcards(absl::string_view key);

// A value that cannot be meant: octal or more than 64 bits, negative where nothing is, a vector of
// the wrong length or in the wrong order.
absl::Status CheckWantedValue(const std::string& key, absl::string_view value);

}  // namespace tcpfleet::controller
