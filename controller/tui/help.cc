#include "controller/tui/help.h"

namespace tcpfleet::controller {

absl::Span<const HelpLine> HelpLines() {
  static constexpr HelpLine kLines[] = {
      {"", "Look"},
      {"up down PgUp PgDn", "move; the cursor stays on its connection (also k j)"},
      {"Home", "to the top, and stay there"},
      {"G", "to the bottom"},
      {"Enter", "open the connection; fold or unfold the group"},
      {"Esc", "back"},
      {"h", "hosts"},
      {"", "Choose"},
      {"/", "filter, as with snapshot and ss(8): dport = :443 and rtt > 20ms"},
      {"< >", "sort by the column to the left, to the right"},
      {"s", "sort by any column"},
      {"r", "turn the order round"},
      {"c", "columns"},
      {"g", "group by columns; E unfolds, F folds all groups"},
      {"", "Time"},
      {"space", "freeze and go on; a replay: pause"},
      {"[ ]", "1 second back, forward"},
      {"{ }", "10 seconds back, forward"},
      {"End", "back to live; a replay: to its end"},
      {"+ -", "a replay: faster, slower"},
      {"", "Other"},
      {"Ctrl-L", "draw the screen anew"},
      {"q, Ctrl-C", "quit"},
      {"", "Pictures: the last intervals, the newest at the right, each scaled to its own"},
      {"", "largest value. SEND, RECEIVE: payload per second. RETRANS: segments, in all."},
  };
  return kLines;
}

}  // namespace tcpfleet::controller
