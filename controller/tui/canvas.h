// A screen of character cells: views draw on it, a terminal shows it.
//
// Texts are UTF-8. What would steer a terminal is drawn as '?', what lies outside is not drawn.
#pragma once

#include <absl/strings/string_view.h>

#include <climits>
#include <cstdint>
#include <string>
#include <vector>

namespace tcpfleet::controller {

// Shown as a colour where there are colours; never the only sign of something.
enum class Tone : uint8_t { kPlain, kGood, kWarning, kBad, kAccent };

struct Look {
  Tone tone = Tone::kPlain;
  bool bold = false;
  bool dim = false;
  bool reverse = false;
  bool operator==(const Look&) const = default;
};

inline constexpr Look kPlainLook{};
inline constexpr Look kDimLook{.dim = true};
inline constexpr Look kBoldLook{.bold = true};
inline constexpr Look kTitleLook{.bold = true, .reverse = true};

class Canvas {
 public:
  struct Spot {
    std::string letter = " ";  // empty: the right half of the wide letter before it
    Look look;
  };

  Canvas(int width, int height);

  int width() const { return width_; }
  int height() const { return height_; }
  const Spot& at(int x, int y) const { return spots_[Index(x, y)]; }

  // Draws `text` from (x, y) on, at most `room` columns of it, its end as '…' when some was cut.
  // The column after it.
  int Put(int x, int y, absl::string_view text, Look look = {}, int room = INT_MAX);
  // The same, so that it ends before column `end`.
  void PutRight(int end, int y, absl::string_view text, Look look = {});
  // The look of a whole line, drawn or not.
  void SetLineLook(int y, Look look);
  // Blank lines [begin, end).
  void Clear(int begin, int end);

  // Where the terminal's cursor stands; (-1, -1): nowhere.
  int cursor_x = -1;
  int cursor_y = -1;

  // For tests: lines without the blanks at their ends.
  std::string Text() const;

 private:
  size_t Index(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(width_) + static_cast<size_t>(x);
  }

  int width_;
  int height_;
  std::vector<Spot> spots_;
};

// The nearest ASCII letter, for terminals without UTF-8.
absl::string_view AsciiLetter(absl::string_view letter);

}  // namespace tcpfleet::controller
