#pragma once

#include <cerrno>

namespace tcpfleet::sys {

// Repeats a system call that a signal interrupted.
template <class Call>
auto RetryEintr(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

}  // namespace tcpfleet::sys
