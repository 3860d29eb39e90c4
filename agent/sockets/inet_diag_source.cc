#include "agent/sockets/inet_diag_source.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sockets/row_table.h"
#include "common/sys/net_namespace.h"

namespace tcpfleet::agent {
namespace {

using sockets::Field;
using sockets::FieldMask;
using sockets::TcpState;

constexpr int kMostAttempts = 3;
constexpr absl::Duration kNamespacesMaxAge = absl::Seconds(1);

bool IsIn(TcpState state, uint8_t number) { return static_cast<uint8_t>(state) == number; }

bool IsModelled(const netlink::InetDiagGlance& glance) {
  return glance.has_tcp_info && !IsIn(TcpState::kTimeWait, glance.state) &&
         !IsIn(TcpState::kSynRecv, glance.state);
}

bool HasAny(const FieldMask& fields, Field first, Field last) {
  for (size_t slot = SlotOf(first); slot <= SlotOf(last); ++slot) {
    if (fields[slot]) return true;
  }
  return false;
}

// A structure of 32-bit numbers, as far as the kernel gives it, into fields that follow each other.
void SetNumbers(netlink::Bytes bytes, Field first, Field last, sockets::FieldValues& values) {
  for (size_t slot = SlotOf(first); slot <= SlotOf(last); ++slot) {
    const std::optional<uint32_t> number = netlink::Load<uint32_t>(bytes);
    if (!number) return;
    values.Set(static_cast<Field>(slot), *number);
    bytes.remove_prefix(sizeof(*number));
  }
}

void SetBbr(netlink::Bytes bytes, sockets::FieldValues& values) {
  if (const std::optional<uint64_t> bw = netlink::Load<uint64_t>(bytes)) {
    values.Set(Field::kBbrBw, *bw);  // its halves, the low one first
    SetNumbers(bytes.subspan(sizeof(*bw)), Field::kBbrMinRtt, Field::kBbrCwndGain, values);
  }
}

void SetDctcp(netlink::Bytes bytes, sockets::FieldValues& values) {
  if (const std::optional<uint32_t> both = netlink::Load<uint32_t>(bytes)) {
    values.Set(Field::kDctcpEnabled, *both & 0xffff);
    values.Set(Field::kDctcpCeState, *both >> 16);
    SetNumbers(bytes.subspan(sizeof(*both)), Field::kDctcpAlpha, Field::kDctcpAbTot, values);
  }
}

// Those a record of the socket has, as FillSample makes them.
Sighting SightingOf(const netlink::InetDiagGlance& glance, uint64_t network_namespace,
                    int64_t monotonic_ns) {
  Sighting sighting{glance.cookie, network_namespace, glance.fingerprint | 1, {}};
  const auto now_ms = static_cast<uint32_t>(monotonic_ns / 1'000'000);
  if (glance.timer_expires_ms != 0) sighting.moments_ms[0] = now_ms + glance.timer_expires_ms;
  if (!IsIn(TcpState::kListen, glance.state)) {
    sighting.moments_ms[1] = now_ms - glance.last_data_sent_ms;
    sighting.moments_ms[2] = now_ms - glance.last_data_recv_ms;
    sighting.moments_ms[3] = now_ms - glance.last_ack_recv_ms;
  }
  return sighting;
}

}  // namespace

netlink::Extensions ExtensionsFor(const FieldMask& fields) {
  const FieldMask wanted = fields.any() ? fields : ~FieldMask();
  netlink::Extensions extensions = 0;
  if (HasAny(wanted, Field::kBbrBw, Field::kDctcpAbTot)) extensions |= netlink::kCongestionInfo;
  if (HasAny(wanted, Field::kTos, Field::kTos)) extensions |= netlink::kTypeOfService;
  if (HasAny(wanted, Field::kTclass, Field::kTclass)) extensions |= netlink::kTrafficClass;
  if (HasAny(wanted, Field::kSkmemRmemAlloc, Field::kSkmemDrops)) {
    extensions |= netlink::kSocketMemory;
  }
  return extensions;
}

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
  const bool listens = IsIn(TcpState::kListen, socket.state);
  values.Set(listens ? Field::kAcceptQueue : Field::kReceiveQueue, socket.receive_queue);
  values.Set(listens ? Field::kBacklog : Field::kSendQueue, socket.send_queue);
  values.Set(Field::kState, socket.state);
  values.Set(Field::kTimer, socket.timer);
  values.Set(Field::kTimerRetransmits, socket.timer_retransmits);
  if (socket.timer != 0) {
    values.Set(Field::kTimerExpiresAtMs,
               static_cast<uint64_t>(monotonic_ns) / 1'000'000 + socket.timer_expires_ms);
  }
  if (socket.shutdown) values.Set(Field::kShutdown, *socket.shutdown);
  if (socket.tos) values.Set(Field::kTos, *socket.tos);
  if (socket.tclass) values.Set(Field::kTclass, *socket.tclass);
  if (socket.v6only) values.Set(Field::kV6only, *socket.v6only);
  if (socket.mark) values.Set(Field::kMark, *socket.mark);
  SetNumbers(socket.skmem, Field::kSkmemRmemAlloc, Field::kSkmemDrops, values);
  SetBbr(socket.bbr, values);
  SetNumbers(socket.vegas, Field::kVegasEnabled, Field::kVegasMinrtt, values);
  SetDctcp(socket.dctcp, values);
  if (!listens) sockets::ReadTcpInfoInto(socket.tcp_info, monotonic_ns, sample);
}

InetDiagSource::InetDiagSource(const base::Clock* clock)
    : clock_(clock),
      seed_(static_cast<uint64_t>(base::MonotonicNowNs()) * 0x9e3779b97f4a7c15 ^
            reinterpret_cast<uintptr_t>(this)) {}

absl::Status InetDiagSource::Open() {
  TF_ASSIGN_OR_RETURN(const sys::NetNamespace here, sys::NetNamespace::Current());
  TF_ASSIGN_OR_RETURN(home_namespace_, here.Inode());
  TF_ASSIGN_OR_RETURN(socket_, netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG));
  return absl::OkStatus();
}

absl::StatusOr<PollResult> InetDiagSource::Poll(const PollRequest& request, PollSink& sink) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    PollResult result;
    result.monotonic_ns = base::MonotonicNowNs();
    sink.Begin(result.monotonic_ns);
    const absl::Status status = DumpHome(request, sink, result);
    if (status.ok()) {
      if (request.all_namespaces) DumpOthers(request, sink, result);
      return result;
    }
    if (absl::IsInvalidArgument(status) && !request.program.empty() && !refuses_programs_) {
      refuses_programs_ = true;
    } else if (!absl::IsAborted(status)) {
      return base::WithContext("inet_diag", status);
    }
  }
  return absl::UnavailableError("inet_diag: the dump was interrupted three times");
}

absl::Status InetDiagSource::DumpHome(const PollRequest& request, PollSink& sink,
                                      PollResult& result) {
  if (!socket_) {
    TF_RETURN_IF_ERROR(Open());
  }
  result.home_namespace = home_namespace_;
  absl::Status status = DumpFamilies(*socket_, home_namespace_, request, sink, result);
  if (!status.ok() && !absl::IsAborted(status)) socket_.reset();
  return status;
}

void InetDiagSource::DumpOthers(const PollRequest& request, PollSink& sink, PollResult& result) {
  if (!namespaces_) namespaces_.emplace(clock_);
  if (!namespaces_->Refresh(kNamespacesMaxAge).ok()) {
    result.gap = true;
    return;
  }
  std::vector<uint64_t> failed;
  for (NetNamespaces::Member& member : namespaces_->members()) {
    if (member.inode == home_namespace_) continue;
    const absl::Status status = DumpFamilies(member.socket, member.inode, request, sink, result);
    if (status.ok()) continue;
    result.gap = true;
    if (!absl::IsAborted(status)) failed.push_back(member.inode);
  }
  for (const uint64_t inode : failed) namespaces_->Drop(inode);
}

absl::Status InetDiagSource::DumpFamilies(netlink::NetlinkSocket& socket,
                                          uint64_t network_namespace, const PollRequest& request,
                                          PollSink& sink, PollResult& result) {
  netlink::InetDiagDump dump{.states = request.states};
  dump.extensions |= ExtensionsFor(request.fields);
  if (!refuses_programs_) dump.program = request.program;
  const auto dump_family = [&](uint8_t family) {
    dump.family = family;
    netlink::MessageBuilder message = netlink::InetDiagDumpRequest(dump);
    return socket.Dump(message, [&](const netlink::Message& answer, int64_t true_at_ns) {
      Take(answer, true_at_ns, network_namespace, sink, result);
    });
  };
  if ((request.families & filter::kIpv4) != 0) {
    TF_RETURN_IF_ERROR(dump_family(AF_INET));
  }
  if ((request.families & filter::kIpv6) != 0) {
    TF_RETURN_IF_ERROR(dump_family(AF_INET6));
  }
  return absl::OkStatus();
}

void InetDiagSource::Take(const netlink::Message& message, int64_t true_at_ns,
                          uint64_t network_namespace, PollSink& sink, PollResult& result) {
  if (message.type != SOCK_DIAG_BY_FAMILY) return;
  const absl::StatusOr<netlink::InetDiagGlance> glance =
      netlink::GlanceAtInetDiagSocket(message.payload, seed_);
  if (!glance.ok()) {
    ++result.torn;
    return;
  }
  const Sighting sighting = SightingOf(*glance, network_namespace, true_at_ns);
  const bool is_modelled = IsModelled(*glance);
  if (is_modelled && sink.HasRecord(sighting)) return;
  const absl::StatusOr<netlink::InetDiagSocket> socket =
      netlink::ParseInetDiagSocket(message.payload);
  if (!socket.ok()) {
    ++result.torn;
  } else if (is_modelled) {
    FillSample(*socket, network_namespace, true_at_ns, sample_);
    if (!sink.Take(sighting, sample_)) ++result.dropped;
  } else if (result.skipped.size() == sockets::kMostRows) {
    ++result.dropped;
  } else {
    result.skipped.push_back({socket->state, network_namespace, socket->local, socket->remote});
  }
}

namespace {

// Answers a poll that asks for nothing.
class NoSink final : public PollSink {
 public:
  void Begin(int64_t) override {}
  bool HasRecord(const Sighting&) override { return true; }
  bool Take(const Sighting&, const sockets::ConnectionSample&) override { return true; }
};

}  // namespace

std::vector<v1::Collector> InetDiagSource::Describe() const {
  // No state at all: the kernel walks no table for that, but refuses when it has no tcp_diag.
  NoSink sink;
  const absl::Status status = InetDiagSource(clock_).Poll({.states = 0}, sink).status();
  v1::Collector collector;
  collector.set_name("sockets");
  collector.set_level(status.ok() ? v1::Collector::LEVEL_FULL : v1::Collector::LEVEL_UNAVAILABLE);
  collector.set_detail(std::string(status.message()));
  return {collector, NetNamespaces::Describe()};
}

}  // namespace tcpfleet::agent
