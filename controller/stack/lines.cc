#include "controller/stack/lines.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <sstream>
#include <vector>

#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

constexpr char kIndent[] = "  ";
constexpr char kBelow[] = "      ";  // of a worry that did not fit
constexpr int kLabel = 12;

}  // namespace

void StackLines::Title(const std::string& text) {
  out_ << Styled(Style::kBold, Printable(text), color_) << '\n';
}

void StackLines::WithWorry(const std::string& line, absl::string_view plain,
                           const std::string& worry) {
  out_ << kIndent << line;
  if (worry.empty()) {
    out_ << '\n';
    return;
  }
  const std::string mark = absl::StrCat("<- ", Printable(worry));
  const int taken = DisplayWidth(plain) + DisplayWidth(mark) + 4;
  out_ << (width_ > 0 && taken > width_ ? absl::StrCat("\n", kBelow) : std::string("  "))
       << Styled(Style::kYellow, mark, color_) << '\n';
}

void StackLines::Labelled(absl::string_view label, const std::string& text,
                          const std::string& worry) {
  // Words go on below the first of them.
  const int room = width_ > 0 ? std::max(width_ - kLabel - 2, 20) : 0;
  std::string line;
  std::string printed = absl::StrFormat("%-*s", kLabel, label);
  for (const absl::string_view word : absl::StrSplit(Printable(text), ' ')) {
    const std::string longer = line.empty() ? std::string(word) : absl::StrCat(line, " ", word);
    if (room > 0 && !line.empty() && DisplayWidth(longer) > room) {
      WithWorry(absl::StrCat(printed, line), "", "");
      printed = std::string(kLabel, ' ');
      line = std::string(word);
    } else {
      line = longer;
    }
  }
  printed += line;
  WithWorry(printed, printed, worry);
}

void StackLines::Rows(const Table& table, absl::Span<const std::string> worries) {
  if (table.empty()) return;
  const int width = width_ > 0 ? std::max(width_ - 2, 1) : 0;
  const auto lines = [&](bool color) {
    std::ostringstream text;
    table.Print(text, width, color);
    std::vector<std::string> split = absl::StrSplit(text.str(), '\n');
    split.pop_back();
    return split;
  };
  const std::vector<std::string> printed = lines(color_);
  const std::vector<std::string> plain = lines(false);
  for (size_t i = 0; i < printed.size(); ++i) {
    const bool is_row = i > 0 && i <= worries.size();
    WithWorry(printed[i], plain[i], is_row ? worries[i - 1] : "");
  }
}

std::string Percent(double share) {
  if (share > 0 && share < 0.0005) return "<0.1 %";
  const int digits = share > 0 && share < 0.0995 ? 1 : 0;
  return absl::StrFormat("%.*f %%", digits, share * 100);
}

std::string OfTotal(uint64_t part, uint64_t total) {
  const std::string text = absl::StrCat(part, " of ", total);
  if (total == 0) return text;
  return absl::StrCat(text, " (", Percent(static_cast<double>(part) / static_cast<double>(total)),
                      ")");
}

}  // namespace tcpfleet::controller
