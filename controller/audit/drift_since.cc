#include <absl/strings/str_cat.h>

#include <algorithm>
#include <tuple>

#include "common/sysctl/key.h"
#include "controller/audit/drift.h"
#include "controller/audit/drift_parts.h"
#include "controller/audit/expected_difference.h"
#include "controller/audit/interface_key.h"

namespace tcpfleet::controller {
namespace {

// A pattern names the key or a directory above it.
bool WasAskedFor(absl::Span<const std::string> patterns, const std::string& key) {
  for (size_t end = key.find('/'); true; end = key.find('/', end + 1)) {
    const std::string part = key.substr(0, end);
    if (std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
          return sysctl::GlobMatches(pattern, part);
        })) {
      return true;
    }
    if (end == std::string::npos) return false;
  }
}

class ChangeFinder {
 public:
  ChangeFinder(const Baseline& baseline, absl::Span<const std::string> patterns)
      : baseline_(baseline), patterns_(patterns) {}

  v1::DriftReport Find(absl::Span<const AuditedHost> hosts) {
    report_.set_baseline(baseline_.path);
    if (baseline_.time != absl::InfinitePast()) {
      report_.mutable_baseline_time()->set_seconds(absl::ToUnixSeconds(baseline_.time));
    }
    std::map<std::string, const SysctlReading*> before;
    for (const SavedHost& saved : baseline_.hosts) before[saved.agent] = &saved.reading;
    for (const AuditedHost& host : hosts) {
      const auto found = before.find(host.name);
      if (found == before.end()) {
        report_.add_not_in_baseline(host.name);
        continue;
      }
      report_.set_hosts(report_.hosts() + 1);
      Compare(host, *found->second);
      before.erase(found);
    }
    for (const auto& [name, reading] : before) report_.add_not_now(name);
    AddKeys();
    explanations_.AddTo(report_);
    report_.set_compared(compared_.size());
    return std::move(report_);
  }

 private:
  void Compare(const AuditedHost& host, const SysctlReading& before) {
    report_.set_dropped(report_.dropped() + host.reading->dropped + before.dropped);
    const std::string kernel_then = before.facts ? before.facts->kernel : host.facts.kernel;
    if (before.facts && before.facts->boot_id != host.facts.boot_id) {
      report_.add_booted_since(host.name);
    }
    std::map<std::string, std::pair<const v1::Sysctl*, const v1::Sysctl*>> both;
    for (const v1::Sysctl& sysctl : before.sysctls) {
      if (WasAskedFor(patterns_, sysctl.key())) both[sysctl.key()].first = &sysctl;
    }
    for (const v1::Sysctl& sysctl : host.reading->sysctls) {
      const bool was_asked_for = baseline_.patterns.empty()
                                     ? both.contains(sysctl.key())
                                     : WasAskedFor(baseline_.patterns, sysctl.key());
      if (was_asked_for) both[sysctl.key()].second = &sysctl;
    }
    for (const auto& [key, pair] : both) {
      compared_.insert(key);
      CompareKey(host, key, pair.first, pair.second, host.facts.kernel != kernel_then);
    }
  }

  void CompareKey(const AuditedHost& host, const std::string& key, const v1::Sysctl* before,
                  const v1::Sysctl* now, bool other_kernel) {
    const auto value = [](const v1::Sysctl* sysctl) {
      return sysctl == nullptr ? std::nullopt : ValueOf(*sysctl);
    };
    const std::optional<std::string> then = value(before);
    const std::optional<std::string> current = value(now);
    const auto is_unreadable = [](const v1::Sysctl* sysctl) {
      return sysctl != nullptr && !sysctl->has_value();
    };
    if (is_unreadable(before) || is_unreadable(now)) {
      // Secrets cannot be read at any time.
      if (then || current) unknown_[key].insert(host.name);
      return;
    }
    if (then == current) return;
    const ExpectedDifference* const expected = FindExpectedDifference(key);
    if (expected != nullptr && expected->is_state) {
      return explanations_.Add(key, std::string(expected->reason));
    }
    if (!then || !current) {
      if (ParseInterfaceKey(key)) {
        return explanations_.Add(key, "an interface came or went", {host.name});
      }
      if (other_kernel) return explanations_.Add(key, "the kernel is another", {host.name});
    }
    changes_[key][{then, current, now == nullptr ? "" : SetterOf(*now)}].push_back(host.name);
  }

  void AddKeys() {
    for (const auto& [key, hosts] : unknown_) changes_.try_emplace(key);
    for (const auto& [key, groups] : changes_) {
      v1::DriftedKey& entry = *report_.add_keys();
      entry.set_key(sysctl::DottedKey(key));
      for (const std::string& name : unknown_[key]) entry.add_unknown(name);
      for (const auto& [change, hosts] : groups) {
        const auto& [then, current, setter] = change;
        v1::DriftGroup& group = *entry.add_groups();
        if (then) group.set_value_before(*then);
        if (current) group.set_value(*current);
        group.set_set_by(setter);
        for (const std::string& name : hosts) group.add_agents(name);
      }
      SortGroups(entry);
    }
  }

  using Change = std::tuple<std::optional<std::string>, std::optional<std::string>, std::string>;

  const Baseline& baseline_;
  const absl::Span<const std::string> patterns_;
  std::set<std::string> compared_;
  std::map<std::string, std::map<Change, std::vector<std::string>>> changes_;
  std::map<std::string, std::set<std::string>> unknown_;
  Explanations explanations_;
  v1::DriftReport report_;
};

}  // namespace

v1::DriftReport FindChanges(absl::Span<const AuditedHost> hosts, const Baseline& baseline,
                            absl::Span<const std::string> patterns) {
  return ChangeFinder(baseline, patterns).Find(hosts);
}

}  // namespace tcpfleet::controller
