#pragma once

#include <optional>

#include "controller/tui/canvas.h"
#include "controller/tui/key.h"

namespace tcpfleet::controller {

// Where the console is shown and its keys come from.
class Screen {
 public:
  virtual ~Screen() = default;
  virtual int width() const = 0;
  virtual int height() const = 0;
  // Without waiting.
  virtual std::optional<Key> ReadKey() = 0;
  virtual void Show(const Canvas& canvas) = 0;
  // Forgets what it believes to show.
  virtual void Redraw() = 0;
  // Back to the shell until the person comes back (fg).
  virtual void Suspend() = 0;
  // Nobody sees it any more: the terminal was closed.
  virtual bool Gone() = 0;
};

}  // namespace tcpfleet::controller
