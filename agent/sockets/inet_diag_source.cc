#include "agent/sockets/inet_diag_source.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sockets/frame_encoder.h"
#include "common/sys/net_namespace.h"

namespace tcpfleet::agent {
namespace {

using sockets::Field;
using sockets::TcpState;

constexpr int kMostAttempts = 3;

bool IsModelled(const netlink::InetDiagSocket& socket) {
  return !socket.tcp_info.empty() && socket.state != static_cast<uint8_t>(TcpState::kTimeWait) &&
         socket.state != static_cast<uint8_t>(TcpState::kSynRecv);
}

}  // namespace

void FillSample(const netlink::InetDiagSocket& socket, uint64_t network_namespace,
                int64_t monotonic_ns, sockets::ConnectionSample& sample) {
  sample = {};
  sockets::ConnectionIdentity& identity = sample.identity;
  identity.cookie = socket.cookie;
  identity.network_namespace = network_namespace;
  identity.local = socket.local;
  identity.remote = socket.remote;
  identity.interface = socket.interface;
  identity.inode = socket.inode;
  if (socket.inode != 0) identity.uid = socket.uid;
  identity.cgroup_id = socket.cgroup_id;
  identity.congestion_control = std::string(socket.congestion_control);

  sockets::FieldValues& values = sample.values;
  values.Set(Field::kState, socket.state);
  values.Set(Field::kReceiveQueue, socket.receive_queue);
  values.Set(Field::kSendQueue, socket.send_queue);
  values.Set(Field::kTimer, socket.timer);
  values.Set(Field::kTimerRetransmits, socket.timer_retransmits);
  if (socket.timer != 0) {
    values.Set(Field::kTimerExpiresAtMs,
               static_cast<uint64_t>(monotonic_ns) / 1'000'000 + socket.timer_expires_ms);
  }
  if (socket.shutdown) values.Set(Field::kShutdown, *socket.shutdown);
  if (socket.state != static_cast<uint8_t>(TcpState::kListen)) {
    sockets::ReadTcpInfoInto(socket.tcp_info, monotonic_ns, sample);
  }
}

absl::Status InetDiagSource::Open() {
  TF_ASSIGN_OR_RETURN(const sys::NetNamespace here, sys::NetNamespace::Current());
  TF_ASSIGN_OR_RETURN(network_namespace_, here.Inode());
  TF_ASSIGN_OR_RETURN(socket_, netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  return absl::OkStatus();
}

absl::StatusOr<PollResult> InetDiagSource::Poll(PollRequest request) {
  PollResult result;
  result.connections = std::move(request.recycled);
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    result.connections.clear();
    result.skipped.clear();
    result.torn = result.dropped = 0;
    result.monotonic_ns = base::MonotonicNowNs();
    const absl::Status status = DumpBothFamilies(request.states, result);
    if (status.ok()) return result;
    if (!absl::IsAborted(status)) {
      socket_.reset();
      return base::WithContext("inet_diag", status);
    }
  }
  return absl::UnavailableError("inet_diag: the dump was interrupted three times");
}

absl::Status InetDiagSource::DumpBothFamilies(sockets::StateMask states, PollResult& result) {
  if (!socket_) {
    TF_RETURN_IF_ERROR(Open());
  }
  for (const uint8_t family : std::array<uint8_t, 2>{AF_INET, AF_INET6}) {
    netlink::MessageBuilder request = netlink::InetDiagDumpRequest(family, states);
    TF_RETURN_IF_ERROR(
        socket_->Dump(request, [&](const netlink::Message& message, int64_t true_at_ns) {
          Take(message, true_at_ns, result);
        }));
  }
  return absl::OkStatus();
}

void InetDiagSource::Take(const netlink::Message& message, int64_t true_at_ns,
                          PollResult& result) const {
  if (message.type != SOCK_DIAG_BY_FAMILY) return;
  const absl::StatusOr<netlink::InetDiagSocket> socket =
      netlink::ParseInetDiagSocket(message.payload);
  if (!socket.ok()) {
    ++result.torn;
  } else if (IsModelled(*socket)) {
    if (result.connections.size() == sockets::kMostRows) {
      ++result.dropped;
      return;
    }
    FillSample(*socket, network_namespace_, true_at_ns, result.connections.emplace_back());
  } else if (result.skipped.size() == sockets::kMostRows) {
    ++result.dropped;
  } else {
    result.skipped.push_back({socket->state, socket->local, socket->remote});
  }
}

v1::Collector InetDiagSource::Describe() const {
  // No state at all: the kernel walks no table for that, but refuses when it has no tcp_diag.
  const absl::Status status = InetDiagSource().Poll({.states = 0, .recycled = {}}).status();
  v1::Collector collector;
  collector.set_name("sockets");
  collector.set_level(status.ok() ? v1::Collector::LEVEL_FULL : v1::Collector::LEVEL_UNAVAILABLE);
  collector.set_detail(std::string(status.message()));
  return collector;
}

}  // namespace tcpfleet::agent
