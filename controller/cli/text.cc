#include "controller/cli/text.h"

#include <absl/strings/match.h>
#include <algorithm>
#include <cstdint>
#include <iterator>

namespace tcpfleet::controller {
namespace {

struct Letter {
  uint32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

// Source: RFC 3629.
Letter FirstLetter(absl::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  uint32_t code = lead & (0xffU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    code = code << 6 | (next & 0x3fU);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[bytes] || code > 0x10ffff || surrogate) return {};
  return {code, bytes, true};
}

struct CodeRange {
  uint32_t first;
  uint32_t last;
};

// The blocks that matter for names. Source: Unicode 15, EastAsianWidth.txt and general category Mn.
constexpr CodeRange kZeroWidth[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},
                                    {0x610, 0x61a},   {0x64b, 0x65f},   {0x1ab0, 0x1aff},
                                    {0x1dc0, 0x1dff}, {0x200b, 0x200f}, {0x20d0, 0x20ff},
                                    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
constexpr CodeRange kWide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},  {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},  {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

template <size_t kCount>
bool Holds(const CodeRange (&ranges)[kCount], uint32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges), [code](const CodeRange& range) {
    return code >= range.first && code <= range.last;
  });
}

int Width(uint32_t code) { return Holds(kZeroWidth, code) ? 0 : Holds(kWide, code) ? 2 : 1; }

// C0, DEL and C1 controls, and marks that reorder text.
bool IsControl(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x202a && code <= 0x202e) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Bytes of the escape sequence of a style (color.h) that the text begins with; 0: of none.
size_t StyleBytes(absl::string_view text) {
  if (!absl::StartsWith(text, "\x1b[")) return 0;
  const size_t end = text.find_first_not_of("0123456789;", 2);
  return end != absl::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

}  // namespace

int DisplayWidth(absl::string_view text) {
  int width = 0;
  while (!text.empty()) {
    if (const size_t bytes = StyleBytes(text); bytes > 0) {
      text.remove_prefix(bytes);
      continue;
    }
    const Letter letter = FirstLetter(text);
    width += letter.valid ? Width(letter.code) : 1;
    text.remove_prefix(letter.bytes);
  }
  return width;
}

std::string Shortened(absl::string_view text, int width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  std::string shortened;
  for (int left = width - 1; !text.empty();) {
    const Letter letter = FirstLetter(text);
    left -= Width(letter.code);
    if (left < 0) break;
    shortened.append(text.data(), letter.bytes);
    text.remove_prefix(letter.bytes);
  }
  return shortened + "…";
}

std::string Printable(absl::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const Letter letter = FirstLetter(text);
    if (letter.valid && !IsControl(letter.code)) {
      printable.append(text.data(), letter.bytes);
    } else {
      printable.push_back('?');
    }
    text.remove_prefix(letter.bytes);
  }
  return printable;
}

}  // namespace tcpfleet::controller
