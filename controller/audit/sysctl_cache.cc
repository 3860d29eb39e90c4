#include "controller/audit/sysctl_cache.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/sha256.h"
#include "common/sys/file.h"

namespace tcpfleet::controller {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kPrefix = "sysctls-";
// Then the SHA-256 of the rest, and a newline.
constexpr absl::string_view kMagic = "tcpfleet-sysctls 1 ";
constexpr size_t kHexDigits = 64;
constexpr size_t kHeaderBytes = kMagic.size() + kHexDigits + 1;

bool IsForUserAlone(const fs::file_status& status) {
  return (status.permissions() & (fs::perms::group_write | fs::perms::others_write)) ==
         fs::perms::none;
}

std::optional<v1::DriftBaseline> Parse(const std::string& content) {
  const absl::string_view text = content;
  if (text.size() < kHeaderBytes || !absl::StartsWith(text, kMagic) ||
      text[kHeaderBytes - 1] != '\n') {
    return std::nullopt;
  }
  const absl::string_view payload = text.substr(kHeaderBytes);
  if (text.substr(kMagic.size(), kHexDigits) != base::Sha256Hex(payload)) return std::nullopt;
  v1::DriftBaseline packed;
  if (!packed.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return std::nullopt;
  }
  return packed;
}

// Those of killed writers too.
void RemoveOldest(const std::string& directory) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (!absl::StartsWith(entry.path().filename().string(), std::string(kPrefix))) continue;
    files.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i + kMostCacheFiles < files.size(); ++i) fs::remove(files[i].second, error);
}

}  // namespace

SysctlCache::SysctlCache(std::string directory, v1::ReadSysctlsRequest request)
    : directory_(std::move(directory)) {
  if (directory_.empty()) return;
  request.clear_known_hash();
  path_ = absl::StrCat(directory_, "/", kPrefix,
                       base::Sha256Hex(request.SerializeAsString()).substr(0, 32));
  Load();
}

SysctlCache::~SysctlCache() {
  if (is_new_ && !directory_.empty()) Save();
}

const SysctlReading* SysctlCache::Find(const std::string& address) const {
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? nullptr : &found->second;
}

void SysctlCache::Put(const std::string& address, const SysctlReading& reading) {
  if (!reading.status.ok() || reading.content_hash.empty()) return;
  if (by_address_.size() >= kMostCachedHosts && !by_address_.contains(address)) return;
  by_address_[address] = reading;
  is_new_ = true;
}

void SysctlCache::Load() {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (!fs::is_regular_file(status) || !IsForUserAlone(status) ||
      !IsForUserAlone(fs::status(directory_, error))) {
    return;
  }
  const absl::StatusOr<std::string> content = sys::ReadFile(path_, kMostCacheBytes);
  if (!content.ok()) return;
  const std::optional<v1::DriftBaseline> packed = Parse(*content);
  if (!packed) return;
  auto hosts = UnpackReadings(*packed);
  if (!hosts.ok()) return;
  for (SavedHost& host : *hosts) by_address_[host.address] = std::move(host.reading);
}

void SysctlCache::Save() {
  std::error_code error;
  if (fs::create_directories(directory_, error)) {
    fs::permissions(directory_, fs::perms::owner_all, error);
  }
  if (!IsForUserAlone(fs::status(directory_, error))) return;
  std::vector<SavedHost> hosts;
  for (const auto& [address, reading] : by_address_) hosts.push_back({address, address, reading});
  const std::string payload = PackReadings(hosts).SerializeAsString();
  if (payload.size() + kHeaderBytes > kMostCacheBytes) return;
  const std::string content = absl::StrCat(kMagic, base::Sha256Hex(payload), "\n", payload);
  if (!sys::ReplaceFile(path_, content).ok()) return;
  fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, error);
  RemoveOldest(directory_);
}

}  // namespace tcpfleet::controller
