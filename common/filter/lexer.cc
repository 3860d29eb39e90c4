#include "common/filter/lexer.h"

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>

namespace tcpfleet::filter {
namespace {

// Longer ones first.
constexpr std::array<absl::string_view, 16> kOperators = {
    "==", "!=", "!~", "<=", ">=", "&&", "||", "=", "!", "~", "<", ">", "&", "|", "(", ")"};

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }
bool IsControl(char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }
bool IsQuote(char c) { return c == '"' || c == '\''; }

bool IsWordCharacter(char c) {
  return !IsSpace(c) && !IsControl(c) && !IsQuote(c) &&
         absl::string_view("=!~<>&|()").find(c) == absl::string_view::npos;
}

size_t OperatorLength(absl::string_view text) {
  for (const absl::string_view op : kOperators) {
    if (absl::StartsWith(text, op)) return op.size();
  }
  return 0;
}

absl::Status Unexpected(absl::string_view text, size_t at) {
  return absl::InvalidArgumentError(absl::StrCat("filter, column ", at + 1,
                                                 ": unexpected character '",
                                                 absl::CHexEscape(text.substr(at, 1)), "'"));
}

// Moves `at` from the opening quote behind the closing one.
absl::StatusOr<Token> TakeQuoted(absl::string_view text, size_t& at) {
  Token token{Token::Kind::kQuoted, {}, at + 1};
  const char quote = text[at++];
  for (; at < text.size() && text[at] != quote; ++at) {
    if (IsControl(text[at])) return Unexpected(text, at);
    const bool escapes =
        text[at] == '\\' && at + 1 < text.size() && (IsQuote(text[at + 1]) || text[at + 1] == '\\');
    if (escapes) ++at;
    token.text += text[at];
  }
  if (at == text.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter, column ", token.column, ": the quote does not end"));
  }
  ++at;
  return token;
}

}  // namespace

absl::StatusOr<std::vector<Token>> Tokenize(absl::string_view text) {
  std::vector<Token> tokens;
  size_t at = 0;
  while (true) {
    while (at < text.size() && IsSpace(text[at])) ++at;
    if (at == text.size()) break;
    if (IsQuote(text[at])) {
      absl::StatusOr<Token> token = TakeQuoted(text, at);
      if (!token.ok()) return token.status();
      tokens.push_back(*std::move(token));
      continue;
    }
    size_t length = OperatorLength(text.substr(at));
    const Token::Kind kind = length > 0 ? Token::Kind::kOperator : Token::Kind::kWord;
    if (kind == Token::Kind::kWord) {
      while (at + length < text.size() && IsWordCharacter(text[at + length])) ++length;
    }
    if (length == 0) return Unexpected(text, at);
    tokens.push_back({kind, std::string(text.substr(at, length)), at + 1});
    at += length;
  }
  tokens.push_back({Token::Kind::kEnd, {}, text.size() + 1});
  return tokens;
}

std::string Quoted(absl::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), IsWordCharacter)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (IsQuote(c) || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace tcpfleet::filter
