#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstddef>
#include <string>
#include <vector>

namespace tcpfleet::filter {

struct Token {
  enum class Kind { kWord, kQuoted, kOperator, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;   // of kQuoted: without the quotes
  size_t column = 0;  // counted from 1
};

// Splits a filter into words, "quoted" or 'quoted' texts and operators (= == ! != ~ !~ < <= > >= &
// && | || and parentheses); the last token is kEnd. Within quotes a backslash takes the special
// meaning from a quote or a backslash and stands for itself before anything else. InvalidArgument
// for control characters and quotes that do not end.
absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text);

// The text as Tokenize reads it back: as it is when it is one word, else in quotes.
std::string Quoted(absl::string_view text);

}  // namespace tcpfleet::filter
