// What processes keep open to a peer's port, look by look.
//
// Source: the largest groups by peer; hashes of connections show which of them lived on.
#pragma once

#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controller/diagnose/host_observation.h"

namespace tcpfleet::controller {

struct ConnectionPool {
  std::string owner;
  std::string peer;
  uint32_t port = 0;
  std::vector<const v1::SocketGroup*> groups;  // one for each of HostObservation::Looks()

  std::string Text() const;  // "java[812] to 10.0.0.2:5432"
  // Established connections in the first look and in the last.
  double first_size() const;
  double size() const;
};

// How connections came and went, from look to look: those that lived in between alone were not
// seen. Exact of up to 64 connections, of more by a sketch.
struct PoolTurnover {
  double opened_per_second = 0;
  double closed_per_second = 0;  // by either end
  // Mean of a connection, by Little's law.
  double life_seconds = 0;
  enum { kAbout, kAtLeast, kAtMost } bound = kAbout;
};

// Those that are in every look. Clients of listeners are no pools.
std::vector<ConnectionPool> PoolsOf(const HostObservation& host);

double CountIn(const v1::SocketGroup& group, absl::string_view state);

// In the last look: how many connections were not used for so long; nothing when it was not
// counted.
std::optional<double> RestingIn(const HostObservation& host, const ConnectionPool& pool,
                                double seconds);

// Nothing when it is not known, with fewer than two looks as well.
std::optional<PoolTurnover> TurnoverOf(const HostObservation& host, const ConnectionPool& pool);

// What this end closed per second, by its TIME-WAIT.
double ClosedHere(const HostObservation& host, const ConnectionPool& pool);

}  // namespace tcpfleet::controller
