#include "agent/load/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/base/status_macros.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {

TestSocketOptions::TestSocketOptions(const v1::SocketOptions& options)
    : no_delay(options.no_delay()),
      keepalive(options.keepalive()),
      keepalive_idle_seconds(static_cast<int>(options.keepalive_idle_seconds())),
      keepalive_interval_seconds(static_cast<int>(options.keepalive_interval_seconds())),
      keepalive_probes(static_cast<int>(options.keepalive_probes())),
      linger_reset(options.linger_reset()) {}

absl::Status TestSocketOptions::ApplyTo(int fd) const {
  if (no_delay) {
    TF_RETURN_IF_ERROR(sys::SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1));
  }
  if (keepalive) {
    // The times first: SO_KEEPALIVE starts the timer with what is set then.
    TF_RETURN_IF_ERROR(sys::SetOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds));
    TF_RETURN_IF_ERROR(sys::SetOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds));
    TF_RETURN_IF_ERROR(sys::SetOption(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes));
    TF_RETURN_IF_ERROR(sys::SetOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1));
  }
  return linger_reset ? sys::SetLingerReset(fd) : absl::OkStatus();
}

v1::SocketOptions ReadSocketOptions(int fd) {
  const auto get = [fd](int level, int option) {
    return static_cast<uint32_t>(sys::GetOption(fd, level, option).value_or(0));
  };
  v1::SocketOptions options;
  options.set_no_delay(get(IPPROTO_TCP, TCP_NODELAY) != 0);
  options.set_keepalive(get(SOL_SOCKET, SO_KEEPALIVE) != 0);
  options.set_keepalive_idle_seconds(get(IPPROTO_TCP, TCP_KEEPIDLE));
  options.set_keepalive_interval_seconds(get(IPPROTO_TCP, TCP_KEEPINTVL));
  options.set_keepalive_probes(get(IPPROTO_TCP, TCP_KEEPCNT));
  options.set_reuse_address(get(SOL_SOCKET, SO_REUSEADDR) != 0);
  options.set_linger_reset(sys::HasLingerReset(fd).value_or(false));
  return options;
}

}  // namespace tcpfleet::agent
