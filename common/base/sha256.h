#pragma once

#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::base {

// 32 bytes.
std::string Sha256(absl::string_view bytes);

// 64 lowercase hexadecimal digits.
std::string Sha256Hex(absl::string_view bytes);

}  // namespace tcpfleet::base
