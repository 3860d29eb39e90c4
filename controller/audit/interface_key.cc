#include "controller/audit/interface_key.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

namespace tcpfleet::controller {

std::optional<InterfaceKey> ParseInterfaceKey(const std::string& key) {
  for (const absl::string_view directory : {"net/ipv4/conf/", "net/ipv6/conf/", "net/ipv4/neigh/",
                                            "net/ipv6/neigh/", "net/mpls/conf/"}) {
    if (!absl::StartsWith(key, directory)) continue;
    const size_t slash = key.find('/', directory.size());
    if (slash == std::string::npos) return std::nullopt;
    std::string interface = key.substr(directory.size(), slash - directory.size());
    if (interface == "all" || interface == "default" || interface == "lo") return std::nullopt;
    return InterfaceKey{.interface = std::move(interface),
                        .pattern = absl::StrCat(directory, "*", key.substr(slash))};
  }
  return std::nullopt;
}

}  // namespace tcpfleet::controller
