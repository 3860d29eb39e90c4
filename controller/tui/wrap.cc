#include "controller/tui/wrap.h"

#include <absl/strings/str_split.h>

#include <algorithm>

#include "controller/cli/text.h"

namespace tcpfleet::controller {

std::vector<std::string> Wrapped(absl::string_view text, int width, int indent) {
  const std::string blanks(static_cast<size_t>(std::clamp(indent, 0, std::max(0, width - 8))), ' ');
  std::vector<std::string> lines;
  std::string line;
  bool has_word = false;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    const std::string blank = has_word ? " " : "";
    if (has_word && DisplayWidth(line) + 1 + DisplayWidth(word) > width) {
      line.erase(line.find_last_not_of(' ') + 1);
      lines.push_back(line);
      line = blanks + std::string(word);
    } else {
      line += blank + std::string(word);
    }
    has_word = true;
  }
  lines.push_back(line);
  return lines;
}

}  // namespace tcpfleet::controller
