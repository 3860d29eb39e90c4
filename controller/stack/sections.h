// Parts of the text about one host; see stack_text.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/stack/change.h"
#include "controller/stack/lines.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

inline constexpr char kUnknown[] = "unknown";

struct HostSubject {
  const v1::StackHost& host;
  const v1::KernelSnapshot& now;
  StackInterval interval;
};

struct NamespaceSubject {
  const HostSubject& host;
  const v1::NamespaceStatistics& now;
  const v1::NamespaceStatistics* before;  // null: nothing to compare with
  // The agent's own, whose kernel parameters are known.
  bool is_own = false;
};

// Numbers of a kernel parameter; nothing when it is not known.
std::optional<std::vector<int64_t>> ParameterOf(const v1::StackHost& host, const char* key);

// Load, memory, pressure, descriptors, softnet, neighbour tables.
void PrintHostSection(const HostSubject& subject, StackLines& lines);
// States, sockstat, listeners, largest groups, TIME-WAIT, ports.
void PrintSocketSection(const NamespaceSubject& subject, StackLines& lines);
// Interfaces, neighbours, conntrack.
void PrintNetworkSection(const NamespaceSubject& subject, StackLines& lines);
// Counters that moved; without an interval those that ought to be 0 and are not.
void PrintCounterSection(const NamespaceSubject& subject, StackLines& lines);

// "nginx[1234]", "-" when it is not known.
std::string StackOwner(const v1::SocketOwner& owner);

// "198.18.0.1:80"; without an address "*:80".
std::string StackEndpoint(const std::string& address, uint32_t port);

}  // namespace tcpfleet::controller
