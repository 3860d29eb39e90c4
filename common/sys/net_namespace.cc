#include "common/sys/net_namespace.h"

#include <sched.h>
#include <sys/stat.h>

#include <thread>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/file.h"

namespace tcpfleet::sys {

absl::StatusOr<NetNamespace> NetNamespace::Current() { return Open("/proc/thread-self/ns/net"); }

absl::StatusOr<NetNamespace> NetNamespace::Open(const std::string& path) {
  TF_ASSIGN_OR_RETURN(UniqueFd fd, OpenForRead(path));
  return NetNamespace(std::move(fd));
}

absl::StatusOr<NetNamespace> NetNamespace::CreateNew() {
  absl::StatusOr<NetNamespace> created = absl::UnknownError("not created");
  std::thread([&] {
    created = ::unshare(CLONE_NEWNET) == 0 ? Current() : ErrnoStatus("unshare(CLONE_NEWNET)");
  }).join();
  return created;
}

absl::StatusOr<uint64_t> NetNamespace::Inode() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return ErrnoStatus("fstat of a network namespace");
  return uint64_t{status.st_ino};
}

absl::Status NetNamespace::Run(const std::function<absl::Status()>& work) const {
  absl::Status result;
  std::thread([&] {
    result = ::setns(fd_.get(), CLONE_NEWNET) == 0 ? work() : ErrnoStatus("setns(CLONE_NEWNET)");
  }).join();
  return result;
}

}  // namespace tcpfleet::sys
