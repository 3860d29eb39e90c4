#include "agent/probe/connect_try.h"

#include <absl/strings/str_cat.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "agent/load/errno_counts.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

using sockets::Field;

// Of unread data: a program that speaks first may be this far ahead of our close.
constexpr size_t kMostUnreadBytes = 1 << 20;

sockets::FieldValues ReadFields(int fd) {
  std::array<std::byte, sockets::kTcpInfoBytes> raw;
  const size_t length = sys::ReadTcpInfo(fd, absl::MakeSpan(raw));
  sockets::FieldValues values;
  values.SetTcpInfo({raw.data(), length}, base::MonotonicNowNs());
  return values;
}

void AddFields(const sockets::FieldValues& values, v1::ProbeTry& result) {
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    // Moments are of this host's clock: they say nothing elsewhere.
    if (!values.Has(info.field) || info.kind == sockets::FieldKind::kMoment) continue;
    (*result.mutable_fields())[std::string(info.name)] = values.Get(info.field);
  }
  for (std::string& option : NegotiatedOptions(values)) result.add_options(std::move(option));
}

// With a FIN: data that nobody has read would make close() send a reset.
void CloseInOrder(sys::UniqueFd fd) {
  sys::ShutdownSending(fd.get());
  sys::Discard(fd.get(), kMostUnreadBytes);
}

}  // namespace

std::vector<std::string> NegotiatedOptions(const sockets::FieldValues& values) {
  const uint64_t set = values.Get(Field::kOptions);
  std::vector<std::string> options;
  if ((set & TCPI_OPT_TIMESTAMPS) != 0) options.emplace_back("ts");
  if ((set & TCPI_OPT_SACK) != 0) options.emplace_back("sack");
  if ((set & TCPI_OPT_WSCALE) != 0) {
    options.push_back(
        absl::StrCat("wscale:", values.Get(Field::kSndWscale), ",", values.Get(Field::kRcvWscale)));
  }
  if ((set & TCPI_OPT_ECN) != 0) options.emplace_back("ecn");
  if ((set & TCPI_OPT_SYN_DATA) != 0) options.emplace_back("fastopen");
  return options;
}

absl::StatusOr<v1::ProbeTry> TryConnect(const base::Endpoint& target, int64_t timeout_ns,
                                        InterruptibleWait& wait) {
  v1::ProbeTry result;
  result.set_address(target.address.ToString());
  const sys::SocketAddress address = sys::ToSocketAddress(target);
  sys::UniqueFd fd(sys::NewTcpSocket(address.family()));
  if (!fd.valid()) {
    result.set_outcome(FailureClass(errno));
    return result;
  }
  const int64_t start_ns = base::MonotonicNowNs();
  int error = sys::Connect(fd.get(), address);
  const base::Endpoint local = sys::LocalEndpoint(fd.get()).value_or(base::Endpoint());
  if (error == EINPROGRESS) {
    TF_ASSIGN_OR_RETURN(const uint32_t events,
                        wait.ForSocket(fd.get(), EPOLLOUT, start_ns + timeout_ns));
    if (wait.interrupted()) return absl::CancelledError("the probe was cancelled");
    error = events == 0 ? ETIMEDOUT : sys::TakeSocketError(fd.get());
  }
  result.set_duration_us(static_cast<double>(base::MonotonicNowNs() - start_ns) / 1e3);
  // A reset during the handshake is ECONNREFUSED. Source: tcp_reset() of net/ipv4/tcp_input.c.
  if (error == ECONNRESET || error == EPIPE) error = 0;
  // Nobody listens, and the kernel picked the target's own port: RFC 9293, simultaneous open.
  if (error == 0 && local == target) error = ECONNREFUSED;

  const sockets::FieldValues values = ReadFields(fd.get());
  result.set_outcome(error == 0 ? "connected" : FailureClass(error));
  result.set_syn_retransmits(static_cast<uint32_t>(values.Get(Field::kTotalRetrans)));
  if (local.port != 0) result.set_local(local.ToString());
  if (error == 0) AddFields(values, result);
  CloseInOrder(std::move(fd));
  return result;
}

}  // namespace tcpfleet::agent
