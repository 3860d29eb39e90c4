#include "tests/support/link_emulator.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/string_view.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr uint64_t kStopToken = 2;  // 0 and 1 are the directions

absl::Status OpenTun(const std::string& address, sys::UniqueFd& tun) {
  tun.Reset(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun.valid()) return sys::ErrnoStatus("open /dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;  // the kernel names it tun0, tun1, ...
  if (::ioctl(tun.get(), TUNSETIFF, &request) != 0) return sys::ErrnoStatus("TUNSETIFF");
  const absl::string_view name = request.ifr_name;
  // Without nodad an IPv6 address cannot be used for a second.
  const absl::string_view flags = address.find(':') == std::string::npos ? "" : " nodad";
  return OutputOf({"ip", "-batch", "-"},
                  absl::StrCat("address add ", address, " dev ", name, flags, "\n",  //
                               "link set ", name, " up\n"))
      .status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LinkEmulator>> LinkEmulator::Create(const End& left,
                                                                   const End& right,
                                                                   const Shape& shape) {
  TF_ASSIGN_OR_RETURN(sys::Epoll epoll, sys::Epoll::Create());
  TF_ASSIGN_OR_RETURN(sys::EventFd stop, sys::EventFd::Create());
  std::unique_ptr<LinkEmulator> link(new LinkEmulator(std::move(epoll), std::move(stop)));
  link->SetShape(shape);
  TF_RETURN_IF_ERROR(link->epoll_.Add(link->stop_.fd(), EPOLLIN, kStopToken));
  const std::array<const End*, 2> ends = {&left, &right};
  for (size_t i = 0; i < ends.size(); ++i) {
    Direction& direction = link->directions_[i];
    direction.random.seed(shape.seed + static_cast<uint32_t>(i));
    TF_RETURN_IF_ERROR(
        ends[i]->network->Run([&] { return OpenTun(ends[i]->address, direction.in); }));
    TF_RETURN_IF_ERROR(link->epoll_.Add(direction.in.get(), EPOLLIN, i));
  }
  link->thread_ = std::thread([raw = link.get()] { raw->Run(); });
  return link;
}

LinkEmulator::~LinkEmulator() {
  stop_.Notify();
  if (thread_.joinable()) thread_.join();
}

void LinkEmulator::SetShape(const Shape& shape) {
  const base::MutexLock lock(mutex_);
  shape_ = shape;
}

void LinkEmulator::Run() {
  std::array<epoll_event, 3> events{};
  for (;;) {
    const int64_t next_ns = std::min(SendDue(directions_[0], directions_[1].in.get()),
                                     SendDue(directions_[1], directions_[0].in.get()));
    const int64_t wait_ns =
        next_ns == kNever ? -1 : std::max<int64_t>(0, next_ns - base::MonotonicNowNs());
    for (const epoll_event& event : epoll_.Wait(absl::MakeSpan(events), wait_ns)) {
      if (event.data.u64 == kStopToken) return;
      TakeIn(directions_[event.data.u64]);
    }
  }
}

// At most 64 packets a time, so that a busy direction does not hold up the other.
void LinkEmulator::TakeIn(Direction& direction) {
  Shape shape;
  {
    const base::MutexLock lock(mutex_);
    shape = shape_;
  }
  std::array<char, 65536> buffer;
  for (int i = 0; i < 64; ++i) {
    const ssize_t got = ::read(direction.in.get(), buffer.data(), buffer.size());
    if (got <= 0) return;
    if (IsDropped(direction, shape)) {
      ++direction.counters.dropped;
      continue;
    }
    if (direction.queue.size() >= shape.queue_packets) {
      ++direction.counters.overflowed;
      continue;
    }
    int64_t& line_free_ns = direction.line_free_ns;
    line_free_ns = std::max(line_free_ns, base::MonotonicNowNs());
    if (shape.rate_bits_per_sec != 0) {
      line_free_ns += static_cast<int64_t>(static_cast<double>(got) * 8e9 /
                                           static_cast<double>(shape.rate_bits_per_sec));
    }
    std::uniform_int_distribution<int64_t> jitter(0, absl::ToInt64Nanoseconds(shape.jitter));
    const int64_t due_ns =
        line_free_ns + absl::ToInt64Nanoseconds(shape.delay) + jitter(direction.random);
    const int64_t in_order_ns =
        direction.queue.empty() ? due_ns : std::max(due_ns, direction.queue.back().due_ns);
    direction.queue.push_back({in_order_ns, std::vector<char>(buffer.data(), buffer.data() + got)});
  }
}

bool LinkEmulator::IsDropped(Direction& direction, const Shape& shape) {
  ++direction.seen;
  if (shape.drop_every_nth != 0 && direction.seen % shape.drop_every_nth == 0) return true;
  return shape.drop_share > 0 && std::bernoulli_distribution(shape.drop_share)(direction.random);
}

int64_t LinkEmulator::SendDue(Direction& direction, int out) {
  while (!direction.queue.empty()) {
    const Packet& packet = direction.queue.front();
    if (packet.due_ns > base::MonotonicNowNs()) return packet.due_ns;
    if (::write(out, packet.bytes.data(), packet.bytes.size()) < 0) {
      ++direction.counters.overflowed;
    } else {
      ++direction.counters.forwarded;
    }
    direction.queue.pop_front();
  }
  return kNever;
}

}  // namespace tcpfleet::tests
