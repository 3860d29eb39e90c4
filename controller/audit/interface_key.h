#pragma once

#include <optional>
#include <string>

namespace tcpfleet::controller {

// A parameter that every network interface has.
struct InterfaceKey {
  std::string interface;
  std::string pattern;  // "net/ipv4/conf/*/rp_filter"
};

// Nothing for other keys, and for all, default and lo, which every host has once. Source:
// Documentation/networking/ip-sysctl.rst.
std::optional<InterfaceKey> ParseInterfaceKey(const std::string& key);

}  // namespace tcpfleet::controller
