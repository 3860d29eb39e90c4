#include "controller/fleet/host_list.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "controller/fleet/fleet.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestNumber = 9;        // digits
constexpr size_t kLongestSocketPath = 107;  // sun_path without its final zero
constexpr absl::string_view kUnixPrefix = "unix:";

using Choices = std::vector<std::string>;

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

class HostListParser {
 public:
  explicit HostListParser(absl::string_view list) : list_(list) {}

  absl::StatusOr<std::vector<std::string>> Parse() {
    std::vector<std::string> hosts;
    for (;;) {
      SkipBlanks();
      TF_RETURN_IF_ERROR(ParseHost(hosts));
      if (AtEnd()) return hosts;
      ++position_;  // the comma
    }
  }

 private:
  bool AtEnd() const { return position_ == list_.size(); }
  char Next() const { return AtEnd() ? '\0' : list_[position_]; }
  void SkipBlanks() {
    while (Next() == ' ') ++position_;
  }

  absl::Status Wrong(size_t position, absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat("'", list_, "' character ", position + 1, ": ", what));
  }

  // Up to the next comma or the end; appends what it stands for.
  absl::Status ParseHost(std::vector<std::string>& hosts) {
    const size_t begin = position_;
    const bool is_path = absl::StartsWith(list_.substr(begin), kUnixPrefix);
    std::vector<Choices> parts;
    while (!AtEnd() && Next() != ',') {
      if (Next() == '[') {
        TF_ASSIGN_OR_RETURN(Choices choices, ParseBracket(position_ == begin));
        parts.push_back(std::move(choices));
      } else if (Next() == ' ') {
        SkipBlanks();
        if (!AtEnd() && Next() != ',') return Wrong(position_, "a comma must stand between hosts");
      } else {
        TF_RETURN_IF_ERROR(CheckLetter(is_path));
        if (parts.empty() || parts.back().size() != 1) parts.push_back({""});
        parts.back()[0].push_back(list_[position_++]);
      }
    }
    if (parts.empty()) return Wrong(begin, "a host name is missing");
    size_t total = hosts.size();
    size_t product = 1;
    for (const Choices& choices : parts) {
      product *= choices.size();
      if (total + product > kMostAgents) {
        return Wrong(begin, absl::StrCat("more than ", kMostAgents, " hosts"));
      }
    }
    Expand(parts, 0, "", hosts);
    return absl::OkStatus();
  }

  absl::Status CheckLetter(bool is_path) const {
    const auto c = static_cast<unsigned char>(Next());
    if (c == ']') return Wrong(position_, "']' without '['");
    if (absl::ascii_isalnum(c) || absl::StrContains(".-_:%", Next())) return absl::OkStatus();
    if (is_path && absl::ascii_isgraph(c)) return absl::OkStatus();
    const std::string shown = absl::ascii_isgraph(c)
                                  ? absl::StrCat("'", std::string(1, Next()), "'")
                                  : absl::StrCat("byte ", c);
    return Wrong(position_, absl::StrCat(shown, " cannot stand in a host name"));
  }

  absl::StatusOr<Choices> ParseBracket(bool at_begin) {
    const size_t open = position_;
    const size_t close = list_.find(']', open);
    if (close == absl::string_view::npos) return Wrong(open, "'[' is not closed");
    const absl::string_view inside = list_.substr(open + 1, close - open - 1);
    if (at_begin && absl::StrContains(inside, ':')) {
      position_ = close + 1;
      return Choices{absl::StrCat("[", inside, "]")};
    }
    Choices choices;
    position_ = open + 1;
    for (;;) {
      TF_RETURN_IF_ERROR(ParseRange(choices));
      if (Next() == ']') break;
      if (Next() != ',') {
        return Wrong(position_,
                     "a range holds numbers only: write for example [01-20] or [1,3,5-7]");
      }
      ++position_;
    }
    ++position_;
    return choices;
  }

  absl::StatusOr<absl::string_view> ParseNumber() {
    const size_t begin = position_;
    while (IsDigit(Next())) ++position_;
    const size_t length = position_ - begin;
    if (length == 0) {
      return Wrong(begin, "a range holds numbers only: write for example [01-20] or [1,3,5-7]");
    }
    if (length > kLongestNumber) return Wrong(begin, "the number has more than 9 digits");
    return list_.substr(begin, length);
  }

  absl::Status ParseRange(Choices& choices) {
    const size_t begin = position_;
    TF_ASSIGN_OR_RETURN(const absl::string_view first, ParseNumber());
    absl::string_view last = first;
    if (Next() == '-') {
      ++position_;
      TF_ASSIGN_OR_RETURN(last, ParseNumber());
    }
    uint32_t from = 0;
    uint32_t to = 0;
    if (!absl::SimpleAtoi(first, &from) || !absl::SimpleAtoi(last, &to)) {
      return Wrong(begin, "not a number");
    }
    if (from > to) {
      return Wrong(begin, absl::StrCat("the range runs backwards: write ", last, "-", first));
    }
    if (to - from >= kMostAgents) {
      return Wrong(begin, absl::StrCat("more than ", kMostAgents, " hosts"));
    }
    const size_t width = first.size() > 1 && first.front() == '0' ? first.size() : 0;
    for (uint32_t number = from; number <= to; ++number) {
      const std::string digits = absl::StrCat(number);
      const size_t zeros = width > digits.size() ? width - digits.size() : 0;
      choices.push_back(absl::StrCat(std::string(zeros, '0'), digits));
    }
    if (choices.size() > kMostAgents) {
      return Wrong(begin, absl::StrCat("more than ", kMostAgents, " hosts"));
    }
    return absl::OkStatus();
  }

  static void Expand(const std::vector<Choices>& parts, size_t index, const std::string& begun,
                     std::vector<std::string>& hosts) {
    if (index == parts.size()) {
      hosts.push_back(begun);
      return;
    }
    for (const std::string& choice : parts[index]) {
      Expand(parts, index + 1, absl::StrCat(begun, choice), hosts);
    }
  }

  const absl::string_view list_;
  size_t position_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> ExpandHostList(absl::string_view list) {
  return HostListParser(list).Parse();
}

absl::StatusOr<std::string> AgentAddress(absl::string_view host) {
  if (absl::StartsWith(host, kUnixPrefix)) {
    const absl::string_view path = host.substr(kUnixPrefix.size());
    if (!absl::StartsWith(path, "/")) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", host, "' needs an absolute path: write unix:/run/tcpfleet/agent.sock"));
    }
    if (path.size() > kLongestSocketPath) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", host, "': a socket path has at most ", kLongestSocketPath, " bytes"));
    }
    return std::string(host);
  }
  TF_ASSIGN_OR_RETURN(const base::HostPort host_port, base::ParseHostPort(host, kAgentPort));
  return host_port.ToString();
}

absl::StatusOr<std::vector<AgentTarget>> ParseAgentList(absl::string_view list) {
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> hosts, ExpandHostList(list));
  std::vector<AgentTarget> targets;
  targets.reserve(hosts.size());
  for (const std::string& host : hosts) {
    AgentTarget target;
    TF_ASSIGN_OR_RETURN(target.address, AgentAddress(host));
    target.name = target.address;
    if (!absl::StartsWith(host, kUnixPrefix)) {
      TF_ASSIGN_OR_RETURN(const base::HostPort host_port, base::ParseHostPort(host, kAgentPort));
      if (host_port.port == kAgentPort) target.name = host_port.host;
    }
    targets.push_back(std::move(target));
  }
  TF_RETURN_IF_ERROR(CheckDistinct(targets));
  return targets;
}

absl::Status CheckDistinct(absl::Span<const AgentTarget> targets) {
  std::set<absl::string_view> names;
  std::map<absl::string_view, absl::string_view> name_at;
  for (const AgentTarget& target : targets) {
    if (!names.insert(target.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("agent '", target.name, "' is named twice"));
    }
    const auto [other, is_new] = name_at.emplace(target.address, target.name);
    if (!is_new) {
      return absl::InvalidArgumentError(absl::StrCat("agents '", other->second, "' and '",
                                                     target.name, "' are the same address ",
                                                     target.address));
    }
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
