#include "controller/tui/chooser.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "controller/cli/text.h"

namespace tcpfleet::controller {

Chooser::Chooser(std::string title, std::vector<std::string> names, std::vector<std::string> chosen,
                 bool several)
    : title_(std::move(title)),
      names_(std::move(names)),
      chosen_(std::move(chosen)),
      several_(several) {
  if (chosen_.empty()) return;
  const auto first = std::find(names_.begin(), names_.end(), chosen_.front());
  if (first != names_.end()) cursor_ = static_cast<size_t>(first - names_.begin());
}

std::vector<std::string> Chooser::Matching() const {
  std::vector<std::string> matching;
  for (const std::string& name : names_) {
    if (absl::StrContains(name, absl::AsciiStrToLower(typed_.text()))) matching.push_back(name);
  }
  std::stable_partition(matching.begin(), matching.end(), [&](const std::string& name) {
    return absl::StartsWith(name, absl::AsciiStrToLower(typed_.text()));
  });
  return matching;
}

void Chooser::Mark(const std::string& name) {
  const auto found = std::find(chosen_.begin(), chosen_.end(), name);
  if (found == chosen_.end()) {
    chosen_.push_back(name);
  } else {
    chosen_.erase(found);
  }
}

Chooser::Outcome Chooser::OnKey(const Key& key) {
  const std::vector<std::string> matching = Matching();
  const size_t last = matching.empty() ? 0 : matching.size() - 1;
  switch (key.code) {
    case Key::Code::kEscape:
      return Outcome::kCancelled;
    case Key::Code::kEnter:
      if (!several_ && matching.empty()) return Outcome::kOpen;
      if (!several_) chosen_ = {matching[cursor_]};
      return Outcome::kAccepted;
    case Key::Code::kTab:
      if (several_ && !matching.empty()) Mark(matching[cursor_]);
      return Outcome::kOpen;
    case Key::Code::kUp:
      if (cursor_ > 0) --cursor_;
      return Outcome::kOpen;
    case Key::Code::kDown:
      cursor_ = std::min(last, cursor_ + 1);
      return Outcome::kOpen;
    case Key::Code::kHome:
      cursor_ = 0;
      return Outcome::kOpen;
    case Key::Code::kEnd:
      cursor_ = last;
      return Outcome::kOpen;
    case Key::Code::kPageUp:
      cursor_ -= std::min<size_t>(cursor_, 10);
      return Outcome::kOpen;
    case Key::Code::kPageDown:
      cursor_ = std::min(last, cursor_ + 10);
      return Outcome::kOpen;
    default:
      if (key.Is(' ') && several_) {
        if (!matching.empty()) Mark(matching[cursor_]);
      } else if (typed_.OnKey(key)) {
        cursor_ = 0;
      }
      return Outcome::kOpen;
  }
}

std::string Chooser::MarkOf(const std::string& name) const {
  if (!several_) return " ";
  const auto found = std::find(chosen_.begin(), chosen_.end(), name);
  return found == chosen_.end() ? "[ ] " : absl::StrCat("[", found - chosen_.begin() + 1, "] ");
}

void Chooser::Draw(Canvas& canvas) const {
  constexpr int kWidth = 38;
  const std::vector<std::string> matching = Matching();
  const int height =
      std::min(canvas.height() - 2, std::max(8, static_cast<int>(names_.size()) + 4));
  const int left = std::max(0, (canvas.width() - kWidth) / 2);
  const int top = (canvas.height() - height) / 2;
  const int rows = height - 4;
  const std::string blank(static_cast<size_t>(kWidth), ' ');
  std::string bar;
  for (int i = 0; i < kWidth - 2; ++i) bar += "─";
  for (int y = top; y < top + height; ++y) {
    canvas.Put(left, y, blank);
    canvas.Put(left, y, "│");
    canvas.Put(left + kWidth - 1, y, "│");
  }
  canvas.Put(left, top, absl::StrCat("┌", bar, "┐"));
  canvas.Put(left, top + height - 1, absl::StrCat("└", bar, "┘"));
  canvas.Put(left + 2, top, absl::StrCat(" ", title_, " "), kBoldLook);
  const int x = canvas.Put(left + 2, top + 1, "> ", kBoldLook);
  canvas.cursor_x = canvas.Put(x, top + 1, typed_.text(), {}, kWidth - 6);
  canvas.cursor_y = top + 1;
  const int cursor = static_cast<int>(cursor_);
  const int first = std::max(0, cursor - rows + 1);
  for (int i = 0; i < rows && first + i < static_cast<int>(matching.size()); ++i) {
    const std::string& name = matching[static_cast<size_t>(first + i)];
    std::string line = absl::StrCat(MarkOf(name), name);
    line.resize(std::max<size_t>(line.size(), kWidth - 4), ' ');
    canvas.Put(left + 2, top + 2 + i, line, {.reverse = first + i == cursor}, kWidth - 4);
  }
  canvas.Put(left + 2, top + height - 2,
             several_ ? "space marks, Enter takes, Esc" : "type to find, Enter takes, Esc",
             kDimLook, kWidth - 4);
}

}  // namespace tcpfleet::controller
