#include "common/filter/condition_parser.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/filter/host_operand.h"
#include "common/filter/quantity.h"

namespace tcpfleet::filter {
namespace {

constexpr int64_t kRegexMemory = 1 << 20;
constexpr char kRegexCharacters[] = "\\.+*?()|[]{}^$";

constexpr std::array<absl::string_view, 20> kWords = {
    "sport", "dport",   "lport", "pport", "src",  "dst",   "saddr",
    "daddr", "laddr",   "paddr", "local", "peer", "dev",   "autobound",
    "state", "exclude", "not",   "and",   "or",   "fwmark"};

// What the typed word may be a misspelling of: not itself, in the wrong place.
std::vector<std::string> WordsBut(absl::string_view typed) {
  std::vector<std::string> words = TopicNames();
  for (const absl::string_view word : kWords) {
    if (!absl::EqualsIgnoreCase(word, typed)) words.emplace_back(word);
  }
  return words;
}

bool IsOperand(const Token& token) {
  return token.kind == Token::Kind::kWord || token.kind == Token::Kind::kQuoted;
}

std::string Mentioned(const Token& token) { return absl::StrCat("'", token.text, "'"); }

absl::StatusOr<uint32_t> ParseU32(absl::string_view text) {
  static constexpr Quantity kPlain{"it", Quantity::Source::kField, {}, Unit::kNumber};
  TF_ASSIGN_OR_RETURN(const uint64_t value, ParseLiteral(kPlain, text));
  if (value > UINT32_MAX) return absl::InvalidArgumentError("too large");
  return static_cast<uint32_t>(value);
}

// As the kernel's cgroup2 tree names it: below the mount, with a leading slash. ss takes it with
// and without the mount.
std::string CgroupPath(absl::string_view typed) {
  if (absl::StartsWith(typed, "*")) return std::string(typed);
  const std::string whole = absl::StrCat(absl::StartsWith(typed, "/") ? "" : "/", typed, "/");
  absl::string_view path = whole;
  while (absl::StartsWith(path, "/sys/fs/cgroup/")) path.remove_prefix(strlen("/sys/fs/cgroup"));
  while (absl::EndsWith(path, "/")) path.remove_suffix(1);
  return path.empty() ? "/" : std::string(path);
}

}  // namespace

absl::StatusOr<Expression> ConditionParser::Parse() {
  const Token name = tokens_.Peek();
  for (const absl::string_view word : {"sport", "lport"}) {
    if (tokens_.TakeIf(word)) return ParsePort(Side::kSource);
  }
  for (const absl::string_view word : {"dport", "pport"}) {
    if (tokens_.TakeIf(word)) return ParsePort(Side::kDestination);
  }
  for (const absl::string_view word : {"src", "saddr", "laddr", "local"}) {
    if (tokens_.TakeIf(word)) return ParseHost(Side::kSource);
  }
  for (const absl::string_view word : {"dst", "daddr", "paddr", "peer"}) {
    if (tokens_.TakeIf(word)) return ParseHost(Side::kDestination);
  }
  if (tokens_.TakeIf("dev")) return ParseDevice();
  if (tokens_.TakeIf("fwmark")) return ParseMark();
  if (tokens_.TakeIf("autobound")) {
    return Expression::Of(AutoboundCondition{.first = resolver_.first_ephemeral_port,
                                             .last = resolver_.last_ephemeral_port});
  }
  const std::optional<Topic> topic =
      name.kind == Token::Kind::kWord ? FindTopic(name.text) : std::nullopt;
  if (!topic) {
    const absl::Status status =
        Expected(name, "a condition such as dport = :443, src 10.0.0.0/8 or rtt > 20ms");
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), base::DidYouMean(name.text, WordsBut(name.text))));
  }
  tokens_.Take();
  if (const auto* quantity = std::get_if<Quantity>(&*topic)) return ParseNumber(*quantity, name);
  if (const auto* text = std::get_if<TextSource>(&*topic)) return ParseText(*text, name);
  return ParseLimited(name);
}

absl::StatusOr<Expression> ConditionParser::ParsePort(Side side) {
  const Comparison comparison = tokens_.TakeComparison().value_or(Comparison::kEqual);
  const Token word = tokens_.Take();
  const absl::string_view what = "a port such as :443, 0 to 65535";
  if (!IsOperand(word)) return Expected(word, what);
  absl::string_view text = word.text;
  const std::optional<base::IpAddress::Family> family = TakeFamily(text);
  absl::ConsumePrefix(&text, ":");
  HostCondition end{.side = side, .negated = false, .family = family, .network = {}, .port = {}};
  if (text == "*" && comparison == Comparison::kEqual) {
    return family ? Expression::Of(end) : Expression::Constant(true);
  }
  if (text.empty() || text.find_first_of("*:/[]") != absl::string_view::npos) {
    return Expected(word, what);
  }
  TF_ASSIGN_OR_RETURN(const uint16_t port, ResolvePort(word, std::string(text)));
  const Expression compared = Expression::Of(PortCondition{side, comparison, port});
  return family ? AllOf(Expression::Of(end), compared) : compared;
}

absl::StatusOr<bool> ConditionParser::TakeNegation(absl::string_view what) {
  const Token op = tokens_.Peek();
  const Comparison comparison = tokens_.TakeComparison().value_or(Comparison::kEqual);
  if (comparison == Comparison::kEqual) return false;
  if (comparison == Comparison::kNotEqual) return true;
  return Expected(op, absl::StrCat("= or != before ", what));
}

absl::StatusOr<Expression> ConditionParser::ParseHost(Side side) {
  TF_ASSIGN_OR_RETURN(const bool negated, TakeNegation("an address"));
  const Token word = tokens_.Take();
  const absl::StatusOr<HostOperand> operand =
      ParseHostOperand(IsOperand(word) ? word.text : std::string());
  if (!operand.ok()) return Expected(word, operand.status().message());
  HostCondition condition{.side = side,
                          .negated = false,
                          .family = operand->family,
                          .network = operand->network,
                          .port = {}};
  if (!operand->port.empty()) {
    TF_ASSIGN_OR_RETURN(condition.port, ResolvePort(word, operand->port));
  }
  Expression expression = Expression::Of(condition);
  if (!operand->name.empty()) {
    TF_ASSIGN_OR_RETURN(expression, ResolveHost(word, operand->name, condition));
  } else if (!condition.family && !condition.network && !condition.port) {
    expression = Expression::Constant(true);
  }
  return negated ? Not(std::move(expression)) : expression;
}

absl::StatusOr<Expression> ConditionParser::ResolveHost(const Token& word, const std::string& name,
                                                        const HostCondition& rest) const {
  if (!resolver_.addresses) {
    return Expected(word, "an address such as 10.1.2.3:443 (names are not resolved here)");
  }
  const absl::StatusOr<std::vector<base::IpAddress>> addresses = resolver_.addresses(name);
  if (!addresses.ok()) return Mistake(word, addresses.status().message());
  Expression any = Expression::Constant(false);
  for (const base::IpAddress& address : *addresses) {
    if (rest.family && *rest.family != address.family()) continue;
    HostCondition condition = rest;
    condition.network = Network{address, static_cast<uint8_t>(address.bytes().size() * 8)};
    any = AnyOf(std::move(any), Expression::Of(condition));
  }
  if (any.kind == Expression::Kind::kFalse) {
    return Mistake(word, absl::StrCat("'", name, "' has no address of that family"));
  }
  return any;
}

absl::StatusOr<uint16_t> ConditionParser::ResolvePort(const Token& word,
                                                      const std::string& port) const {
  if (const std::optional<uint16_t> number = ParsePortNumber(port)) return *number;
  const bool is_name = port.find_first_not_of("+-0123456789") != std::string::npos;
  if (!is_name) return Expected(word, "a port such as :443, 0 to 65535");
  if (!resolver_.port) {
    return Expected(word, "a port such as :443 (services are not resolved here)");
  }
  const absl::StatusOr<uint16_t> number = resolver_.port(port);
  if (!number.ok()) return Mistake(word, number.status().message());
  return *number;
}

absl::StatusOr<Expression> ConditionParser::ParseDevice() {
  TF_ASSIGN_OR_RETURN(const bool negated, TakeNegation("a device"));
  const Token word = tokens_.Take();
  if (!IsOperand(word) || word.text.empty()) return Expected(word, "a device such as eth0 or 2");
  DeviceCondition condition{.negated = negated, .index = {}, .name = word.text};
  if (const absl::StatusOr<uint32_t> index = ParseU32(word.text); index.ok()) {
    condition = {.negated = negated, .index = *index, .name = {}};
  } else if (resolver_.device) {
    const absl::StatusOr<uint32_t> resolved = resolver_.device(word.text);
    if (!resolved.ok()) return Mistake(word, resolved.status().message());
    condition = {.negated = negated, .index = *resolved, .name = {}};
  } else if (!resolver_.keep_device_names) {
    return Expected(word, "the index of a device, such as 2 (names are not resolved here)");
  }
  return Expression::Of(std::move(condition));
}

absl::StatusOr<Expression> ConditionParser::ParseMark() {
  TF_ASSIGN_OR_RETURN(const bool negated, TakeNegation("a mark"));
  const Token word = tokens_.Take();
  const size_t slash = word.text.find('/');
  const absl::StatusOr<uint32_t> mark = ParseU32(word.text.substr(0, slash));
  const absl::StatusOr<uint32_t> mask = slash == std::string::npos
                                            ? absl::StatusOr<uint32_t>(UINT32_MAX)
                                            : ParseU32(word.text.substr(slash + 1));
  if (!IsOperand(word) || !mark.ok() || !mask.ok()) {
    return Expected(word, "a mark such as 0x1 or 0x1/0xff");
  }
  return Expression::Of(MarkCondition{negated, *mark, *mask});
}

absl::StatusOr<Expression> ConditionParser::ParseNumber(const Quantity& quantity,
                                                        const Token& name) {
  const Token op = tokens_.Peek();
  const std::optional<Comparison> comparison = tokens_.TakeComparison();
  if (!comparison) {
    return Expected(op, absl::StrCat("one of = != < <= > >= after ", Mentioned(name)));
  }
  const Token word = tokens_.Take();
  if (!IsOperand(word)) {
    return Expected(word, absl::StrCat("what to compare ", Mentioned(name), " with"));
  }
  const absl::StatusOr<uint64_t> value = ParseLiteral(quantity, word.text);
  if (!value.ok()) return Mistake(word, value.status().message());
  return Expression::Of(NumberCondition{quantity, *comparison, *value});
}

absl::StatusOr<Expression> ConditionParser::ParseText(TextSource source, const Token& name) {
  TextCondition condition;
  condition.source = source;
  const Token op = tokens_.Peek();
  condition.negated = tokens_.Sees("!~");
  condition.is_search = tokens_.TakeIf("~") || tokens_.TakeIf("!~");
  if (!condition.is_search) {
    const std::optional<Comparison> comparison = tokens_.TakeComparison();
    const bool is_bare = !comparison && source == TextSource::kCgroup && IsOperand(op);
    if (!is_bare && comparison != Comparison::kEqual && comparison != Comparison::kNotEqual) {
      return Expected(op, absl::StrCat("one of = != ~ !~ after ", Mentioned(name)));
    }
    condition.negated = comparison == Comparison::kNotEqual;
  }
  const Token word = tokens_.Take();
  if (!IsOperand(word)) {
    return Expected(word, absl::StrCat("what to compare ", Mentioned(name), " with"));
  }
  if (condition.is_search) return SearchFor(std::move(condition), word);
  condition.pattern = source == TextSource::kCgroup ? CgroupPath(word.text) : word.text;
  return Expression::Of(std::move(condition));
}

absl::StatusOr<Expression> ConditionParser::SearchFor(TextCondition condition,
                                                      const Token& pattern) {
  condition.pattern = pattern.text;
  if (pattern.text.find_first_of(kRegexCharacters) != std::string::npos) {
    if (++patterns_ > kMostPatterns) {
      return Mistake(pattern, absl::StrCat("more than ", kMostPatterns, " regular expressions"));
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(kRegexMemory);
    condition.regex = std::make_shared<const RE2>(pattern.text, options);
    if (!condition.regex->ok()) {
      return Mistake(pattern, absl::StrCat("not a regular expression: ", condition.regex->error()));
    }
  }
  return Expression::Of(std::move(condition));
}

absl::StatusOr<Expression> ConditionParser::ParseLimited(const Token& name) {
  const Token op = tokens_.Peek();
  const std::optional<Comparison> comparison = tokens_.TakeComparison();
  if (comparison != Comparison::kEqual && comparison != Comparison::kNotEqual) {
    return Expected(op, absl::StrCat("= or != after ", Mentioned(name)));
  }
  const Token word = tokens_.Take();
  const std::optional<sockets::Limit> limit = sockets::ParseLimit(word.text);
  if (!limit) {
    std::vector<std::string> names;
    for (int i = 0; i <= static_cast<int>(sockets::Limit::kNetwork); ++i) {
      names.emplace_back(sockets::LimitName(static_cast<sockets::Limit>(i)));
    }
    const absl::Status status =
        Expected(word, "one of application, receiver, sndbuf, cwnd, network");
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), base::DidYouMean(word.text, names)));
  }
  return Expression::Of(LimitCondition{comparison == Comparison::kNotEqual, *limit});
}

}  // namespace tcpfleet::filter
