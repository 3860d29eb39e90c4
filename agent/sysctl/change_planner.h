// What of a change set is to be written on this host, and why it may not be. Writes nothing.
//
// Refuses for reasons named in SysctlRefusal.kind; `why` says where a limit is set.
// Threads: any. Blocks while parameters and configuration files are read.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/sysctl/change_target.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::agent {

inline constexpr absl::Duration kOldestPlan = absl::Hours(1);

// Keys that --allow-sysctl default stands for.
inline constexpr const char* kDefaultAllowedKeys[] = {"net/ipv4/tcp_*", "net/core/*",
                                                      "net/ipv4/ip_local_*"};

v1::SysctlRefusal Refusal(std::string key, std::string kind, std::string why);

struct ChangePlan {
  std::vector<v1::SysctlRefusal> refusals;  // empty: the rest holds
  // In order, with the values in force as old_value.
  std::vector<v1::SysctlChange> to_write;
  uint32_t already = 0;
  // The agent's file as it is, and as it is to be; file_left only where both differ.
  std::optional<ChangeTarget::File> file_found;
  std::optional<ChangeTarget::File> file_left;
};

class ChangePlanner {
 public:
  struct Options {
    // In path form; keys that do not match one are refused. Beyond net only those that are named
    // without a pattern. Secrets always are.
    std::vector<std::string> allowed;
    std::string boot_id;
    uint64_t network_namespace = 0;
  };
  ChangePlanner(Options options, const ChangeTarget* target)
      : options_(std::move(options)), target_(target) {}

  // `may_be_old`: the host has been reserved for this set since before it got too old.
  ChangePlan Plan(const v1::SysctlChangeSet& set, absl::Time now, bool may_be_old) const;

 private:
  using Values = std::map<std::string, std::string>;

  std::optional<v1::SysctlRefusal> CheckHost(const v1::SysctlChangeSet& set, absl::Time now,
                                             bool may_be_old) const;
  std::optional<v1::SysctlRefusal> CheckChange(const v1::SysctlChange& change,
                                               const Values& new_values) const;
  std::optional<v1::SysctlRefusal> CheckPossible(const std::string& key) const;
  absl::Status CheckCongestionControl(const v1::SysctlChange& change) const;
  void PlanFile(const v1::SysctlChangeSet& set, ChangePlan& plan) const;
  bool IsAllowed(const std::string& key) const;
  bool IsChildNamespace() const;

  const Options options_;
  const ChangeTarget* const target_;
};

}  // namespace tcpfleet::agent
