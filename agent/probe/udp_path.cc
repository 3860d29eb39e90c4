#include <absl/strings/str_cat.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/probe/path_mtu.h"
#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/udp_socket.h"

namespace tcpfleet::agent {
namespace {

using Answer = Sounding::Answer;

// How long each datagram of one size may stay without an answer. Hosts answer with six ICMP
// messages at once and then with one per second (icmp(7), icmp_ratelimit): the third datagram finds
// one that could answer.
constexpr std::array<int64_t, 3> kPatienceNs = {300'000'000, 750'000'000, 300'000'000};

constexpr uint32_t kUdpHeaderBytes = 8;
constexpr uint32_t kIpv4HeaderBytes = 20;
constexpr uint32_t kIpv6HeaderBytes = 40;

Sounding NotSent(std::string why) { return {.answer = Answer::kNotSent, .why = std::move(why)}; }

class UdpPath final : public SoundedPath {
 public:
  UdpPath(const base::Endpoint& target, InterruptibleWait& wait) : target_(target), wait_(wait) {}
  Sounding Sound(uint32_t bytes) override;
  std::optional<uint32_t> BelievedMtu() override;

 private:
  // What waits on the socket; kSilent: nothing.
  Sounding Read(int fd) const;

  const base::Endpoint target_;
  InterruptibleWait& wait_;
};

Sounding UdpPath::Sound(uint32_t bytes) {
  // A socket, and so a port, of its own: late answers to other sizes do not find it.
  const absl::StatusOr<sys::UniqueFd> fd = sys::ConnectPathProbe(target_);
  if (!fd.ok()) return NotSent(std::string(fd.status().message()));
  const uint32_t header =
      kUdpHeaderBytes + (target_.address.is_v4() ? kIpv4HeaderBytes : kIpv6HeaderBytes);
  const std::vector<std::byte> zeros(bytes - header);
  for (const int64_t patience_ns : kPatienceNs) {
    const int64_t deadline_ns = base::MonotonicNowNs() + patience_ns;
    const ssize_t sent = sys::Send(fd->get(), zeros);
    if (sent < 0) {
      Sounding sounding = Read(fd->get());
      if (sounding.answer != Answer::kSilent) return sounding;
      return NotSent(std::string(sys::ErrnoStatus(static_cast<int>(-sent), "send").message()));
    }
    while (true) {
      const absl::StatusOr<uint32_t> events = wait_.ForSocket(fd->get(), EPOLLIN, deadline_ns);
      if (!events.ok()) return NotSent(std::string(events.status().message()));
      if (wait_.interrupted()) return {.answer = Answer::kInterrupted};
      if (*events == 0) break;
      Sounding sounding = Read(fd->get());
      if (sounding.answer != Answer::kSilent) return sounding;
    }
  }
  return {};
}

Sounding UdpPath::Read(int fd) const {
  if (const std::optional<sys::QueuedError> queued = sys::TakeQueuedError(fd)) {
    const std::string from = queued->sender ? queued->sender->ToString() : "";
    if (queued->error == EMSGSIZE) {
      return {.answer = Answer::kTooBig, .mtu = queued->mtu, .from = from};
    }
    const bool is_target = queued->sender == target_.address;
    return {.answer = is_target ? Answer::kReached : Answer::kRefused,
            .from = from,
            .why = sys::ErrnoName(queued->error)};
  }
  std::array<std::byte, 1> ignored;
  const ssize_t received = sys::Receive(fd, absl::MakeSpan(ignored));
  if (received >= 0) return {.answer = Answer::kReached};
  if (received == -EAGAIN) return {};
  return NotSent(sys::ErrnoName(static_cast<int>(-received)));
}

std::optional<uint32_t> UdpPath::BelievedMtu() {
  const absl::StatusOr<sys::UniqueFd> fd = sys::ConnectPathProbe(target_);
  if (!fd.ok()) return std::nullopt;
  const absl::StatusOr<uint32_t> mtu = sys::BelievedPathMtu(fd->get());
  return mtu.ok() ? std::optional<uint32_t>(*mtu) : std::nullopt;
}

}  // namespace

absl::StatusOr<v1::ProbePathMtu> FindPathMtu(const base::Endpoint& target,
                                             InterruptibleWait& wait) {
  UdpPath path(target, wait);
  TF_ASSIGN_OR_RETURN(v1::ProbePathMtu found, SearchPathMtu(target.address.family(), path));
  found.set_address(target.address.ToString());
  return found;
}

}  // namespace tcpfleet::agent
