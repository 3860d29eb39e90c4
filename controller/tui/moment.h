#pragma once

#include <cstdint>
#include <string>

namespace tcpfleet::controller {

// Where in time the shown table is, and how it moves.
struct Moment {
  enum class Mode : uint8_t {
    kLive,
    kFrozen,  // live goes on unseen
    kReplay,  // of a recording
    kPaused,  // likewise, standing still
    kEnded,   // likewise, at its end
  };
  Mode mode = Mode::kLive;
  double speed = 1;            // of kReplay; infinite: as fast as it goes
  int64_t shown_unix_ns = 0;   // what the table shows
  int64_t now_unix_ns = 0;     // live: the time now, which ages are told from; else as shown
  int64_t newest_unix_ns = 0;  // how far it could go on; 0: unknown
  std::string recording = {};  // "recording run.tfr: 1.2 MB"; empty: none
  std::string trouble = {};    // one line that stays: recording stopped, damage in the file
};

}  // namespace tcpfleet::controller
