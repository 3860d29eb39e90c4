// What stands above the table: time, totals, hosts, the query, and what is missing. Pure.
#pragma once

#include <absl/types/span.h>

#include <string>
#include <vector>

#include "controller/connections/fleet_table.h"
#include "controller/tui/canvas.h"
#include "controller/tui/moment.h"

namespace tcpfleet::controller {

// What the table below shows of the fleet.
struct QueryLine {
  std::string watched;  // filter the agents apply; empty: all
  std::string filter;   // typed here; empty: none
  std::string order;    // "rtt ▼"
  std::string group_by;
  size_t matched = 0;
  size_t all = 0;
};

// "LIVE 10:15:32", "FROZEN 10:15:32 (back 00:42)", "REPLAY 2x 10:15:32".
std::string ModeText(const Moment& moment);

// Everything counted as not seen, one phrase each; empty when nothing is.
std::vector<std::string> MissingPhrases(absl::Span<const HostView> hosts);

// Draws from the first line on; the number of lines it took, at most a third of the screen.
// `lists_hosts`: not only their totals.
int DrawHeader(Canvas& canvas, absl::Span<const HostView> hosts, const Moment& moment,
               const QueryLine& query, bool lists_hosts = true);

// Every host with all that is known of it, from line `begin` on, without the first `skip` hosts.
void DrawHosts(Canvas& canvas, int begin, int end, absl::Span<const HostView> hosts,
               const Moment& moment, size_t skip);

}  // namespace tcpfleet::controller
