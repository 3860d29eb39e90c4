#pragma once

#include <cstdint>
#include <string>

namespace tcpfleet::controller {

// One thing a person did at the terminal.
struct Key {
  enum class Code : uint8_t {
    kCharacter,
    kControl,  // Ctrl and a letter
    kEnter,
    kEscape,
    kTab,
    kBackspace,
    kDelete,
    kUp,
    kDown,
    kLeft,
    kRight,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kClick,
    kWheelUp,
    kWheelDown,
    kResize,
  };
  Code code = Code::kCharacter;
  std::string text = {};  // of kCharacter: one letter; of kControl: "a" to "z"
  int x = 0;              // of kClick
  int y = 0;

  bool Is(char letter) const {
    return code == Code::kCharacter && text.size() == 1 && text[0] == letter;
  }
  bool IsControl(char letter) const {
    return code == Code::kControl && text.size() == 1 && text[0] == letter;
  }
};

}  // namespace tcpfleet::controller
