#include "tests/support/own_network.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/sys/errno_name.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

absl::Status EnterOwnNetwork() {
  if (::unshare(CLONE_NEWNET) != 0) return sys::ErrnoStatus("unshare(CLONE_NEWNET)");
  const sys::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq loopback{.ifr_ifrn = {.ifrn_name = "lo"}, .ifr_ifru = {.ifru_flags = IFF_UP}};
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &loopback) != 0) return sys::ErrnoStatus("set lo up");
  return absl::OkStatus();
}

}  // namespace tcpfleet::tests
