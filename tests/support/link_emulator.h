// A long link between two network namespaces in user space, for kernels without netem: what one
// TUN device sends comes out of the other, later, slower, or not at all.
//
//   LinkEmulator::Shape shape;
//   shape.delay = absl::Milliseconds(20);
//   auto link = LinkEmulator::Create({&a.network(), "198.19.0.1/30"}, {&b.network(),
//   "198.19.0.2/30"}, shape);
//
// Units:   delay and jitter per direction: a round trip takes two delays.
// Owns:    both TUN devices and one thread.
// Threads: SetShape and counters from any thread.
// Errors:  PermissionDenied without access to /dev/net/tun.
// Bounds:  `queue_packets` per direction, the rest is counted as overflowed. Delays are kept to
//          about 0.1 ms on an idle machine.
// Source:  Documentation/networking/tuntap.rst.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/sys/epoll.h"
#include "common/sys/event_fd.h"
#include "common/sys/net_namespace.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::tests {

class LinkEmulator {
 public:
  // Of each direction. Packets stay in order, also with jitter.
  struct Shape {
    absl::Duration delay;
    absl::Duration jitter;           // up to this much more, evenly distributed
    uint64_t rate_bits_per_sec = 0;  // 0: no limit
    uint32_t drop_every_nth = 0;     // 0: none
    double drop_share = 0;           // at random, with `seed`
    uint32_t seed = 1;
    size_t queue_packets = 1000;
  };

  struct End {
    const sys::NetNamespace* network;
    std::string address;  // with prefix length
  };

  // One direction, by the end that sends.
  struct Counters {
    std::atomic<uint64_t> forwarded{0};
    std::atomic<uint64_t> dropped{0};
    std::atomic<uint64_t> overflowed{0};
  };

  static absl::StatusOr<std::unique_ptr<LinkEmulator>> Create(const End& left, const End& right,
                                                              const Shape& shape);
  ~LinkEmulator();

  // For packets that enter from now on.
  void SetShape(const Shape& shape);
  const Counters& left_to_right() const { return directions_[0].counters; }
  const Counters& right_to_left() const { return directions_[1].counters; }

 private:
  struct Packet {
    int64_t due_ns;
    std::vector<char> bytes;
  };
  struct Direction {
    sys::UniqueFd in;  // the device of the end that sends
    std::deque<Packet> queue;
    int64_t line_free_ns = 0;
    uint64_t seen = 0;
    std::mt19937 random;
    Counters counters;
  };

  LinkEmulator(sys::Epoll epoll, sys::EventFd stop)
      : epoll_(std::move(epoll)), stop_(std::move(stop)) {}
  void Run();
  void TakeIn(Direction& direction);
  bool IsDropped(Direction& direction, const Shape& shape);
  // Returns when the next packet is due.
  int64_t SendDue(Direction& direction, int out);

  base::Mutex mutex_;
  Shape shape_ ABSL_GUARDED_BY(mutex_);
  std::array<Direction, 2> directions_;
  sys::Epoll epoll_;
  sys::EventFd stop_;
  std::thread thread_;
};

}  // namespace tcpfleet::tests
