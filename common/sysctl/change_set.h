// A host's part of a plan, as both ends see it.
#pragma once

#include <absl/status/status.h>

#include <string>

#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::sysctl {

inline constexpr int kMostChanges = 1'000;
inline constexpr size_t kLongestValue = 4'096;
inline constexpr size_t kLongestAuthor = 256;
inline constexpr size_t kLongestReason = 1'024;

// 32 bytes over every field of the set but `hash`, the same on every machine.
std::string HashOf(const v1::SysctlChangeSet& set);

// That it is whole and well formed: plan id, hash, keys that are parameters and stand there once,
// values of one line without control characters or a comment, no more and no longer than the bounds
// above. InvalidArgument that names the key.
absl::Status CheckChangeSet(const v1::SysctlChangeSet& set);

}  // namespace tcpfleet::sysctl
