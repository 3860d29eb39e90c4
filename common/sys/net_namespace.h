// Network namespaces by descriptor. Entering one changes the calling thread only, so work in a
// namespace runs on a thread of its own that ends with it.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

class NetNamespace {
 public:
  // The namespace of the calling thread.
  static absl::StatusOr<NetNamespace> Current();
  // The one behind a path such as /proc/PID/ns/net or /run/netns/NAME.
  static absl::StatusOr<NetNamespace> Open(const std::string& path);
  // A new, empty one; it lives as long as this object, a process or a socket in it.
  // PermissionDenied without CAP_SYS_ADMIN.
  static absl::StatusOr<NetNamespace> CreateNew();

  int fd() const { return fd_.get(); }
  // Inode number: what /proc/PID/ns/net shows.
  absl::StatusOr<uint64_t> Inode() const;

  // Runs `work` inside, on a fresh thread, and waits for it.
  absl::Status Run(const std::function<absl::Status()>& work) const;

 private:
  explicit NetNamespace(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace tcpfleet::sys
