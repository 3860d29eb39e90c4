#pragma once

#include <absl/time/time.h>

#include <functional>

namespace tcpfleet::tests {

// Asks again and again, soon at first and every 20 ms later, until the predicate holds (true) or
// the time is over (false). For facts nobody announces: kernel counters, files, other processes.
bool EventuallyTrue(const std::function<bool()>& predicate,
                    absl::Duration timeout = absl::Seconds(20));

}  // namespace tcpfleet::tests
