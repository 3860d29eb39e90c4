#pragma once

#include <string>
#include <vector>

#include "common/sysctl/persisted.h"

namespace tcpfleet::agent {

// More of one file is not read; nor are more files.
inline constexpr size_t kMostConfigBytes = size_t{1} << 20;
inline constexpr size_t kMostConfigFiles = 1'024;

struct ConfigFiles {
  std::vector<sysctl::ConfigFile> files;
  std::vector<sysctl::Problem> problems;  // files that could not be read, or not whole; line 0
};

// Every file that systemd-sysctl or `sysctl --system` may read, below `root` ("/" for this host);
// their paths are given without it.
ConfigFiles ReadConfigFiles(const std::string& root);

}  // namespace tcpfleet::agent
