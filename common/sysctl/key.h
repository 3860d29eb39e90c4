// Names of kernel parameters. Inside tcpfleet a key is its path under /proc/sys,
// "net/ipv4/tcp_rmem": that form is unique, the dotted one is not ("eth0.100" is written "eth0/100"
// there).
//
// Source: sysctl(8), sysctl.d(5).
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::sysctl {

inline constexpr size_t kLongestKey = 255;

// What sysctl(8) makes of a name: with a dot as the first separator, dots and slashes change
// places.
std::string SwapSeparators(absl::string_view name);

// A key as people write it, dotted or with slashes, maybe with /proc/sys/ before it.
// InvalidArgument for anything that names no file below /proc/sys: empty parts, "." and "..",
// control characters, more than kLongestKey bytes.
absl::StatusOr<std::string> ParseKey(absl::string_view text);

// "net.ipv4.conf.eth0/100.rp_filter"
std::string DottedKey(absl::string_view key);

// It has one of the characters * ? [ of glob(7).
bool IsGlob(absl::string_view name);

// As glob(3) matches paths: * and ? match no slash.
bool GlobMatches(const std::string& pattern, const std::string& key);

}  // namespace tcpfleet::sysctl
