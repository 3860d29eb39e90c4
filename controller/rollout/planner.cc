#include "controller/rollout/planner.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "common/base/status_macros.h"
#include "common/sysctl/change_set.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"
#include "controller/rollout/change_notes.h"
#include "controller/rollout/nearest_value.h"
#include "controller/rollout/plan_file.h"

namespace tcpfleet::controller {
namespace {

struct WantedKey {
  std::vector<const Rule*> rules;
  bool is_exact = false;  // asked for by name, not by a profile
};

bool AreWanted(const std::vector<const Rule*>& rules, const std::string& value) {
  return std::all_of(rules.begin(), rules.end(),
                     [&](const Rule* rule) { return IsWanted(*rule, value); });
}

// What a boot makes of the key; nothing when no file sets it.
std::optional<std::string> AtBoot(const v1::Sysctl& sysctl, const v1::PersistedSysctl& persisted) {
  if (!persisted.has_winner()) return std::nullopt;
  return sysctl::Canonical(sysctl.key(), persisted.winner().value());
}

bool IsPersisted(const v1::Sysctl& sysctl, const WantedKey& wanted) {
  for (const v1::PersistedSysctl* persisted : {&sysctl.at_boot(), &sysctl.by_procps()}) {
    const std::optional<std::string> value = AtBoot(sysctl, *persisted);
    if (value ? !AreWanted(wanted.rules, *value) : wanted.is_exact) return false;
  }
  return true;
}

absl::StatusOr<std::string> ValueFor(const v1::Sysctl& sysctl, const WantedKey& wanted,
                                     const std::string& current, bool persist) {
  std::string value = current;
  for (const Rule* rule : wanted.rules) {
    TF_ASSIGN_OR_RETURN(value, NearestWanted(*rule, value));
  }
  if (!AreWanted(wanted.rules, value)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the rules for it exclude each other: ",
                     absl::StrJoin(wanted.rules, " and ", [](std::string* out, const Rule* rule) {
                       absl::StrAppend(out, "'", WantedText(*rule), "'");
                     })));
  }
  const std::optional<std::string> at_boot = AtBoot(sysctl, sysctl.at_boot());
  if (persist && value != current && at_boot && AreWanted(wanted.rules, *at_boot)) return *at_boot;
  return value;
}

class HostPlanner {
 public:
  HostPlanner(const PlanWish& wish, const HostToPlan& host, v1::SysctlPlan& plan)
      : wish_(wish), host_(host), plan_(plan) {}

  void Plan() {
    for (const auto& [key, wanted] : WantedKeys()) PlanKey(key, wanted);
    if (static_cast<int>(changes_.size()) > sysctl::kMostChanges) {
      AddObstacle("", absl::StrCat(changes_.size(), " changes are too many, at most ",
                                   sysctl::kMostChanges));
    }
    if (has_obstacle_) return;
    if (changes_.empty()) return plan_.add_unchanged(host_.host.name);
    v1::PlannedHost& planned = *plan_.add_hosts();
    planned.set_name(host_.host.name);
    planned.set_address(host_.address);
    planned.mutable_set()->set_boot_id(host_.boot_id);
    planned.mutable_set()->set_network_namespace(host_.network_namespace);
    std::sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
      return WritingOrder(a.change) < WritingOrder(b.change);
    });
    for (Change& change : changes_) {
      *planned.mutable_set()->add_changes() = std::move(change.change);
      *planned.add_notes() = std::move(change.note);
    }
  }

 private:
  struct Change {
    v1::SysctlChange change;
    v1::PlannedChange note;
  };

  std::map<std::string, WantedKey> WantedKeys() {
    std::map<std::string, WantedKey> keys;
    for (const Rule& rule : wish_.profile.rules) {
      for (const std::string& key : KeysOf(rule)) keys[key].rules.push_back(&rule);
    }
    for (const Rule& rule : wish_.exact) {
      const std::set<std::string> matching = KeysOf(rule);
      if (matching.empty()) AddObstacle(rule.key, "matches no parameter of this host");
      for (const std::string& key : matching) keys[key] = {{&rule}, true};
    }
    return keys;
  }

  // The keys of this host that a rule is about, one that it does not have included.
  std::set<std::string> KeysOf(const Rule& rule) const {
    if (!sysctl::IsGlob(rule.key)) return {rule.key};
    std::set<std::string> keys;
    for (const v1::Sysctl& sysctl : host_.host.reading->sysctls) {
      if (sysctl::GlobMatches(rule.key, sysctl.key())) keys.insert(sysctl.key());
    }
    return keys;
  }

  void PlanKey(const std::string& key, const WantedKey& wanted) {
    const v1::Sysctl* sysctl = host_.host.reading->sysctls.Find(key);
    WantedKey applying{{}, wanted.is_exact};
    for (const Rule* rule : wanted.rules) {
      const Judgement judgement = Judge(*rule, host_.host.facts, sysctl);
      const std::string why = absl::StrJoin(judgement.notes, "; ");
      if (judgement.state == RuleState::kUnknown) return AddObstacle(key, why);
      if (judgement.state != RuleState::kNotApplicable) {
        applying.rules.push_back(rule);
      } else if (wanted.is_exact) {
        return AddObstacle(key, why);
      }
    }
    if (sysctl != nullptr && !applying.rules.empty()) PlanChange(*sysctl, applying);
  }

  void PlanChange(const v1::Sysctl& sysctl, const WantedKey& wanted) {
    const std::string current = sysctl::Canonical(sysctl.key(), sysctl.value());
    const absl::StatusOr<std::string> value = ValueFor(sysctl, wanted, current, wish_.persist);
    if (!value.ok()) return AddObstacle(sysctl.key(), std::string(value.status().message()));
    if (*value == current && (!wish_.persist || IsPersisted(sysctl, wanted))) return;
    if (!sysctl.writable()) return AddObstacle(sysctl.key(), "cannot be written to on this host");
    Change& change = changes_.emplace_back();
    change.change.set_key(sysctl.key());
    change.change.set_old_value(current);
    change.change.set_new_value(*value);
    change.note = NoteOn(change.change, sysctl);
    for (const Rule* rule : wanted.rules) {
      if (!IsWanted(*rule, current)) change.note.set_reason(rule->reason);
    }
  }

  void AddObstacle(const std::string& key, const std::string& why) {
    has_obstacle_ = true;
    v1::PlanObstacle& obstacle = *plan_.add_obstacles();
    obstacle.set_name(host_.host.name);
    obstacle.set_key(key);
    obstacle.set_why(why);
  }

  const PlanWish& wish_;
  const HostToPlan& host_;
  v1::SysctlPlan& plan_;
  std::vector<Change> changes_;
  bool has_obstacle_ = false;
};

// The kernel takes 0200 for 128 and 0x80 as well; whoever writes the first rarely means it.
absl::Status CheckNumbers(absl::string_view value) {
  for (const absl::string_view word : absl::StrSplit(value, absl::ByAnyChar(" \t"))) {
    if (word.size() > 1 && word[0] == '0' &&
        absl::ascii_isdigit(static_cast<unsigned char>(word[1])) && sysctl::ParseNumbers(word)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "' would be octal, ", sysctl::ParseNumbers(word)->front()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ParseExactValue(const std::string& key, absl::string_view text) {
  TF_RETURN_IF_ERROR(CheckNumbers(text));
  const bool is_line = std::none_of(text.begin(), text.end(), [](char c) {
    return c != '\t' && absl::ascii_iscntrl(static_cast<unsigned char>(c));
  });
  if (!is_line || text.find_first_of("#;") != absl::string_view::npos) {
    return absl::InvalidArgumentError("a value is one line without a comment");
  }
  std::string value = sysctl::Canonical(key, text);
  if (value.empty()) {
    return absl::InvalidArgumentError("no value: the kernel ignores an empty one");
  }
  if (value.size() > sysctl::kLongestValue) {
    return absl::InvalidArgumentError(
        absl::StrCat("a value has at most ", sysctl::kLongestValue, " bytes"));
  }
  return value;
}

}  // namespace

absl::StatusOr<Rule> ParseExactRule(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  if (!absl::StrContains(text, "=")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': write KEY=VALUE, for example net.core.somaxconn=4096"));
  }
  Rule rule;
  TF_ASSIGN_OR_RETURN(rule.key, sysctl::ParseKey(absl::StripAsciiWhitespace(parts.first)));
  absl::StatusOr<std::string> value = ParseExactValue(rule.key, parts.second);
  if (!value.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(sysctl::DottedKey(rule.key), ": ", value.status().message()));
  }
  rule.equals = *std::move(value);
  return rule;
}

std::vector<std::string> KeysOf(const PlanWish& wish) {
  std::vector<std::string> keys = PatternsOf(wish.profile);
  for (const Rule& rule : wish.exact) keys.push_back(rule.key);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

v1::SysctlPlan MakePlan(const PlanWish& wish, absl::Span<const HostToPlan> hosts) {
  v1::SysctlPlan plan;
  const timespec now = absl::ToTimespec(wish.now);
  plan.mutable_created_at()->set_seconds(now.tv_sec);
  plan.mutable_created_at()->set_nanos(static_cast<int32_t>(now.tv_nsec));
  plan.set_author(wish.author);
  plan.set_reason(wish.reason);
  plan.set_profile(wish.profile.name);
  plan.set_persist(wish.persist);
  for (const HostToPlan& host : hosts) HostPlanner(wish, host, plan).Plan();
  SealPlan(plan);
  return plan;
}

}  // namespace tcpfleet::controller
