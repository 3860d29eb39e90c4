// The largest packet a path takes, found as tracepath(8) does: by datagrams that must not be
// fragmented. Where nobody says that they were too big, by halving.
//
// Bounds: kMostRounds packets that are said to be too big, kMostHalvings sizes in between.
// Source: RFC 1191, RFC 8201, RFC 4821.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>

#include "agent/probe/interruptible_wait.h"
#include "common/base/ip_address.h"
#include "tcpfleet/v1/probe.pb.h"

namespace tcpfleet::agent {

// The longest FindPathMtu takes.
inline constexpr absl::Duration kMostPathMtuTime = absl::Seconds(40);

// What became of one packet.
struct Sounding {
  enum class Answer {
    kReached,  // the target answered
    kTooBig,   // `from` says so, and that `mtu` would fit
    kRefused,  // `from`, somebody on the way, does not let it pass
    kSilent,   // nothing came back
    kNotSent,  // this host could not send it
    kInterrupted,
  };
  Answer answer = Answer::kSilent;
  uint32_t mtu = 0;
  std::string from{};  // empty: this host
  std::string why{};   // of kRefused and kNotSent
};

// The way to one target.
class SoundedPath {
 public:
  virtual ~SoundedPath() = default;
  // Sends a packet of so many bytes, header included.
  virtual Sounding Sound(uint32_t bytes) = 0;
  // What the kernel believes; nothing when it cannot say.
  virtual std::optional<uint32_t> BelievedMtu() = 0;
};

// All of the result but its address. Cancelled when a sounding was interrupted.
absl::StatusOr<v1::ProbePathMtu> SearchPathMtu(base::IpAddress::Family family, SoundedPath& path);

// The same for the real path to `target`.
absl::StatusOr<v1::ProbePathMtu> FindPathMtu(const base::Endpoint& target, InterruptibleWait& wait);

}  // namespace tcpfleet::agent
