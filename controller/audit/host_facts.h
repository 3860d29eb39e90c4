#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace tcpfleet::controller {

// What conditions ask about.
struct HostFacts {
  std::string kernel;         // uname release
  uint64_t memory_bytes = 0;  // 0: not known
  std::map<std::string, std::string> labels;
  std::string boot_id = {};
  // Of those KnownModules() names.
  std::set<std::string> modules = {};
};

}  // namespace tcpfleet::controller
