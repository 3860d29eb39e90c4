// Servers behind a proxy, as people name them and as they are found on the fleet.
//
// Errors: InvalidArgument, one line. What could be anything else than a name or an address in a
//         configuration file is refused.
// Bounds: kMostBackends.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/ip_address.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostBackends = 1'000;

struct Backend {
  base::HostPort address;
  // The agent it was found by; empty when it was given.
  std::string agent = {};
  // How long the longest silent of its open connections had been so; absent when there was none.
  std::optional<absl::Duration> longest_idle = {};
};

// "web[1-3]:8080,10.0.0.9:80,[2001:db8::5]:80": each with a port, none twice.
absl::StatusOr<std::vector<Backend>> ParseBackends(absl::string_view list);

// InvalidArgument when an address comes twice or there are too many.
absl::Status CheckBackends(absl::Span<const Backend> backends);

// "[ADDRESS]:PORT": ":80" for every address; an IPv6 address stands in brackets, "[::]:80".
struct ListenAddress {
  std::optional<base::IpAddress> address;
  uint16_t port = 0;
};
absl::StatusOr<ListenAddress> ParseListen(absl::string_view text);

// A path for health checks, "/health": letters, digits and / - . _ ~ & + , = : @ ?, none of which
// means anything in a configuration.
absl::Status CheckPath(absl::string_view path);

}  // namespace tcpfleet::controller
