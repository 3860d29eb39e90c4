// What both kinds of drift are put together from.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tcpfleet/v1/report.pb.h"
#include "tcpfleet/v1/sysctl.pb.h"

namespace tcpfleet::controller {

// Canonical; nothing when it could not be read.
std::optional<std::string> ValueOf(const v1::Sysctl& sysctl);

// "FILE:LINE" that sets it at boot; empty when none does.
std::string SetterOf(const v1::Sysctl& sysctl);

// A file sets it, at boot or by `sysctl --system`.
bool IsSetByAFile(const v1::Sysctl& sysctl);

// Keys that differ for a reason, by reason and the hosts it is about.
class Explanations {
 public:
  void Add(const std::string& key, std::string reason, std::set<std::string> agents = {}) {
    keys_[{std::move(reason), std::move(agents)}].insert(key);
  }
  void AddTo(v1::DriftReport& report) const;

 private:
  std::map<std::pair<std::string, std::set<std::string>>, std::set<std::string>> keys_;
};

// Largest group first, the reference before all.
void SortGroups(v1::DriftedKey& key);

}  // namespace tcpfleet::controller
