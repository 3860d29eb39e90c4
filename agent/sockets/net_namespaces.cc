#include "agent/sockets/net_namespaces.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/sockets/proc_links.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/directory.h"
#include "common/sys/mount_table.h"
#include "common/sys/net_namespace.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kRetryAfterNs = 60'000'000'000;
constexpr size_t kLongestLink = 64;
// Where ip-netns(8) mounts them; /var/run leads to /run.
constexpr char kNamedDirectory[] = "/run/netns/";

uint64_t InodeOf(const sys::Mount& mount) { return ParseInodeLink(mount.root, "net").value_or(0); }

std::vector<sys::Mount> ReadNamespaceMounts(const std::string& proc_root) {
  absl::StatusOr<std::vector<sys::Mount>> mounts =
      sys::ReadMounts(absl::StrCat(proc_root, "/self/mountinfo"));
  if (!mounts.ok()) return {};
  std::erase_if(
      *mounts, [](const sys::Mount& mount) { return mount.type != "nsfs" || InodeOf(mount) == 0; });
  return *std::move(mounts);
}

}  // namespace

NetNamespaces::NetNamespaces(const base::Clock* clock, std::string proc_root, Open open)
    : clock_(clock), proc_root_(std::move(proc_root)), open_(std::move(open)) {}

absl::StatusOr<netlink::NetlinkSocket> NetNamespaces::OpenInside(const std::string& path,
                                                                 uint64_t inode) {
  TF_ASSIGN_OR_RETURN(const sys::NetNamespace target, sys::NetNamespace::Open(path));
  TF_ASSIGN_OR_RETURN(const uint64_t found, target.Inode());
  if (found != inode) return absl::NotFoundError(absl::StrCat(path, " is another one now"));
  absl::StatusOr<netlink::NetlinkSocket> socket = absl::UnknownError("not opened");
  TF_RETURN_IF_ERROR(target.Run([&] {
    socket = netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG);
    return socket.status();
  }));
  return socket;
}

absl::Status NetNamespaces::Refresh(absl::Duration max_age) {
  const int64_t now_ns = clock_->MonotonicNs();
  if (!is_stale_ && now_ns - refreshed_at_ns_ < absl::ToInt64Nanoseconds(max_age)) {
    return absl::OkStatus();
  }
  TF_ASSIGN_OR_RETURN(const Found found, Find(proc_root_));
  std::erase_if(members_,
                [&](const Member& member) { return !found.paths.contains(member.inode); });
  absl::erase_if(retry_at_ns_,
                 [&](const auto& entry) { return !found.paths.contains(entry.first); });
  if (!Has(found.own)) {
    TF_ASSIGN_OR_RETURN(netlink::NetlinkSocket socket,
                        netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
    members_.push_back({found.own, std::move(socket)});
  }
  for (const auto& [inode, path] : found.paths) {
    if (members_.size() == kMostNamespaces) break;
    const auto refused = retry_at_ns_.find(inode);
    if (Has(inode) || (refused != retry_at_ns_.end() && now_ns < refused->second)) continue;
    absl::StatusOr<netlink::NetlinkSocket> socket = open_(path, inode);
    if (socket.ok()) {
      members_.push_back({inode, *std::move(socket)});
    } else if (!absl::IsNotFound(socket.status())) {
      retry_at_ns_[inode] = now_ns + kRetryAfterNs;
    }
  }
  std::sort(members_.begin(), members_.end(), [&](const Member& a, const Member& b) {
    return std::pair(a.inode != found.own, a.inode) < std::pair(b.inode != found.own, b.inode);
  });
  hidden_ = found.hidden;
  refreshed_at_ns_ = now_ns;
  is_stale_ = false;
  return absl::OkStatus();
}

absl::StatusOr<NetNamespaces::Found> NetNamespaces::Find(const std::string& proc_root) {
  Found found;
  std::array<char, kLongestLink> buffer;
  TF_ASSIGN_OR_RETURN(const sys::Directory proc, sys::Directory::Open(proc_root));
  const auto see = [&](const std::string& link) -> absl::StatusOr<uint64_t> {
    TF_ASSIGN_OR_RETURN(const absl::string_view text,
                        proc.ReadLink(link.c_str(), absl::MakeSpan(buffer)));
    const std::optional<uint64_t> inode = ParseInodeLink(text, "net");
    if (!inode) return absl::DataLossError(absl::StrCat(link, " is no network namespace"));
    found.paths.try_emplace(*inode, absl::StrCat(proc_root, "/", link));
    return *inode;
  };
  const absl::StatusOr<uint64_t> own = see("thread-self/ns/net");
  if (!own.ok()) return base::WithContext("own network namespace", own.status());
  found.own = *own;
  for (const uint32_t pid : ListProcesses(proc_root)) {
    if (absl::IsPermissionDenied(see(absl::StrCat(pid, "/ns/net")).status())) ++found.hidden;
  }
  for (const sys::Mount& mount : ReadNamespaceMounts(proc_root)) {
    found.paths.try_emplace(InodeOf(mount), mount.point);
  }
  return found;
}

absl::btree_map<uint64_t, std::string> NetNamespaces::Names(const std::string& proc_root) {
  absl::btree_map<uint64_t, std::string> names;
  for (const sys::Mount& mount : ReadNamespaceMounts(proc_root)) {
    absl::string_view name = mount.point;
    if (absl::ConsumePrefix(&name, kNamedDirectory)) {
      names.try_emplace(InodeOf(mount), Readable(name));
    }
  }
  return names;
}

bool NetNamespaces::Has(uint64_t inode) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const Member& member) { return member.inode == inode; });
}

void NetNamespaces::Drop(uint64_t inode) {
  std::erase_if(members_, [&](const Member& member) { return member.inode == inode; });
  is_stale_ = true;
}

v1::Collector NetNamespaces::Describe() {
  v1::Collector collector;
  collector.set_name("namespaces");
  const base::SystemClock clock;
  NetNamespaces namespaces(&clock);
  const absl::Status status = namespaces.Refresh(absl::ZeroDuration());
  if (!status.ok()) {
    collector.set_level(v1::Collector::LEVEL_UNAVAILABLE);
    collector.set_detail(std::string(status.message()));
  } else if (!namespaces.retry_at_ns_.empty() || namespaces.hidden_ > 0) {
    collector.set_level(v1::Collector::LEVEL_DEGRADED);
    collector.set_detail(absl::StrCat("sees ", namespaces.members_.size(),
                                      " network namespaces; the others need CAP_SYS_ADMIN and "
                                      "CAP_SYS_PTRACE"));
  } else {
    collector.set_level(v1::Collector::LEVEL_FULL);
  }
  return collector;
}

}  // namespace tcpfleet::agent
