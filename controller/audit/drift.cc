#include "controller/audit/drift.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/node_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <tuple>

#include "common/sysctl/key.h"
#include "controller/audit/drift_parts.h"
#include "controller/audit/expected_difference.h"
#include "controller/audit/interface_key.h"

namespace tcpfleet::controller {
namespace {

// What one host, or one of its interfaces, says about one parameter.
struct Said {
  const AuditedHost* host = nullptr;
  const v1::Sysctl* sysctl = nullptr;
  const std::string* value = nullptr;  // canonical
  std::string interface;
};
using Says = std::vector<Said>;

// The value with more votes than any other.
const std::string* Leader(const std::map<std::string, size_t>& votes) {
  const std::pair<const std::string, size_t>* best = nullptr;
  bool tied = false;
  for (const auto& candidate : votes) {
    if (best != nullptr && candidate.second < best->second) continue;
    tied = best != nullptr && candidate.second == best->second;
    best = &candidate;
  }
  return best == nullptr || tied ? nullptr : &best->first;
}

std::optional<std::string> LeaderOf(const std::map<std::string, size_t>& votes) {
  const std::string* const leader = Leader(votes);
  return leader == nullptr ? std::nullopt : std::optional<std::string>(*leader);
}

std::map<std::string, size_t> CountValues(const Says& says) {
  std::map<std::string, size_t> counts;
  for (const Said& said : says) ++counts[*said.value];
  return counts;
}

// Every host has one vote, for what more than half of its interfaces say: those with a hundred
// containers do not outvote the others.
std::optional<std::string> TypicalValue(const Says& says) {
  std::map<const AuditedHost*, Says> by_host;
  for (const Said& said : says) by_host[said.host].push_back(said);
  std::map<std::string, size_t> votes;
  for (const auto& [host, interfaces] : by_host) {
    for (const auto& [value, count] : CountValues(interfaces)) {
      if (count * 2 > interfaces.size()) ++votes[value];
    }
  }
  return LeaderOf(votes.empty() ? CountValues(says) : votes);
}

// What more than half of them say, when there are several.
std::optional<std::string> Majority(const Says& says) {
  for (const auto& [value, count] : CountValues(says)) {
    if (says.size() >= 2 && count * 2 > says.size()) return value;
  }
  return std::nullopt;
}

class DriftFinder {
 public:
  explicit DriftFinder(absl::Span<const AuditedHost> hosts) : hosts_(hosts) {}

  v1::DriftReport Find() {
    report_.set_hosts(hosts_.size());
    for (const AuditedHost& host : hosts_) Sort(host);
    for (auto& [key, says] : plain_) Compare(key, std::move(says));
    for (auto& [pattern, says] : of_interfaces_) CompareInterfaces(pattern, says);
    std::sort(report_.mutable_keys()->begin(), report_.mutable_keys()->end(),
              [](const v1::DriftedKey& a, const v1::DriftedKey& b) { return a.key() < b.key(); });
    explanations_.AddTo(report_);
    return std::move(report_);
  }

 private:
  void Sort(const AuditedHost& host) {
    report_.set_dropped(report_.dropped() + host.reading->dropped);
    for (const v1::Sysctl& sysctl : host.reading->sysctls) {
      const auto [value, is_new] = values_.try_emplace(&sysctl);
      if (is_new) value->second = ValueOf(sysctl);
      Said said{.host = &host,
                .sysctl = &sysctl,
                .value = value->second ? &*value->second : nullptr,
                .interface = ""};
      if (const auto key = ParseInterfaceKey(sysctl.key())) {
        said.interface = key->interface;
        of_interfaces_[key->pattern].push_back(std::move(said));
      } else {
        plain_[sysctl.key()].push_back(std::move(said));
      }
    }
  }

  // Takes out what could not be read, and says so unless nobody could.
  std::set<std::string> TakeUnknown(const std::string& key, Says& says) {
    std::set<std::string> unknown;
    std::string why;
    for (const Said& said : says) {
      if (said.value != nullptr) continue;
      unknown.insert(said.host->name);
      why = said.sysctl->unreadable();
    }
    says.erase(std::remove_if(says.begin(), says.end(),
                              [](const Said& said) { return said.value == nullptr; }),
               says.end());
    if (!says.empty() && !unknown.empty()) {
      explanations_.Add(key, absl::StrCat("cannot be read: ", why), unknown);
    }
    return unknown;
  }

  void NoteMissing(const std::string& key, const Says& says) {
    std::set<std::string> have, kernels;
    for (const Said& said : says) {
      have.insert(said.host->name);
      kernels.insert(said.host->facts.kernel);
    }
    std::set<std::string> missing;
    bool same_kernel = false;
    for (const AuditedHost& host : hosts_) {
      if (have.contains(host.name)) continue;
      missing.insert(host.name);
      same_kernel = same_kernel || kernels.contains(host.facts.kernel);
    }
    if (missing.empty()) return;
    explanations_.Add(key,
                      same_kernel ? "not there: a module is not loaded, or the agent is in a "
                                    "container"
                                  : "not there: another kernel",
                      missing);
  }

  // It differs, and that says nothing.
  bool IsExpected(const std::string& key, const Says& says) {
    const ExpectedDifference* const expected = FindExpectedDifference(key);
    if (expected == nullptr) return false;
    const bool is_set = std::any_of(says.begin(), says.end(),
                                    [](const Said& said) { return IsSetByAFile(*said.sysctl); });
    if (is_set && !expected->is_state) return false;
    explanations_.Add(key, std::string(expected->reason));
    return true;
  }

  void Compare(const std::string& key, Says says) {
    const std::set<std::string> unknown = TakeUnknown(key, says);
    if (says.empty()) return;
    report_.set_compared(report_.compared() + 1);
    if (unknown.empty()) NoteMissing(key, says);
    Report(key, says, LeaderOf(CountValues(says)), unknown);
  }

  void CompareInterfaces(const std::string& pattern, Says says) {
    const std::set<std::string> unknown = TakeUnknown(pattern, says);
    if (says.empty()) return;
    report_.set_compared(report_.compared() + 1);
    const std::optional<std::string> typical = TypicalValue(says);
    std::map<std::string, Says> by_name;
    for (const Said& said : says) by_name[said.interface].push_back(said);
    Says rest;
    for (const auto& [name, namesakes] : by_name) {
      const std::optional<std::string> own = Majority(namesakes);
      if (own && own != typical) {
        Report(namesakes.front().sysctl->key(), namesakes, own, {});
      } else {
        rest.insert(rest.end(), namesakes.begin(), namesakes.end());
      }
    }
    Report(pattern, rest, typical, unknown);
  }

  // Adds an entry when some differ from the reference or, without one, from each other.
  void Report(const std::string& key, const Says& says, const std::optional<std::string>& reference,
              const std::set<std::string>& unknown) {
    const bool differs =
        reference ? std::any_of(says.begin(), says.end(),
                                [&](const Said& said) { return *said.value != *reference; })
                  : CountValues(says).size() > 1;
    if (!differs || IsExpected(key, says)) return;
    v1::DriftedKey& entry = *report_.add_keys();
    entry.set_key(sysctl::DottedKey(key));
    for (const std::string& name : unknown) entry.add_unknown(name);
    AddGroups(says, reference, entry);
    SortGroups(entry);
  }

  static void AddGroups(const Says& says, const std::optional<std::string>& reference,
                        v1::DriftedKey& entry) {
    struct OfHost {
      std::set<std::string> interfaces;
      std::set<std::string> setters;
    };
    std::map<const AuditedHost*, std::map<std::string, OfHost>> by_host;
    for (const Said& said : says) {
      OfHost& of_host = by_host[said.host][*said.value];
      of_host.interfaces.insert(said.interface);
      of_host.setters.insert(SetterOf(*said.sysctl));
    }
    // By value, where on a host, and who sets it; the reference is one group however it is set.
    using Same = std::tuple<std::string, std::set<std::string>, std::set<std::string>>;
    std::map<Same, std::vector<const AuditedHost*>> groups;
    std::set<std::string> reference_setters;
    for (const auto& [host, values] : by_host) {
      for (const auto& [value, of_host] : values) {
        const bool is_reference = value == reference;
        if (is_reference) {
          reference_setters.insert(of_host.setters.begin(), of_host.setters.end());
        }
        Same same{value, {}, {}};
        if (!is_reference && values.size() > 1) std::get<1>(same) = of_host.interfaces;
        if (!is_reference) std::get<2>(same) = of_host.setters;
        groups[std::move(same)].push_back(host);
      }
    }
    for (const auto& [same, hosts] : groups) {
      const auto& [value, interfaces, setters] = same;
      v1::DriftGroup& group = *entry.add_groups();
      group.set_value(value);
      group.set_reference(value == reference);
      const std::set<std::string>& by = group.reference() ? reference_setters : setters;
      if (by.size() == 1) group.set_set_by(*by.begin());
      for (const std::string& interface : interfaces) group.add_interfaces(interface);
      for (const AuditedHost* host : hosts) group.add_agents(host->name);
    }
  }

  const absl::Span<const AuditedHost> hosts_;
  absl::node_hash_map<const v1::Sysctl*, std::optional<std::string>> values_;
  absl::flat_hash_map<std::string, Says> plain_;
  absl::flat_hash_map<std::string, Says> of_interfaces_;
  Explanations explanations_;
  v1::DriftReport report_;
};

}  // namespace

std::vector<std::string> DriftPatterns() {
  return {"fs/file-max", "fs/nr_open",         "kernel/pid_max",      "kernel/threads-max",
          "net",         "vm/min_free_kbytes", "vm/overcommit_memory"};
}

v1::DriftReport FindDrift(absl::Span<const AuditedHost> hosts) { return DriftFinder(hosts).Find(); }

}  // namespace tcpfleet::controller
