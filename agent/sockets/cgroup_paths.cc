#include "agent/sockets/cgroup_paths.h"

#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/sockets/proc_links.h"
#include "common/base/status_macros.h"
#include "common/sys/directory.h"
#include "common/sys/mount_table.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kShortestPauseNs = 1'000'000'000;
constexpr int64_t kPausesPerWalk = 20;

absl::StatusOr<std::string> FindMountPoint(const std::string& mountinfo) {
  TF_ASSIGN_OR_RETURN(const std::vector<sys::Mount> mounts, sys::ReadMounts(mountinfo));
  const sys::Mount* best = nullptr;
  for (const sys::Mount& mount : mounts) {
    if (mount.type != "cgroup2") continue;
    if (best == nullptr || (best->root != "/" && mount.root == "/")) best = &mount;
  }
  if (best == nullptr) return absl::NotFoundError("cgroup2 is not mounted");
  return best->point;
}

}  // namespace

CgroupPaths::CgroupPaths(const base::Clock* clock, std::string mountinfo)
    : clock_(clock), mountinfo_(std::move(mountinfo)) {}

std::shared_ptr<const std::string> CgroupPaths::Find(uint64_t cgroup_id) {
  auto found = paths_.find(cgroup_id);
  if (found != paths_.end()) return found->second;
  if (missing_.contains(cgroup_id)) return nullptr;
  const int64_t now_ns = clock_->MonotonicNs();
  if (now_ns < next_walk_ns_) return nullptr;
  Walk();
  const int64_t end_ns = clock_->MonotonicNs();
  next_walk_ns_ = end_ns + std::max(kShortestPauseNs, kPausesPerWalk * (end_ns - now_ns));
  found = paths_.find(cgroup_id);
  if (found != paths_.end()) return found->second;
  if (missing_.size() == kMostCgroups) missing_.clear();
  missing_.insert(cgroup_id);
  return nullptr;
}

void CgroupPaths::Walk() {
  const absl::StatusOr<std::string> mount_point = FindMountPoint(mountinfo_);
  if (!mount_point.ok()) return;
  absl::flat_hash_map<uint64_t, std::shared_ptr<const std::string>> paths;
  std::vector<std::string> ahead = {""};
  while (!ahead.empty() && paths.size() < kMostCgroups) {
    const std::string path = std::move(ahead.back());
    ahead.pop_back();
    absl::StatusOr<sys::Directory> directory =
        sys::Directory::Open(absl::StrCat(*mount_point, path));
    const absl::StatusOr<uint64_t> id =
        directory.ok() ? directory->Inode() : absl::StatusOr<uint64_t>(directory.status());
    if (!id.ok()) continue;  // gone meanwhile
    const auto known = paths_.find(*id);
    paths.emplace(*id, known != paths_.end() ? known->second
                                             : std::make_shared<const std::string>(
                                                   path.empty() ? "/" : Readable(path)));
    sys::Directory::Entry entry{};
    while (ahead.size() < kMostCgroups && directory->Next(entry)) {
      if (entry.is_directory) ahead.push_back(absl::StrCat(path, "/", entry.name));
    }
  }
  paths_ = std::move(paths);
}

v1::Collector CgroupPaths::Describe(const std::string& mountinfo) {
  v1::Collector collector;
  collector.set_name("cgroups");
  const absl::Status status = FindMountPoint(mountinfo).status();
  collector.set_level(status.ok() ? v1::Collector::LEVEL_FULL : v1::Collector::LEVEL_UNAVAILABLE);
  collector.set_detail(std::string(status.message()));
  return collector;
}

}  // namespace tcpfleet::agent
