#pragma once

#include <absl/container/flat_hash_map.h>

#include <string>

#include "common/base/mutex.h"
#include "controller/audit/sysctl_list.h"

namespace tcpfleet::controller {

// Makes one of those that are the same.
//
// Threads: from any thread.
class SysctlPool {
 public:
  SharedSysctl Share(v1::Sysctl sysctl) {
    std::string bytes = sysctl.SerializeAsString();
    const base::MutexLock lock(mutex_);
    SharedSysctl& shared = by_bytes_[std::move(bytes)];
    if (shared == nullptr) shared = std::make_shared<const v1::Sysctl>(std::move(sysctl));
    return shared;
  }

 private:
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, SharedSysctl> by_bytes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tcpfleet::controller
