#include "agent/sysctl/change_planner.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "agent/sysctl/config_files.h"
#include "agent/sysctl/own_file.h"
#include "agent/sysctl/value_ranges.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sysctl/change_set.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

// How far ahead the clock of the host that planned may be.
constexpr absl::Duration kClockTolerance = absl::Minutes(5);
constexpr uint32_t kOwnFileMode = 0644;

absl::Time PlannedAt(const v1::SysctlChangeSet& set) {
  return absl::FromUnixSeconds(set.planned_at().seconds()) +
         absl::Nanoseconds(set.planned_at().nanos());
}

std::string Quoted(absl::string_view text) { return absl::StrCat("\"", text, "\""); }

}  // namespace

v1::SysctlRefusal Refusal(std::string key, std::string kind, std::string why) {
  v1::SysctlRefusal refusal;
  refusal.set_key(std::move(key));
  refusal.set_kind(std::move(kind));
  refusal.set_why(std::move(why));
  return refusal;
}

bool ChangePlanner::IsAllowed(const std::string& key) const {
  const bool is_net = absl::StartsWith(key, "net/");
  return std::any_of(options_.allowed.begin(), options_.allowed.end(),
                     [&](const std::string& pattern) {
                       return pattern == key || (is_net && sysctl::GlobMatches(pattern, key));
                     });
}

// Parameters of the host's own network devices stand in the first namespace alone.
bool ChangePlanner::IsChildNamespace() const {
  std::error_code error;
  return !std::filesystem::exists(target_->root() + "/proc/sys/net/core/netdev_budget", error);
}

std::optional<v1::SysctlRefusal> ChangePlanner::CheckHost(const v1::SysctlChangeSet& set,
                                                          absl::Time now, bool may_be_old) const {
  if (const absl::Status whole = sysctl::CheckChangeSet(set); !whole.ok()) {
    return Refusal("", "invalid", std::string(whole.message()));
  }
  const absl::Duration age = now - PlannedAt(set);
  if (age > kOldestPlan && !may_be_old) {
    return Refusal(
        "", "stale",
        absl::StrCat("the plan is ", absl::FormatDuration(absl::Trunc(age, absl::Seconds(1))),
                     " old by this host's clock, at most ", absl::FormatDuration(kOldestPlan),
                     "; plan again"));
  }
  if (age < -kClockTolerance) {
    return Refusal("", "stale",
                   "the plan was made in the future by this host's clock: set the clocks");
  }
  if (set.boot_id() != options_.boot_id) {
    return Refusal("", "stale", "the host has booted since the plan was made; plan again");
  }
  if (set.network_namespace() != options_.network_namespace) {
    return Refusal("", "stale",
                   absl::StrCat("the plan is for network namespace ", set.network_namespace(),
                                ", this agent is in ", options_.network_namespace));
  }
  return std::nullopt;
}

std::optional<v1::SysctlRefusal> ChangePlanner::CheckPossible(const std::string& key) const {
  const bool is_child = IsChildNamespace();
  if (!absl::StartsWith(key, "net/") && is_child) {
    return Refusal(
        key, "impossible",
        "belongs to the whole host, and this agent is in a network namespace of its own");
  }
  const std::string path = target_->root() + "/proc/sys/" + key;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    return Refusal(key, "impossible",
                   is_child ? "this network namespace has no such parameter: the kernel or the "
                              "module is missing, or it belongs to the whole host"
                            : "this kernel has no such parameter, or its module is not loaded");
  }
  const Parameter now = ReadParameter(target_->root(), key);
  const absl::Status writable = sys::CheckWritable(path);
  if (!now.writable) {
    return Refusal(key, "impossible",
                   is_child ? "is read-only here: it belongs to the whole host, or shows a state"
                            : "is read-only: it shows a state");
  }
  for (const absl::Status& status : {writable, now.value.status()}) {
    if (!status.ok()) return Refusal(key, "impossible", std::string(status.message()));
  }
  return std::nullopt;
}

absl::Status ChangePlanner::CheckCongestionControl(const v1::SysctlChange& change) const {
  if (change.key() != "net/ipv4/tcp_congestion_control") return absl::OkStatus();
  const auto check = [&](const char* key, absl::string_view what) -> absl::Status {
    TF_ASSIGN_OR_RETURN(const std::string list, ReadParameter(target_->root(), key).value);
    const std::vector<std::string> names = absl::StrSplit(list, ' ', absl::SkipEmpty());
    if (std::find(names.begin(), names.end(), change.new_value()) != names.end()) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError(absl::StrCat("is not ", what, " here; these are: ", list));
  };
  TF_RETURN_IF_ERROR(check("net/ipv4/tcp_available_congestion_control", "available"));
  return IsChildNamespace() ? check("net/ipv4/tcp_allowed_congestion_control", "allowed")
                            : absl::OkStatus();
}

std::optional<v1::SysctlRefusal> ChangePlanner::CheckChange(const v1::SysctlChange& change,
                                                            const Values& new_values) const {
  const std::string& key = change.key();
  if (IsSecret(key))
    return Refusal(key, "policy", "is a secret, which is neither read nor written");
  if (!IsAllowed(key)) {
    return Refusal(key, "policy",
                   options_.allowed.empty()
                       ? "this agent changes no parameters; allow it with --allow-sysctl there"
                       : absl::StrCat("this agent changes only what its --allow-sysctl permits: ",
                                      absl::StrJoin(options_.allowed, ", ",
                                                    [](std::string* out, const std::string& one) {
                                                      out->append(sysctl::DottedKey(one));
                                                    })));
  }
  if (auto refusal = CheckPossible(key)) return refusal;
  const std::string now =
      sysctl::Canonical(key, ReadParameter(target_->root(), key).value.value_or(""));
  const absl::Status in_range =
      CheckRange(key, now, change.new_value(), [&](const std::string& other) {
        const auto changed = new_values.find(other);
        if (changed != new_values.end()) return changed->second;
        return ReadParameter(target_->root(), other).value.value_or("");
      });
  if (!in_range.ok()) return Refusal(key, "invalid", std::string(in_range.message()));
  if (const absl::Status available = CheckCongestionControl(change); !available.ok()) {
    return Refusal(key, "impossible",
                   absl::StrCat(Quoted(change.new_value()), " ", available.message()));
  }
  if (now != change.old_value() && now != change.new_value()) {
    return Refusal(key, "stale",
                   absl::StrCat("is ", Quoted(now), " now and was ", Quoted(change.old_value()),
                                " when the plan was made; plan again"));
  }
  return std::nullopt;
}

void ChangePlanner::PlanFile(const v1::SysctlChangeSet& set, ChangePlan& plan) const {
  const std::string& path = target_->own_file();
  absl::StatusOr<std::optional<ChangeTarget::File>> found = target_->ReadOwnFile();
  const absl::StatusOr<OwnSettings> settings =
      found.ok() ? ParseOwnFile(path, *found ? (*found)->bytes : "") : found.status();
  if (!settings.ok()) {
    plan.refusals.push_back(Refusal("", "impossible", std::string(settings.status().message())));
    return;
  }
  OwnSettings after = *settings;
  for (const v1::SysctlChange& change : set.changes()) after[change.key()] = change.new_value();
  const std::string text = RenderOwnFile(after);
  const OwnFileProof proof(path, text, ReadConfigFiles(target_->root()).files);
  for (const v1::SysctlChange& change : set.changes()) {
    const std::optional<sysctl::Setting> winner = proof.OverruledBy(change.key());
    if (!winner) continue;
    plan.refusals.push_back(Refusal(
        change.key(), "overruled",
        winner->file.empty()
            ? absl::StrCat("a file that is read later, or one of the same name, hides it in ", path)
            : absl::StrCat(winner->file, ":", winner->line, " sets it to ", Quoted(winner->value),
                           " and is read after ", path)));
  }
  plan.file_found = *std::move(found);
  if (!plan.file_found || plan.file_found->bytes != text) {
    plan.file_left = ChangeTarget::File{text, kOwnFileMode};
  }
}

ChangePlan ChangePlanner::Plan(const v1::SysctlChangeSet& set, absl::Time now,
                               bool may_be_old) const {
  ChangePlan plan;
  if (auto refusal = CheckHost(set, now, may_be_old)) {
    plan.refusals.push_back(*std::move(refusal));
    return plan;
  }
  Values new_values;
  for (const v1::SysctlChange& change : set.changes()) {
    new_values[change.key()] = change.new_value();
  }
  for (const v1::SysctlChange& change : set.changes()) {
    if (auto refusal = CheckChange(change, new_values))
      plan.refusals.push_back(*std::move(refusal));
  }
  if (!plan.refusals.empty()) return plan;
  if (set.persist()) PlanFile(set, plan);
  // What the file held before, to count what need not be written.
  OwnSettings persisted;
  if (plan.file_found) {
    persisted = ParseOwnFile(target_->own_file(), plan.file_found->bytes).value_or(OwnSettings());
  }
  for (const v1::SysctlChange& change : set.changes()) {
    std::string raw = ReadParameter(target_->root(), change.key()).value.value_or("");
    const bool in_force = sysctl::Canonical(change.key(), raw) == change.new_value();
    const auto kept = persisted.find(change.key());
    const bool is_kept = kept != persisted.end() && kept->second == change.new_value();
    if (in_force && (!set.persist() || is_kept)) ++plan.already;
    if (in_force) continue;
    plan.to_write.push_back(change);
    plan.to_write.back().set_old_value(std::move(raw));
  }
  return plan;
}

}  // namespace tcpfleet::agent
