// The last answer of every agent to one request, so that it need not come again while it is the
// same. What cannot be kept or read is asked for: no error comes of it.
//
// Owns:    files of the directory whose names begin with "sysctls-", one per request; readable by
//          the user alone, replaced as a whole. Damaged ones, those of others and directories that
//          others can write to are left alone.
// Threads: one.
// Bounds:  kMostCachedHosts hosts, kMostCacheBytes per file, kMostCacheFiles files: the oldest go.
#pragma once

#include <map>
#include <string>

#include "controller/audit/saved_readings.h"

namespace tcpfleet::controller {

inline constexpr size_t kMostCachedHosts = 10'000;
inline constexpr size_t kMostCacheBytes = size_t{64} << 20;
inline constexpr size_t kMostCacheFiles = 32;

class SysctlCache {
 public:
  // An empty directory: nothing is kept.
  SysctlCache(std::string directory, v1::ReadSysctlsRequest request);
  // Writes what is new.
  ~SysctlCache();
  SysctlCache(const SysctlCache&) = delete;
  SysctlCache& operator=(const SysctlCache&) = delete;

  // Null when it has none; valid until the next Put.
  const SysctlReading* Find(const std::string& address) const;
  // Keeps an answer that is whole.
  void Put(const std::string& address, const SysctlReading& reading);

 private:
  void Load();
  void Save();

  const std::string directory_;
  std::string path_;
  std::map<std::string, SysctlReading> by_address_;
  bool is_new_ = false;
};

}  // namespace tcpfleet::controller
