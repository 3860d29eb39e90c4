#include "controller/fleet/selector.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <set>
#include <string>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"

namespace tcpfleet::controller {
namespace {

struct Term {
  std::string key;
  std::string pattern;
  bool negated = false;
};

// '*' matches any text, also none. Goes back to the last star only, so the time is bounded by the
// product of both lengths.
bool GlobMatches(absl::string_view pattern, absl::string_view text) {
  size_t p = 0;
  size_t t = 0;
  size_t star = absl::string_view::npos;
  size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

absl::StatusOr<Term> ParseTerm(absl::string_view text) {
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos || equals == 0 || text[0] == '!') {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", text,
        "' is not a selection: write LABEL=VALUE or LABEL!=VALUE, for example role=web"));
  }
  Term term;
  term.negated = text[equals - 1] == '!';
  term.key =
      std::string(absl::StripAsciiWhitespace(text.substr(0, equals - (term.negated ? 1 : 0))));
  term.pattern = std::string(absl::StripAsciiWhitespace(text.substr(equals + 1)));
  return term;
}

// A key or group nobody has is a misspelling more likely than a wish for nothing.
absl::Status CheckKnown(const Inventory& inventory, const Term& term) {
  if (term.key == "name") return absl::OkStatus();
  if (term.key == "group") {
    std::vector<std::string> groups;
    for (const auto& [name, members] : inventory.groups) groups.push_back(name);
    const bool found = std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
      return GlobMatches(term.pattern, group);
    });
    if (found) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("no group is named '", term.pattern, "'",
                                                   base::DidYouMean(term.pattern, groups)));
  }
  std::set<std::string> labels = {"name", "group"};
  for (const AgentTarget& host : inventory.hosts) {
    for (const auto& [label, value] : host.labels) labels.insert(label);
  }
  if (labels.count(term.key) > 0) return absl::OkStatus();
  const std::vector<std::string> candidates(labels.begin(), labels.end());
  return absl::InvalidArgumentError(absl::StrCat("no host has the label '", term.key, "'",
                                                 base::DidYouMean(term.key, candidates)));
}

bool HasEqual(const Inventory& inventory, const AgentTarget& host, const Term& term) {
  if (term.key == "group") {
    return std::any_of(inventory.groups.begin(), inventory.groups.end(), [&](const auto& group) {
      return GlobMatches(term.pattern, group.first) && group.second.count(host.name) > 0;
    });
  }
  if (term.key == "name") return GlobMatches(term.pattern, host.name);
  const auto label = host.labels.find(term.key);
  return label != host.labels.end() && GlobMatches(term.pattern, label->second);
}

}  // namespace

absl::StatusOr<std::vector<AgentTarget>> SelectHosts(const Inventory& inventory,
                                                     absl::string_view selection) {
  std::vector<AgentTarget> selected = inventory.hosts;
  for (const absl::string_view text : absl::StrSplit(selection, ',')) {
    TF_ASSIGN_OR_RETURN(const Term term, ParseTerm(absl::StripAsciiWhitespace(text)));
    TF_RETURN_IF_ERROR(CheckKnown(inventory, term));
    std::erase_if(selected, [&](const AgentTarget& host) {
      return HasEqual(inventory, host, term) == term.negated;
    });
  }
  if (selected.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", selection, "' selects none of the ", inventory.hosts.size(), " hosts"));
  }
  return selected;
}

}  // namespace tcpfleet::controller
