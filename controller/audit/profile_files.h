// The files of profiles/, compiled in.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

namespace tcpfleet::controller {

struct ProfileFile {
  absl::string_view name;  // without .yaml
  absl::string_view yaml;
};

absl::Span<const ProfileFile> ProfileFiles();

}  // namespace tcpfleet::controller
