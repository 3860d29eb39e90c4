#pragma once

#include <string>

#include "controller/connections/fleet_table.h"
#include "controller/tui/canvas.h"
#include "controller/tui/key.h"
#include "tests/support/fleet_story.h"

namespace tcpfleet::controller {

inline void Play(tests::FleetStory& story, int seconds, FleetTable& table) {
  for (int second = 0; second < seconds; ++second) {
    for (const v1::RecordingEntry& entry : story.NextSecond()) {
      ASSERT_TRUE(table.Apply(entry).ok());
    }
  }
}

inline Key Letter(char letter) { return {.text = std::string(1, letter)}; }
inline Key Control(char letter) {
  return {.code = Key::Code::kControl, .text = std::string(1, letter)};
}

// Line `y` of what was drawn.
inline std::string LineOf(const Canvas& canvas, int y) {
  std::string text = canvas.Text();
  for (; y > 0; --y) text.erase(0, text.find('\n') + 1);
  return text.substr(0, text.find('\n'));
}

}  // namespace tcpfleet::controller
