#pragma once

#include <absl/strings/match.h>
#include <absl/strings/string_view.h>

#include <string>

namespace tcpfleet::controller {

// An agent's name for narrow columns: of unix:/run/a.sock the last part, which tells sockets apart.
inline std::string ShortAgentName(absl::string_view name) {
  return std::string(absl::StartsWith(name, "unix:") ? name.substr(name.rfind('/') + 1) : name);
}

}  // namespace tcpfleet::controller
