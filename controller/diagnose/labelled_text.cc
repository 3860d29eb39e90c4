#include "controller/diagnose/labelled_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include <string>

#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

constexpr int kIndent = 12;

}  // namespace

void PrintLabelled(std::ostream& out, absl::string_view label, absl::string_view text,
                   int columns) {
  std::string line;
  const auto flush = [&] {
    out << absl::StrFormat("  %-10s", label) << line << '\n';
    line.clear();
    label = "";
  };
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (!line.empty() && kIndent + DisplayWidth(line) + 1 + DisplayWidth(word) > columns) flush();
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  flush();
}

}  // namespace tcpfleet::controller
