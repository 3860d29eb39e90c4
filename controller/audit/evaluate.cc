#include "controller/audit/evaluate.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/sysctl/value.h"
#include "controller/audit/kernel_version.h"

namespace tcpfleet::controller {
namespace {

// listen(2) copies it: a server keeps what it had when it called it.
constexpr char kCopiedByListeners[] = "net/core/somaxconn";

struct Applies {
  RuleState state = RuleState::kRight;  // kRight: it does
  std::string why;
};

Applies CheckVersions(const Condition& when, const std::string& kernel) {
  if (when.since.empty() && when.until.empty()) return {};
  const auto version = ParseKernelVersion(kernel);
  if (!version) return {RuleState::kUnknown, absl::StrCat("kernel version unknown: ", kernel)};
  if (!when.since.empty() && *version < *ParseKernelVersion(when.since)) {
    return {RuleState::kNotApplicable, absl::StrCat("since kernel ", when.since)};
  }
  if (!when.until.empty() && *version >= *ParseKernelVersion(when.until)) {
    return {RuleState::kNotApplicable, absl::StrCat("until kernel ", when.until)};
  }
  return {};
}

Applies CheckMemory(const Condition& when, uint64_t bytes) {
  if (!when.least_ram && !when.most_ram) return {};
  if (bytes == 0) return {RuleState::kUnknown, "size of memory unknown"};
  if ((when.least_ram && bytes < *when.least_ram) || (when.most_ram && bytes > *when.most_ram)) {
    return {RuleState::kNotApplicable, "for hosts with another size of memory"};
  }
  return {};
}

Applies CheckLabels(const Condition& when, const std::map<std::string, std::string>& labels) {
  for (const auto& [label, value] : when.labels) {
    const auto found = labels.find(label);
    if (found == labels.end() || found->second != value) {
      return {RuleState::kNotApplicable, absl::StrCat("for hosts with ", label, "=", value)};
    }
  }
  return {};
}

Applies CheckModule(const Condition& when, const std::set<std::string>& loaded) {
  if (when.module.empty() || loaded.contains(when.module)) return {};
  return {RuleState::kNotApplicable, absl::StrCat("module ", when.module, " is not loaded")};
}

Applies Check(const Condition& when, const HostFacts& host) {
  for (const Applies& applies :
       {CheckVersions(when, host.kernel), CheckMemory(when, host.memory_bytes),
        CheckLabels(when, host.labels), CheckModule(when, host.modules)}) {
    if (applies.state != RuleState::kRight) return applies;
  }
  return {};
}

bool IsAtLeast(const std::string& value, const std::string& wanted) {
  const auto numbers = sysctl::ParseNumbers(value);
  const auto least = sysctl::ParseNumbers(wanted);
  return numbers && least && numbers->size() == least->size() &&
         std::equal(numbers->begin(), numbers->end(), least->begin(),
                    [](int64_t number, int64_t bound) { return number >= bound; });
}

bool BoundsHold(const Rule& rule, const std::string& value) {
  const auto numbers = sysctl::ParseNumbers(value);
  if (!numbers || numbers->size() != rule.elements.size()) return false;
  for (size_t i = 0; i < numbers->size(); ++i) {
    if (!rule.elements[i].Hold((*numbers)[i])) return false;
  }
  return true;
}

// Some number is higher than the one that would be written.
bool WouldLower(const std::string& value, const std::string& written) {
  const auto numbers = sysctl::ParseNumbers(value);
  const auto others = sysctl::ParseNumbers(written);
  if (!numbers || !others || numbers->size() != others->size()) return false;
  for (size_t i = 0; i < numbers->size(); ++i) {
    if ((*numbers)[i] > (*others)[i]) return true;
  }
  return false;
}

// More is better, says the rule.
bool HasLowerBound(const Rule& rule) {
  return rule.never_lower ||
         std::any_of(rule.elements.begin(), rule.elements.end(),
                     [](const Bounds& bounds) { return bounds.least && !bounds.most; });
}

void NoteLowering(const Rule& rule, const std::string& value, Judgement& judgement) {
  if (rule.original && HasLowerBound(rule) && WouldLower(value, *rule.original)) {
    judgement.would_lower = true;
    judgement.notes.push_back(
        absl::StrCat("the uncorrected ", *rule.original, " is refused, it would lower it"));
  }
  if (!rule.equals || *rule.equals == value) return;
  if (rule.never_lower) {
    if (IsAtLeast(value, *rule.equals)) {
      judgement.notes.push_back(absl::StrCat("higher than ", *rule.equals, ", left as it is"));
    }
  } else if (WouldLower(value, *rule.equals)) {
    judgement.would_lower = true;
    judgement.notes.push_back(absl::StrCat("setting ", *rule.equals, " would lower it"));
  }
}

// Why no kernel of today has it; empty for all others. Source: kernel commit 4396e46187ca.
absl::string_view RemovalOf(const std::string& key) {
  return key == "net/ipv4/tcp_tw_recycle" ? "removed in 4.12" : "";
}

}  // namespace

const char* RuleStateName(RuleState state) {
  switch (state) {
    case RuleState::kRight:
      return "right";
    case RuleState::kWrong:
      return "wrong";
    case RuleState::kNotApplicable:
      return "not-applicable";
    case RuleState::kUnknown:
      return "unknown";
  }
  return "unknown";
}

bool IsWanted(const Rule& rule, const std::string& value) {
  if (rule.absent) return false;
  if (rule.ordered) {
    const auto numbers = sysctl::ParseNumbers(value);
    if (!numbers || !std::is_sorted(numbers->begin(), numbers->end())) return false;
  }
  if (rule.equals) {
    return value == *rule.equals || (rule.never_lower && IsAtLeast(value, *rule.equals));
  }
  if (!rule.one_of.empty()) {
    return std::find(rule.one_of.begin(), rule.one_of.end(), value) != rule.one_of.end();
  }
  return BoundsHold(rule, value);
}

Judgement Judge(const Rule& rule, const HostFacts& host, const v1::Sysctl* sysctl) {
  Judgement judgement;
  if (const Applies applies = Check(rule.when, host); applies.state != RuleState::kRight) {
    judgement.state = applies.state;
    judgement.notes.push_back(applies.why);
    return judgement;
  }
  if (sysctl == nullptr) {
    judgement.state = rule.absent ? RuleState::kRight : RuleState::kNotApplicable;
    if (!rule.absent) {
      const absl::string_view removed = RemovalOf(rule.key);
      judgement.notes.emplace_back(
          removed.empty() ? "not on this kernel, or its module is not loaded" : removed);
    }
    return judgement;
  }
  if (!sysctl->has_value()) {
    judgement.notes.push_back(absl::StrCat("cannot be read: ", sysctl->unreadable()));
    return judgement;
  }
  judgement.value = sysctl::Canonical(sysctl->key(), sysctl->value());
  judgement.state = IsWanted(rule, *judgement.value) ? RuleState::kRight : RuleState::kWrong;
  NoteLowering(rule, *judgement.value, judgement);
  if (judgement.state == RuleState::kWrong && sysctl->key() == kCopiedByListeners) {
    judgement.needs_restart = true;
    judgement.notes.emplace_back("servers keep the old limit until they listen again");
  }
  if (!sysctl->writable() && judgement.state == RuleState::kWrong) {
    judgement.notes.emplace_back("cannot be written to on this host");
  }
  const v1::PersistedSysctl& at_boot = sysctl->at_boot();
  if (at_boot.has_winner()) {
    judgement.value_after_boot = sysctl::Canonical(sysctl->key(), at_boot.winner().value());
    judgement.after_boot =
        IsWanted(rule, *judgement.value_after_boot) ? RuleState::kRight : RuleState::kWrong;
    judgement.set_by = absl::StrCat(at_boot.winner().file(), ":", at_boot.winner().line());
  }
  const v1::PersistedSysctl& by_procps = sysctl->by_procps();
  const auto value_of = [](const v1::PersistedSysctl& persisted) {
    return persisted.has_winner() ? persisted.winner().value() : std::string();
  };
  if (by_procps.has_winner() != at_boot.has_winner() || value_of(by_procps) != value_of(at_boot)) {
    judgement.notes.push_back(
        by_procps.has_winner()
            ? absl::StrCat("`sysctl --system` sets ", by_procps.winner().value(), " (",
                           by_procps.winner().file(), ":", by_procps.winner().line(), ")")
            : "`sysctl --system` does not set it");
  }
  return judgement;
}

}  // namespace tcpfleet::controller
