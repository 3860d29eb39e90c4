#include "controller/tui/line_edit.h"

#include <cstdint>
#include <utility>

namespace tcpfleet::controller {
namespace {

bool ContinuesLetter(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

}  // namespace

LineEdit::LineEdit(std::string text) : text_(std::move(text)), cursor_(text_.size()) {}

size_t LineEdit::Before(size_t at) const {
  if (at == 0) return 0;
  --at;
  while (at > 0 && ContinuesLetter(text_[at])) --at;
  return at;
}

size_t LineEdit::After(size_t at) const {
  if (at >= text_.size()) return text_.size();
  ++at;
  while (at < text_.size() && ContinuesLetter(text_[at])) ++at;
  return at;
}

void LineEdit::EraseBack(size_t begin) {
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

bool LineEdit::OnKey(const Key& key) {
  const std::string text_before = text_;
  const size_t cursor_before = cursor_;
  if (key.code == Key::Code::kCharacter) {
    if (text_.size() + key.text.size() > kMostBytes) return false;
    text_.insert(cursor_, key.text);
    cursor_ += key.text.size();
  } else if (key.code == Key::Code::kBackspace || key.IsControl('h')) {
    EraseBack(Before(cursor_));
  } else if (key.code == Key::Code::kDelete || key.IsControl('d')) {
    text_.erase(cursor_, After(cursor_) - cursor_);
  } else if (key.code == Key::Code::kLeft || key.IsControl('b')) {
    cursor_ = Before(cursor_);
  } else if (key.code == Key::Code::kRight || key.IsControl('f')) {
    cursor_ = After(cursor_);
  } else if (key.code == Key::Code::kHome || key.IsControl('a')) {
    cursor_ = 0;
  } else if (key.code == Key::Code::kEnd || key.IsControl('e')) {
    cursor_ = text_.size();
  } else if (key.IsControl('u')) {
    EraseBack(0);
  } else if (key.IsControl('k')) {
    text_.erase(cursor_);
  } else if (key.IsControl('w')) {
    size_t begin = cursor_;
    while (begin > 0 && text_[begin - 1] == ' ') --begin;
    while (begin > 0 && text_[begin - 1] != ' ') --begin;
    EraseBack(begin);
  }
  return text_ != text_before || cursor_ != cursor_before;
}

}  // namespace tcpfleet::controller
