#include "common/filter/parser.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <array>
#include <string>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/filter/lexer.h"

namespace tcpfleet::filter {
namespace {

constexpr size_t kLongestText = 4096;
constexpr sockets::StateMask kDefaultStates =
    sockets::kAllStates & ~sockets::MaskOf(sockets::TcpState::kListen);

struct ComparisonName {
  absl::string_view text;
  Comparison comparison;
};
constexpr std::array kComparisons = {
    ComparisonName{"=", Comparison::kEqual},
    ComparisonName{"==", Comparison::kEqual},
    ComparisonName{"eq", Comparison::kEqual},
    ComparisonName{"!=", Comparison::kNotEqual},
    ComparisonName{"ne", Comparison::kNotEqual},
    ComparisonName{"neq", Comparison::kNotEqual},
    ComparisonName{"<", Comparison::kLess},
    ComparisonName{"lt", Comparison::kLess},
    ComparisonName{"<=", Comparison::kLessOrEqual},
    ComparisonName{"le", Comparison::kLessOrEqual},
    ComparisonName{"leq", Comparison::kLessOrEqual},
    ComparisonName{">", Comparison::kGreater},
    ComparisonName{"gt", Comparison::kGreater},
    ComparisonName{">=", Comparison::kGreaterOrEqual},
    ComparisonName{"ge", Comparison::kGreaterOrEqual},
    ComparisonName{"geq", Comparison::kGreaterOrEqual},
};

std::optional<uint16_t> PortNumber(absl::string_view text) {
  uint32_t port = 0;
  // SimpleAtoi takes signs, a port has none.
  if (text.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::SimpleAtoi(text, &port) || port > UINT16_MAX) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(port);
}

// The parts of ADDRESS[/PREFIX][:PORT]; nothing when brackets do not pair.
struct HostAndPort {
  std::string host;
  std::optional<absl::string_view> port;
};
std::optional<HostAndPort> SplitHost(absl::string_view text) {
  HostAndPort parts;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return std::nullopt;
    parts.host = std::string(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!text.empty() && text[0] != ':' && text[0] != '/') return std::nullopt;
  } else if (text.find(':') != text.rfind(':')) {
    // A bare IPv6 address: its port would need brackets.
    return HostAndPort{std::string(text), std::nullopt};
  }
  const size_t colon = text.find(':');
  absl::StrAppend(&parts.host, text.substr(0, colon));
  if (colon != absl::string_view::npos) parts.port = text.substr(colon + 1);
  return parts;
}

// IPv4-mapped networks, as ss prints the addresses, become IPv4: IpNetwork compares those.
absl::StatusOr<base::IpNetwork> ParseNetwork(const std::string& text) {
  const size_t slash = text.find('/');
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(text.substr(0, slash));
  if (!address.ok() || address->Unmapped() == *address) return base::IpNetwork::Parse(text);
  const std::string plain = address->Unmapped().ToString();
  uint32_t prefix = 0;
  if (slash == std::string::npos) return base::IpNetwork::Parse(plain);
  if (!absl::SimpleAtoi(text.substr(slash + 1), &prefix) || prefix < 96) {
    return absl::InvalidArgumentError("the prefix of a mapped network must be 96 to 128");
  }
  return base::IpNetwork::Parse(absl::StrCat(plain, "/", prefix - 96));
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  absl::StatusOr<Expression> Parse();

 private:
  const Token& Peek() const { return tokens_[next_]; }
  const Token& Take() { return tokens_[Peek().kind == Token::Kind::kEnd ? next_ : next_++]; }
  bool TakeWord(absl::string_view word);
  bool TakeAnd();

  absl::Status ParseTerm();
  absl::Status ParseState(bool exclude);
  absl::Status ParsePort(Side side);
  absl::Status ParseAddress(Side side);
  std::optional<Comparison> TakeComparison();

  static absl::Status Expected(const Token& found, absl::string_view what);

  const std::vector<Token> tokens_;
  size_t next_ = 0;
  Expression expression_;
  bool has_states_ = false;
};

absl::Status Parser::Expected(const Token& found, absl::string_view what) {
  const std::string got =
      found.kind == Token::Kind::kEnd ? "the end" : absl::StrCat("'", found.text, "'");
  return absl::InvalidArgumentError(
      absl::StrCat("filter, column ", found.column, ": expected ", what, ", found ", got));
}

bool Parser::TakeWord(absl::string_view word) {
  if (!absl::EqualsIgnoreCase(Peek().text, word)) return false;
  Take();
  return true;
}

bool Parser::TakeAnd() { return TakeWord("and") || TakeWord("&&") || TakeWord("&"); }

absl::StatusOr<Expression> Parser::Parse() {
  while (Peek().kind != Token::Kind::kEnd) {
    TF_RETURN_IF_ERROR(ParseTerm());
    if (TakeAnd() && Peek().kind == Token::Kind::kEnd) {
      return Expected(Peek(), "a condition after 'and'");
    }
  }
  if (!has_states_) expression_.states = kDefaultStates;
  return std::move(expression_);
}

absl::Status Parser::ParseTerm() {
  if (TakeWord("state")) return ParseState(/*exclude=*/false);
  if (TakeWord("exclude")) return ParseState(/*exclude=*/true);
  if (TakeWord("sport")) return ParsePort(Side::kSource);
  if (TakeWord("dport")) return ParsePort(Side::kDestination);
  if (TakeWord("src")) return ParseAddress(Side::kSource);
  if (TakeWord("dst")) return ParseAddress(Side::kDestination);
  const Token& found = Peek();
  for (const absl::string_view later : {"or", "not", "!", "|", "||", "(", ")"}) {
    if (!absl::EqualsIgnoreCase(found.text, later)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("filter, column ", found.column, ": '", found.text,
                     "' is not supported: conditions can only be joined by 'and'"));
  }
  const std::string words[] = {"state", "exclude", "sport", "dport", "src", "dst", "and"};
  absl::Status status = Expected(found, "state, exclude, sport, dport, src or dst");
  return absl::InvalidArgumentError(
      absl::StrCat(status.message(), base::DidYouMean(found.text, words)));
}

// As in ss(8): `state` words add up, `exclude` takes away, from all states when it comes first.
absl::Status Parser::ParseState(bool exclude) {
  const Token& word = Take();
  const std::optional<sockets::StateMask> states =
      word.kind == Token::Kind::kWord ? sockets::ParseStateGroup(word.text) : std::nullopt;
  if (!states) {
    const absl::Status status = Expected(word, "a TCP state such as established");
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), base::DidYouMean(word.text, sockets::StateWords())));
  }
  if (exclude) {
    if (!has_states_) expression_.states = sockets::kAllStates;
    expression_.states &= ~*states;
  } else {
    expression_.states |= *states;
  }
  has_states_ = true;
  return absl::OkStatus();
}

std::optional<Comparison> Parser::TakeComparison() {
  for (const ComparisonName& name : kComparisons) {
    if (TakeWord(name.text)) return name.comparison;
  }
  return std::nullopt;
}

absl::Status Parser::ParsePort(Side side) {
  const std::optional<Comparison> comparison = TakeComparison();
  if (!comparison) return Expected(Peek(), "one of = != < <= > >= after the port's side");
  const Token& word = Take();
  absl::string_view text = word.text;
  if (absl::StartsWith(text, ":")) text.remove_prefix(1);
  const std::optional<uint16_t> port = PortNumber(text);
  if (!port) return Expected(word, "a port such as :443, 0 to 65535");
  expression_.conditions.push_back(PortCondition{side, *comparison, *port});
  return absl::OkStatus();
}

absl::Status Parser::ParseAddress(Side side) {
  const Token& op = Peek();
  const Comparison comparison = TakeComparison().value_or(Comparison::kEqual);
  if (comparison != Comparison::kEqual && comparison != Comparison::kNotEqual) {
    return Expected(op, "= or != before an address");
  }
  AddressCondition condition{
      .side = side, .negated = comparison == Comparison::kNotEqual, .network = {}, .port = {}};
  const Token& word = Take();
  const absl::string_view what = "an address such as 10.0.0.0/8, 10.1.2.3:443 or [2001:db8::1]:443";
  const std::optional<HostAndPort> parts =
      word.kind == Token::Kind::kWord ? SplitHost(word.text) : std::nullopt;
  if (!parts) return Expected(word, what);
  if (parts->port && *parts->port != "*") {
    condition.port = PortNumber(*parts->port);
    if (!condition.port) return Expected(word, "a port from 0 to 65535 after the address");
  }
  if (!parts->host.empty() && parts->host != "*") {
    absl::StatusOr<base::IpNetwork> network = ParseNetwork(parts->host);
    if (!network.ok()) return Expected(word, absl::StrCat(what, " (names are not resolved)"));
    condition.network = *std::move(network);
  }
  expression_.conditions.push_back(condition);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Expression> ParseExpression(absl::string_view text) {
  if (text.size() > kLongestText) {
    return absl::InvalidArgumentError(
        absl::StrCat("filter: ", text.size(), " characters; at most ", kLongestText));
  }
  TF_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Parse();
}

}  // namespace tcpfleet::filter
