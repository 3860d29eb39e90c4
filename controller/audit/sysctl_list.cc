#include "controller/audit/sysctl_list.h"

#include <algorithm>

namespace tcpfleet::controller {
namespace {

template <class Entries>
auto FindEntry(Entries& entries, const std::string& key) {
  const auto found = std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const SharedSysctl& sysctl, const std::string& wanted) { return sysctl->key() < wanted; });
  return found != entries.end() && (*found)->key() == key ? found : entries.end();
}

}  // namespace

const v1::Sysctl* SysctlList::Find(const std::string& key) const {
  const auto found = FindEntry(entries_, key);
  return found == entries_.end() ? nullptr : found->get();
}

void SysctlList::Remove(const std::string& key) {
  if (const auto found = FindEntry(entries_, key); found != entries_.end()) entries_.erase(found);
}

}  // namespace tcpfleet::controller
