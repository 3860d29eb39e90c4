#include "controller/audit/fold.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/sysctl/key.h"
#include "common/sysctl/value.h"
#include "controller/fleet/failure.h"

namespace tcpfleet::controller {
namespace {

std::optional<std::string> ValueSetBy(const v1::PersistedSysctl& persisted,
                                      const std::string& key) {
  if (!persisted.has_winner()) return std::nullopt;
  return sysctl::Canonical(key, persisted.winner().value());
}

// Everything but the names of the hosts.
v1::SysctlGroup Said(const v1::Sysctl& sysctl) {
  v1::SysctlGroup said;
  if (sysctl.has_value()) {
    said.set_value(sysctl::Canonical(sysctl.key(), sysctl.value()));
  } else {
    said.set_unreadable(sysctl.unreadable());
  }
  if (!sysctl.has_at_boot() && !sysctl.has_by_procps()) return said;
  *said.mutable_at_boot() = sysctl.at_boot();
  *said.mutable_by_procps() = sysctl.by_procps();
  const auto at_boot = ValueSetBy(sysctl.at_boot(), sysctl.key());
  const auto by_procps = ValueSetBy(sysctl.by_procps(), sysctl.key());
  said.set_ambiguous(at_boot != by_procps);
  const auto differs = [&](const std::optional<std::string>& set) {
    return set && sysctl.has_value() && *set != said.value();
  };
  said.set_differs_from_files(differs(at_boot) || differs(by_procps));
  return said;
}

class Folder {
 public:
  void Add(const std::string& agent, const SysctlList& sysctls) {
    agents_.push_back(agent);
    for (const v1::Sysctl& sysctl : sysctls) {
      const v1::SysctlGroup said = Said(sysctl);
      v1::SysctlGroup& group =
          keys_[sysctl.key()].try_emplace(said.SerializeAsString(), said).first->second;
      group.add_agents(agent);
    }
  }

  void AddTo(v1::SysctlReport& report) {
    for (auto& [key, groups] : keys_) {
      v1::SysctlKeyReport& entry = *report.add_keys();
      entry.set_key(sysctl::DottedKey(key));
      std::set<std::string> have;
      for (auto& [said, group] : groups) {
        have.insert(group.agents().begin(), group.agents().end());
        *entry.add_groups() = std::move(group);
      }
      AddAbsent(have, entry);
      std::stable_sort(entry.mutable_groups()->begin(), entry.mutable_groups()->end(),
                       [](const v1::SysctlGroup& a, const v1::SysctlGroup& b) {
                         return a.agents_size() > b.agents_size();
                       });
    }
  }

 private:
  void AddAbsent(const std::set<std::string>& have, v1::SysctlKeyReport& entry) const {
    v1::SysctlGroup absent;
    absent.set_absent(true);
    for (const std::string& agent : agents_) {
      if (!have.contains(agent)) absent.add_agents(agent);
    }
    if (absent.agents_size() > 0) *entry.add_groups() = std::move(absent);
  }

  std::vector<std::string> agents_;
  std::map<std::string, std::map<std::string, v1::SysctlGroup>> keys_;  // by key, by what is said
};

// What no host that answered knows.
std::vector<std::string> UnmatchedByAll(absl::Span<const SysctlReading> readings) {
  std::map<std::string, size_t> counts;
  size_t answered = 0;
  for (const SysctlReading& reading : readings) {
    if (!reading.status.ok()) continue;
    ++answered;
    for (const std::string& pattern : reading.unmatched) ++counts[pattern];
  }
  std::vector<std::string> unmatched;
  for (const auto& [pattern, count] : counts) {
    if (count == answered) unmatched.push_back(sysctl::DottedKey(pattern));
  }
  return unmatched;
}

}  // namespace

v1::SysctlReport FoldSysctls(absl::Span<const FleetMember> members,
                             absl::Span<const SysctlReading> readings) {
  v1::SysctlReport report;
  Folder folder;
  for (size_t i = 0; i < readings.size(); ++i) {
    if (readings[i].status.ok()) {
      folder.Add(members[i].target.name, readings[i].sysctls);
      report.set_dropped(report.dropped() + readings[i].dropped);
    } else {
      *report.add_failures() = DescribeFailure(members[i].target, readings[i].status);
    }
  }
  folder.AddTo(report);
  for (std::string& pattern : UnmatchedByAll(readings)) report.add_unmatched(std::move(pattern));
  return report;
}

}  // namespace tcpfleet::controller
