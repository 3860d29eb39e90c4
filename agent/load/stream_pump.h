// Moves the bytes of stream connections, on either side: as many as the socket takes or has, up to
// a bound, so that other connections and timers have their turn.
#pragma once

#include <absl/types/span.h>
#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>

namespace tcpfleet::agent {

struct Pumped {
  enum class Then : uint8_t {
    kWait,   // the socket is full, or empty, or reset: an event comes when there is more to do
    kGoOn,   // a bound was reached: no event comes by itself
    kEnded,  // the peer has closed
    kBroken,
  };
  Then then = Then::kWait;
  size_t bytes = 0;
};

// There is something to receive, be it the end or the error that ended the connection.
inline constexpr uint32_t kReceiveEvents = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

inline constexpr size_t kMostPumpedBytes = 1u << 20;
inline constexpr int kMostWritesPerPump = 256;

// Sends `block` again and again, up to kMostWritesPerPump times or until `most` bytes or a little
// more are sent. A block that does not fit as a whole is begun anew later.
Pumped SendStream(int fd, absl::Span<const std::byte> block, size_t most = kMostPumpedBytes);

// Receives one connection's bytes and throws them away. A fast one (kFastBytes within
// kFastWithinNs) makes an event only of every kPatientBytes: waking the receiver costs more than
// receiving. It is taken back when the connection becomes slow, so that counts are late by at most
// the bytes of one event. Source: socket(7), SO_RCVLOWAT.
class StreamReceiver {
 public:
  // `events` are those epoll told.
  Pumped Receive(int fd, uint32_t events, int64_t now_ns);

 private:
  static constexpr int kPatientBytes = 262'144;
  static constexpr uint32_t kFastBytes = 4u << 20;
  static constexpr int64_t kFastWithinNs = 20'000'000;

  void Judge(int fd, size_t bytes, int64_t now_ns);

  int64_t since_ns_ = 0;
  uint32_t bytes_ = 0;  // since then
  bool is_patient_ = false;
};

}  // namespace tcpfleet::agent
