#include "tests/support/eventually.h"

#include <algorithm>
#include <cstdint>

#include "common/base/clock.h"

namespace tcpfleet::tests {

bool EventuallyTrue(const std::function<bool()>& predicate, absl::Duration timeout) {
  base::SystemClock clock;
  const int64_t deadline_ns = clock.MonotonicNs() + absl::ToInt64Nanoseconds(timeout);
  for (int64_t pause_ns = 100'000;; pause_ns = std::min<int64_t>(2 * pause_ns, 20'000'000)) {
    if (predicate()) return true;
    const int64_t now_ns = clock.MonotonicNs();
    if (now_ns >= deadline_ns) return false;
    clock.SleepUntil(std::min(now_ns + pause_ns, deadline_ns), {});
  }
}

}  // namespace tcpfleet::tests
