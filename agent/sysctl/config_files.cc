#include "agent/sysctl/config_files.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>

#include "common/sys/file.h"

namespace tcpfleet::agent {
namespace {

namespace fs = std::filesystem;

// Directories that are one and the same, as /lib and /usr/lib mostly are, are read once.
bool IsRead(const fs::path& directory, std::vector<fs::path>& read) {
  std::error_code error;
  const fs::path real = fs::canonical(directory, error);
  if (error || std::find(read.begin(), read.end(), real) != read.end()) return true;
  read.push_back(real);
  return false;
}

void AddFile(const std::string& root, const std::string& path, ConfigFiles& to) {
  std::error_code error;
  const std::string real = root + path;
  sysctl::ConfigFile& file = to.files.emplace_back();
  file.path = path;
  file.is_directory = fs::is_directory(real, error);
  // A link to /dev/null, or to nowhere, hides others of its name; there is nothing to read.
  if (!fs::is_regular_file(real, error)) return;
  absl::StatusOr<std::string> text = sys::ReadFile(real, kMostConfigBytes);
  if (text.ok()) {
    file.text = *std::move(text);
  } else {
    to.problems.push_back({path, 0, std::string(text.status().message())});
  }
}

}  // namespace

ConfigFiles ReadConfigFiles(const std::string& root) {
  const std::string base = root == "/" ? "" : root;
  ConfigFiles result;
  std::vector<fs::path> read;
  for (const char* directory : sysctl::kDirectories) {
    if (IsRead(base + directory, read)) continue;
    std::error_code error;
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(base + directory, error)) {
      std::string name = entry.path().filename().string();
      if (absl::EndsWith(name, ".conf")) names.push_back(std::move(name));
    }
    if (error) result.problems.push_back({directory, 0, error.message()});
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (result.files.size() == kMostConfigFiles) {
        result.problems.push_back({directory, 0, "has too many files: the rest is not read"});
        break;
      }
      AddFile(base, absl::StrCat(directory, "/", name), result);
    }
  }
  std::error_code error;
  if (fs::exists(base + sysctl::kLastFile, error)) AddFile(base, sysctl::kLastFile, result);
  return result;
}

}  // namespace tcpfleet::agent
