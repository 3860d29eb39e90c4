#pragma once

#include <string>

#include "controller/tui/key.h"

namespace tcpfleet::controller {

// One line of text being typed, with the keys of a shell. At most kMostBytes.
class LineEdit {
 public:
  static constexpr size_t kMostBytes = 1000;

  explicit LineEdit(std::string text = "");
  const std::string& text() const { return text_; }
  size_t cursor() const { return cursor_; }  // in bytes
  // True when the text or the cursor changed.
  bool OnKey(const Key& key);

 private:
  size_t Before(size_t at) const;
  size_t After(size_t at) const;
  void EraseBack(size_t begin);

  std::string text_;
  size_t cursor_;
};

}  // namespace tcpfleet::controller
