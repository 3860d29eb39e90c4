#include "common/filter/lexer.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <array>

namespace tcpfleet::filter {
namespace {

// Longer ones first.
constexpr std::array<absl::string_view, 14> kOperators = {"==", "!=", "<=", ">=", "&&", "||", "=",
                                                          "!",  "<",  ">",  "&",  "|",  "(",  ")"};

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view(".:/[]*-_%").find(c) != absl::string_view::npos;
}

size_t OperatorLength(absl::string_view text) {
  for (const absl::string_view op : kOperators) {
    if (absl::StartsWith(text, op)) return op.size();
  }
  return 0;
}

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text) {
  std::vector<Token> tokens;
  size_t at = 0;
  while (true) {
    while (at < text.size() && absl::ascii_isspace(static_cast<unsigned char>(text[at]))) ++at;
    if (at == text.size()) break;
    size_t length = OperatorLength(text.substr(at));
    const Token::Kind kind = length > 0 ? Token::Kind::kOperator : Token::Kind::kWord;
    if (kind == Token::Kind::kWord) {
      while (at + length < text.size() && IsWordCharacter(text[at + length])) ++length;
    }
    if (length == 0) {
      return absl::InvalidArgumentError(absl::StrCat("filter, column ", at + 1,
                                                     ": unexpected character '",
                                                     absl::CHexEscape(text.substr(at, 1)), "'"));
    }
    tokens.push_back({kind, text.substr(at, length), at + 1});
    at += length;
  }
  tokens.push_back({Token::Kind::kEnd, {}, text.size() + 1});
  return tokens;
}

}  // namespace tcpfleet::filter
