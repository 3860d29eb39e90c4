// A file that says who loads whom, one "CLIENT -> SERVER[@ADDRESS]" per line; ADDRESS is where this
// client reaches that server when it is not the host part of the server's address. Blank lines and
// what follows a '#' do not count.
//
// Errors: InvalidArgument with FILE:LINE.
// Bounds: kMostPairs pairs.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <string>
#include <vector>

namespace tcpfleet::controller {

inline constexpr size_t kMostPairs = 65'536;

struct PairChoice {
  std::string client;
  std::string server;
  std::string data_address;  // may be empty
  std::string where;         // FILE:LINE
};

// `file` is only named in errors.
absl::StatusOr<std::vector<PairChoice>> ParsePairs(absl::string_view content,
                                                   absl::string_view file);

}  // namespace tcpfleet::controller
