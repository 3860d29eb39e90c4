// What the console shows over time: a live fleet, or a recording.
//
// Threads: not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <stop_token>

#include "controller/connections/fleet_table.h"
#include "controller/tui/moment.h"

namespace tcpfleet::controller {

class Timeline {
 public:
  virtual ~Timeline() = default;
  // Takes the next entry, waiting `wait` at most. True when what is shown may have changed.
  virtual bool Advance(absl::Duration wait, const std::stop_token& stop) = 0;

  virtual const FleetTable& table() const = 0;
  virtual Moment moment() const = 0;

  // Stands still, or goes on.
  virtual void Pause() = 0;
  // Stands still at another time, as far as it is kept. A replay goes on where it went before.
  virtual void Step(absl::Duration by) = 0;
  // Live again; a replay goes to its end.
  virtual void ToEnd() = 0;
  virtual void ChangeSpeed(bool faster) = 0;
};

}  // namespace tcpfleet::controller
