#include "agent/sysctl/changes.h"

#include "common/sysctl/value.h"

namespace tcpfleet::agent {

v1::SysctlChange NewChange(const std::string& key, const std::string& old_value,
                           const std::string& new_value) {
  v1::SysctlChange change;
  change.set_key(key);
  change.set_old_value(old_value);
  change.set_new_value(new_value);
  return change;
}

v1::SysctlChange CanonicalChange(const v1::SysctlChange& change) {
  return NewChange(change.key(), sysctl::Canonical(change.key(), change.old_value()),
                   sysctl::Canonical(change.key(), change.new_value()));
}

std::vector<std::string> KeysOf(const v1::SysctlChangeSet& set) {
  std::vector<std::string> keys;
  for (const v1::SysctlChange& change : set.changes()) keys.push_back(change.key());
  return keys;
}

std::string ResultOf(const absl::Status& status) {
  return status.ok() ? "ok" : std::string(status.message());
}

}  // namespace tcpfleet::agent
