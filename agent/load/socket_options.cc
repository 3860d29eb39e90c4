#include "agent/load/socket_options.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

// SYNs with data whose connections wait to be accepted.
constexpr int kFastOpenQueue = 4'096;
constexpr size_t kMostNameBytes = 15;  // TCP_CA_NAME_MAX and IFNAMSIZ without the last zero
constexpr uint32_t kMostInt = std::numeric_limits<int>::max();

// "cubic reno", or nothing.
std::string NamesIn(const char* path) {
  const absl::StatusOr<std::string> text = sys::ReadFile(path);
  if (!text.ok()) return "";
  const std::vector<std::string> names =
      absl::StrSplit(*text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  return absl::StrJoin(names, " ");
}

absl::Status CheckRange(absl::string_view field, uint64_t value, uint64_t most) {
  if (value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("socket option ", field, " is ", value, ", it may be at most ", most));
}

absl::Status CheckValues(const v1::StressSpec& spec, const v1::SocketOptions& options) {
  TF_RETURN_IF_ERROR(CheckRange("dscp", options.dscp(), 63));
  TF_RETURN_IF_ERROR(CheckRange("send_buffer_bytes", options.send_buffer_bytes(), kMostInt));
  TF_RETURN_IF_ERROR(CheckRange("receive_buffer_bytes", options.receive_buffer_bytes(), kMostInt));
  TF_RETURN_IF_ERROR(CheckRange("user_timeout_ms", options.user_timeout_ms(), kMostInt));
  TF_RETURN_IF_ERROR(CheckRange("notsent_lowat_bytes", options.notsent_lowat_bytes(), kMostInt));
  TF_RETURN_IF_ERROR(CheckRange("length of congestion_control", options.congestion_control().size(),
                                kMostNameBytes));
  TF_RETURN_IF_ERROR(
      CheckRange("length of bind_interface", options.bind_interface().size(), kMostNameBytes));
  const bool sends_first = spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
                           spec.workload() == v1::StressSpec::WORKLOAD_RR ||
                           (spec.workload() == v1::StressSpec::WORKLOAD_STREAM &&
                            spec.direction() != v1::StressSpec::DIRECTION_RECEIVE);
  if (options.fast_open() && !sends_first) {
    return absl::InvalidArgumentError(
        "socket option fast_open needs a client that sends first: crr, rr, or stream in another "
        "direction than receive");
  }
  return absl::OkStatus();
}

// What would help, by the option that was refused.
std::string AdviceFor(const v1::SocketOptions& options, const absl::Status& refusal) {
  const absl::string_view message = refusal.message();
  if (message.find("TCP_CONGESTION") != message.npos) {
    return absl::IsPermissionDenied(refusal)
               ? absl::StrCat("; without CAP_NET_ADMIN there are ",
                              NamesIn("/proc/sys/net/ipv4/tcp_allowed_congestion_control"),
                              " (net.ipv4.tcp_allowed_congestion_control)")
               : absl::StrCat("; this host has ",
                              NamesIn("/proc/sys/net/ipv4/tcp_available_congestion_control"),
                              " (net.ipv4.tcp_available_congestion_control)");
  }
  if (absl::IsPermissionDenied(refusal)) return "; the agent needs CAP_NET_ADMIN for it";
  if (message.find("SO_BINDTODEVICE") != message.npos) {
    return absl::StrCat("; is there an interface ", options.bind_interface(), " on this host?");
  }
  return "";
}

}  // namespace

TestSocketOptions::TestSocketOptions(const v1::SocketOptions& options)
    : linger_reset(options.linger_reset()),
      congestion_control_(options.congestion_control()),
      bind_interface_(options.bind_interface()),
      type_of_service_(static_cast<int>(options.dscp() << 2)),
      fast_open_(options.fast_open()),
      quick_ack_(options.quick_ack()) {
  const auto add = [this](const char* name, int level, int option, uint32_t value) {
    if (value != 0) numbers_.push_back({name, level, option, static_cast<int>(value)});
  };
  add("TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, options.no_delay());
  if (options.keepalive()) {
    // The times first: SO_KEEPALIVE starts the timer with what is set then.
    add("TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, options.keepalive_idle_seconds());
    add("TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, options.keepalive_interval_seconds());
    add("TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, options.keepalive_probes());
    add("SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1);
  }
  add("SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, options.send_buffer_bytes());
  add("SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, options.receive_buffer_bytes());
  add("SO_MARK", SOL_SOCKET, SO_MARK, options.mark());
  add("TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, options.user_timeout_ms());
  add("TCP_NOTSENT_LOWAT", IPPROTO_TCP, TCP_NOTSENT_LOWAT, options.notsent_lowat_bytes());
  add("TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, options.quick_ack());
}

absl::Status TestSocketOptions::ApplyTo(int fd) const {
  TF_RETURN_IF_ERROR(Apply(fd));
  if (!fast_open_) return absl::OkStatus();
  return base::WithContext("TCP_FASTOPEN_CONNECT",
                           sys::SetOption(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1));
}

absl::Status TestSocketOptions::ApplyToListener(int fd) const {
  TF_RETURN_IF_ERROR(Apply(fd));
  if (!fast_open_) return absl::OkStatus();
  return base::WithContext("TCP_FASTOPEN",
                           sys::SetOption(fd, IPPROTO_TCP, TCP_FASTOPEN, kFastOpenQueue));
}

absl::Status TestSocketOptions::Apply(int fd) const {
  for (const Number& number : numbers_) {
    const absl::Status status = sys::SetOption(fd, number.level, number.option, number.value);
    if (!status.ok()) return base::WithContext(number.name, status);
  }
  if (type_of_service_ != 0) {
    TF_RETURN_IF_ERROR(ApplyDscp(fd));
  }
  if (!congestion_control_.empty()) {
    TF_RETURN_IF_ERROR(sys::SetCongestionControl(fd, congestion_control_));
  }
  if (!bind_interface_.empty()) {
    TF_RETURN_IF_ERROR(sys::BindToInterface(fd, bind_interface_));
  }
  return linger_reset ? sys::SetLingerReset(fd) : absl::OkStatus();
}

absl::Status TestSocketOptions::ApplyDscp(int fd) const {
  // Also on IPv6 sockets, which may speak IPv4.
  TF_RETURN_IF_ERROR(
      base::WithContext("IP_TOS", sys::SetOption(fd, IPPROTO_IP, IP_TOS, type_of_service_)));
  TF_ASSIGN_OR_RETURN(const int family, sys::GetOption(fd, SOL_SOCKET, SO_DOMAIN));
  if (family != AF_INET6) return absl::OkStatus();
  return base::WithContext("IPV6_TCLASS",
                           sys::SetOption(fd, IPPROTO_IPV6, IPV6_TCLASS, type_of_service_));
}

void TestSocketOptions::SetQuickAck(int fd) {
  // When this fails the connection is already gone.
  (void)sys::SetOption(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
}

absl::Status CheckSocketOptions(const v1::StressSpec& spec, const v1::SocketOptions& options) {
  TF_RETURN_IF_ERROR(CheckValues(spec, options));
  sys::UniqueFd fd(sys::NewTcpSocket(AF_INET6));
  if (!fd.valid()) fd = sys::UniqueFd(sys::NewTcpSocket(AF_INET));
  // Without a descriptor nothing can be tried; the run will say so.
  if (!fd.valid()) return absl::OkStatus();
  const TestSocketOptions tried(options);
  const absl::Status status = spec.role() == v1::StressSpec::ROLE_SERVER
                                  ? tried.ApplyToListener(fd.get())
                                  : tried.ApplyTo(fd.get());
  if (status.ok()) return status;
  const std::string text =
      absl::StrCat("socket option ", status.message(), AdviceFor(options, status));
  return absl::IsPermissionDenied(status) ? absl::PermissionDeniedError(text)
                                          : absl::InvalidArgumentError(text);
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
  options.set_send_buffer_bytes(get(SOL_SOCKET, SO_SNDBUF));
  options.set_receive_buffer_bytes(get(SOL_SOCKET, SO_RCVBUF));
  options.set_congestion_control(sys::CongestionControl(fd));
  options.set_mark(get(SOL_SOCKET, SO_MARK));
  options.set_user_timeout_ms(get(IPPROTO_TCP, TCP_USER_TIMEOUT));
  options.set_notsent_lowat_bytes(get(IPPROTO_TCP, TCP_NOTSENT_LOWAT));
  options.set_quick_ack(get(IPPROTO_TCP, TCP_QUICKACK) != 0);
  options.set_bind_interface(sys::BoundInterface(fd));
  const bool is_ipv4 = sys::LocalEndpoint(fd).value_or(base::Endpoint()).address.Unmapped().is_v4();
  options.set_dscp((is_ipv4 ? get(IPPROTO_IP, IP_TOS) : get(IPPROTO_IPV6, IPV6_TCLASS)) >> 2);
  std::array<std::byte, sizeof(tcp_info)> info{};
  const bool has_options =
      sys::ReadTcpInfo(fd, absl::MakeSpan(info)) > offsetof(tcp_info, tcpi_options);
  const auto tcp_options = static_cast<uint8_t>(info[offsetof(tcp_info, tcpi_options)]);
  options.set_fast_open(get(IPPROTO_TCP, TCP_FASTOPEN_CONNECT) != 0 ||
                        (has_options && (tcp_options & TCPI_OPT_SYN_DATA) != 0));
  return options;
}

}  // namespace tcpfleet::agent
