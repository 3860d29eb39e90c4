#include "controller/tui/canvas.h"

#include <absl/strings/strip.h>

#include <algorithm>
#include <array>
#include <utility>

#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

// Bytes of the first letter and the marks that belong to it; `text` is valid UTF-8.
size_t FirstCluster(absl::string_view text) {
  const auto next_letter = [&](size_t at) {
    ++at;
    while (at < text.size() && (static_cast<uint8_t>(text[at]) & 0xc0) == 0x80) ++at;
    return at;
  };
  size_t end = next_letter(0);
  while (end < text.size()) {
    const size_t next = next_letter(end);
    if (DisplayWidth(text.substr(end, next - end)) > 0) break;
    end = next;
  }
  return end;
}

}  // namespace

Canvas::Canvas(int width, int height)
    : width_(std::max(width, 0)),
      height_(std::max(height, 0)),
      spots_(static_cast<size_t>(width_) * static_cast<size_t>(height_)) {}

int Canvas::Put(int x, int y, absl::string_view text, Look look, int room) {
  if (y < 0 || y >= height_ || x >= width_) return x;
  const int limit = std::min(room, width_ - x);
  if (limit <= 0) return x;
  const std::string shown = Shortened(Printable(text), limit);
  absl::string_view rest = shown;
  while (!rest.empty()) {
    const size_t bytes = FirstCluster(rest);
    const absl::string_view letter = rest.substr(0, bytes);
    const int width = std::max(1, DisplayWidth(letter));
    if (x + width > width_) break;
    if (x >= 0) {
      spots_[Index(x, y)] = {std::string(letter), look};
      if (width == 2) spots_[Index(x + 1, y)] = {"", look};
    }
    x += width;
    rest.remove_prefix(bytes);
  }
  return x;
}

void Canvas::PutRight(int end, int y, absl::string_view text, Look look) {
  Put(std::max(0, end - DisplayWidth(Printable(text))), y, text, look);
}

void Canvas::SetLineLook(int y, Look look) {
  if (y < 0 || y >= height_) return;
  for (int x = 0; x < width_; ++x) spots_[Index(x, y)].look = look;
}

void Canvas::Clear(int begin, int end) {
  for (int y = std::max(begin, 0); y < std::min(end, height_); ++y) {
    for (int x = 0; x < width_; ++x) spots_[Index(x, y)] = {};
  }
}

std::string Canvas::Text() const {
  std::string text;
  for (int y = 0; y < height_; ++y) {
    std::string line;
    for (int x = 0; x < width_; ++x) line += at(x, y).letter;
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

absl::string_view AsciiLetter(absl::string_view letter) {
  if (letter.size() <= 1) return letter;
  static constexpr std::array<std::pair<absl::string_view, absl::string_view>, 24> kLetters = {{
      {"▁", "_"}, {"▂", "."}, {"▃", ":"}, {"▄", "-"}, {"▅", "="}, {"▆", "+"},
      {"▇", "*"}, {"█", "#"}, {"▲", "^"}, {"▼", "v"}, {"▸", ">"}, {"▾", "v"},
      {"↑", "^"}, {"↓", "v"}, {"─", "-"}, {"│", "|"}, {"┌", "+"}, {"┐", "+"},
      {"└", "+"}, {"┘", "+"}, {"…", "~"}, {"µ", "u"}, {"±", "+"}, {"·", "."},
  }};
  const auto* const found = std::find_if(kLetters.begin(), kLetters.end(),
                                         [&](const auto& pair) { return pair.first == letter; });
  return found == kLetters.end() ? "?" : found->second;
}

}  // namespace tcpfleet::controller
