#pragma once

#include <map>
#include <string>

namespace tcpfleet::controller {

// One agent as the user named it.
struct AgentTarget {
  std::string name;     // unique in a fleet
  std::string address;  // HOST:PORT, [V6]:PORT or unix:/path
  std::map<std::string, std::string> labels;
};

}  // namespace tcpfleet::controller
