#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <vector>

namespace tcpfleet::filter {

struct Token {
  enum class Kind { kWord, kOperator, kEnd };
  Kind kind = Kind::kEnd;
  absl::string_view text;  // part of the filter text
  size_t column = 0;       // counted from 1
};

// Splits a filter into words and operators (= == ! != < <= > >= & && | || and parentheses); the
// last token is kEnd. InvalidArgument for other characters.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text);

}  // namespace tcpfleet::filter
