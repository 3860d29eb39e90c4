// Listening sockets of a server that shares its address with nobody: a second one on the same
// address is refused in words.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "common/base/ip_address.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

// Non-blocking; connections it accepts have TCP_NODELAY. [::] takes IPv4 too. AlreadyExists when
// somebody listens there; otherwise what bind(2) said.
absl::StatusOr<UniqueFd> ListenExclusively(const base::Endpoint& endpoint);

// A Unix socket and its file, which goes with it.
class UnixListener {
 public:
  // AlreadyExists when a server answers there. The file of a dead server is replaced.
  static absl::StatusOr<UnixListener> Listen(const std::string& path);
  UnixListener(UnixListener&&) = default;
  ~UnixListener();

  int fd() const { return fd_.get(); }

 private:
  UnixListener(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

}  // namespace tcpfleet::sys
