#include "controller/generate/sysctl_file.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "common/sysctl/key.h"
#include "common/sysctl/value.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

using Numbers = std::vector<int64_t>;

// Of limits and sizes more is not wrong; of times and switches it may be.
bool IsSize(const std::string& key) {
  constexpr absl::string_view kParts[] = {"_rmem",   "_wmem",   "rmem_",     "wmem_",
                                          "_mem",    "_max",    "somaxconn", "max_",
                                          "backlog", "nr_open", "file-max",  "gc_thresh"};
  return std::any_of(std::begin(kParts), std::end(kParts),
                     [&](absl::string_view part) { return absl::StrContains(key, part); });
}

struct HostValue {
  std::string host;
  std::string value;  // canonical
  RuleState state;
};

// What a rule makes of the hosts that have the key.
struct Subject {
  const Rule& rule;
  std::vector<HostValue> values;
  std::vector<std::string> unknown;
  std::vector<std::string> not_applicable;
};

std::string NamesText(const std::vector<std::string>& names) { return FoldNames(names); }

// "128 on web1; 4096 on web[2-3] (2)"
std::string ValuesText(const Subject& subject) {
  std::map<std::string, std::vector<std::string>> by_value;
  for (const HostValue& one : subject.values) by_value[one.value].push_back(one.host);
  return absl::StrJoin(by_value, "; ", [](std::string* out, const auto& entry) {
    absl::StrAppend(out, entry.first, " on ", NamesText(entry.second));
  });
}

int64_t Nearest(const Bounds& bounds, int64_t value) {
  if (bounds.least && value < *bounds.least) return *bounds.least;
  if (bounds.most && value > *bounds.most) return *bounds.most;
  return value;
}

// The numbers next to those of the wrong hosts that the bounds allow; where the wrong hosts differ,
// the largest.
std::optional<std::string> NextAllowed(const Subject& subject) {
  Numbers wanted(subject.rule.elements.size());
  bool first = true;
  for (const HostValue& one : subject.values) {
    if (one.state != RuleState::kWrong) continue;
    const std::optional<Numbers> numbers = sysctl::ParseNumbers(one.value);
    if (!numbers || numbers->size() != wanted.size()) return std::nullopt;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const int64_t next = Nearest(subject.rule.elements[i], (*numbers)[i]);
      wanted[i] = first ? next : std::max(wanted[i], next);
    }
    first = false;
  }
  return absl::StrJoin(wanted, " ");
}

std::optional<std::string> ValueToSet(const Subject& subject) {
  const Rule& rule = subject.rule;
  if (rule.equals) return rule.equals;
  if (!rule.one_of.empty()) return rule.one_of.front();
  std::optional<std::string> next = NextAllowed(subject);
  if (next && !IsWanted(rule, *next)) return std::nullopt;
  return next;
}

// Some number of a size, or one without an upper bound, would become smaller.
bool WouldLower(const Rule& rule, const std::string& from, const std::string& to) {
  const std::optional<Numbers> before = sysctl::ParseNumbers(from);
  const std::optional<Numbers> after = sysctl::ParseNumbers(to);
  if (!before || !after || before->size() != after->size()) return false;
  for (size_t i = 0; i < before->size(); ++i) {
    if ((*after)[i] >= (*before)[i]) continue;
    const bool bounded = i < rule.elements.size() && rule.elements[i].most;
    const bool open = i < rule.elements.size() && !bounded;
    if (open || rule.never_lower || (!bounded && IsSize(rule.key))) return true;
  }
  return false;
}

Subject SubjectOf(const Rule& rule, const std::string& key, absl::Span<const AuditedHost> hosts) {
  Subject subject{rule, {}, {}, {}};
  for (const AuditedHost& host : hosts) {
    const v1::Sysctl* found = host.reading->sysctls.Find(key);
    const Judgement judgement = Judge(rule, host.facts, found);
    if (judgement.state == RuleState::kNotApplicable || found == nullptr) {
      subject.not_applicable.push_back(host.name);
    } else if (!judgement.value || judgement.state == RuleState::kUnknown) {
      subject.unknown.push_back(host.name);
    } else {
      subject.values.push_back({host.name, *judgement.value, judgement.state});
    }
  }
  return subject;
}

class FileText {
 public:
  void Comment(const std::string& text) { absl::StrAppend(&text_, "# ", Printable(text), "\n"); }
  void Set(const std::string& key, const std::string& value) {
    absl::StrAppend(&text_, Printable(sysctl::DottedKey(key)), " = ", Printable(value), "\n");
  }
  void Blank() { text_.push_back('\n'); }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void WriteKey(const Rule& rule, const std::string& key, absl::Span<const AuditedHost> hosts,
              FileText& file) {
  const std::string name = sysctl::DottedKey(key);
  file.Comment(absl::StrCat(name, ": wanted ", WantedText(rule),
                            rule.reason.empty() ? "" : absl::StrCat(": ", rule.reason)));
  if (rule.absent) return file.Comment("not set: no file can remove it");
  const Subject subject = SubjectOf(rule, key, hosts);
  if (!subject.unknown.empty()) {
    file.Comment(absl::StrCat("not known on ", NamesText(subject.unknown)));
  }
  if (subject.values.empty()) return file.Comment("not set: none of the hosts it is for has it");
  file.Comment(absl::StrCat("now ", ValuesText(subject)));
  if (!subject.not_applicable.empty()) {
    // A file has no conditions.
    file.Comment(
        absl::StrCat("not for ", NamesText(subject.not_applicable), ": leave it out there"));
  }
  const bool all_right =
      std::all_of(subject.values.begin(), subject.values.end(),
                  [](const HostValue& one) { return one.state == RuleState::kRight; });
  if (all_right && !rule.equals) return file.Comment("not set: right as it is");
  const std::optional<std::string> value = ValueToSet(subject);
  if (!value) return file.Comment("not set: no single value is right for all of them");
  std::vector<std::string> lowered;
  for (const HostValue& one : subject.values) {
    if (WouldLower(rule, one.value, *value)) lowered.push_back(one.host);
  }
  if (!lowered.empty()) {
    return file.Comment(absl::StrCat("not set: ", *value, " would lower ", NamesText(lowered)));
  }
  file.Set(key, *value);
}

// The keys of the hosts that a rule is about.
std::set<std::string> KeysOf(const Rule& rule, absl::Span<const AuditedHost> hosts) {
  if (!sysctl::IsGlob(rule.key)) return {rule.key};
  std::set<std::string> keys;
  for (const AuditedHost& host : hosts) {
    for (const v1::Sysctl& sysctl : host.reading->sysctls) {
      if (sysctl::GlobMatches(rule.key, sysctl.key())) keys.insert(sysctl.key());
    }
  }
  return keys;
}

}  // namespace

std::string SysctlFile(const Profile& profile, absl::Span<const AuditedHost> hosts) {
  std::vector<std::string> names;
  for (const AuditedHost& host : hosts) names.push_back(host.name);
  FileText file;
  file.Comment(absl::StrCat("profile ", profile.name, " for ", NamesText(names)));
  file.Comment("for /etc/sysctl.d/95-tcpfleet.conf; `sysctl --system` or a boot applies it");
  for (const Rule& rule : profile.rules) {
    for (const std::string& key : KeysOf(rule, hosts)) {
      file.Blank();
      WriteKey(rule, key, hosts, file);
    }
  }
  return file.Take();
}

}  // namespace tcpfleet::controller
