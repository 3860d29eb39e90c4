#pragma once

#include <string>
#include <vector>

#include "controller/tui/canvas.h"
#include "controller/tui/key.h"
#include "controller/tui/line_edit.h"

namespace tcpfleet::controller {

// A box with a list to choose from. Typing narrows it.
class Chooser {
 public:
  // With `several`, Tab marks and unmarks, in the order in which they will be used; `chosen` are
  // marked, or the one under the cursor, at first.
  Chooser(std::string title, std::vector<std::string> names, std::vector<std::string> chosen,
          bool several);

  enum class Outcome { kOpen, kAccepted, kCancelled };
  Outcome OnKey(const Key& key);
  // Names, after kAccepted. Without `several` exactly one.
  const std::vector<std::string>& chosen() const { return chosen_; }

  void Draw(Canvas& canvas) const;

 private:
  std::vector<std::string> Matching() const;
  void Mark(const std::string& name);
  std::string MarkOf(const std::string& name) const;

  const std::string title_;
  const std::vector<std::string> names_;
  std::vector<std::string> chosen_;
  const bool several_;
  LineEdit typed_;
  size_t cursor_ = 0;
};

}  // namespace tcpfleet::controller
