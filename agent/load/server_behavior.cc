#include "agent/load/server_behavior.h"

#include <absl/strings/str_cat.h>
#include <sys/socket.h>

#include <algorithm>

#include "common/base/status_macros.h"
#include "common/sys/tcp_socket.h"

namespace tcpfleet::agent {
namespace {

using Spec = v1::StressSpec;

constexpr int64_t kNsPerMs = 1'000'000;
constexpr uint64_t kLongestDelayMs = 3'600'000;
constexpr int kMostResets = 1'024;
// The least the kernel takes is some 2 KiB: the window closes after about as much.
constexpr int kSmallBufferBytes = 2'048;

bool Exchanges(const Spec& spec) {
  return spec.workload() == Spec::WORKLOAD_CRR || spec.workload() == Spec::WORKLOAD_RR;
}

absl::Status CheckDelay(absl::string_view field, uint64_t ms) {
  if (ms <= kLongestDelayMs) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " is ", ms, ", it must be 0 to ", kLongestDelayMs));
}

absl::Status CheckResets(const v1::ServerBehavior& behavior) {
  if (behavior.reset_at_ms_size() > kMostResets) {
    return absl::InvalidArgumentError(absl::StrCat("behavior.reset_at_ms has ",
                                                   behavior.reset_at_ms_size(), " times, at most ",
                                                   kMostResets, " are possible"));
  }
  for (const uint64_t ms : behavior.reset_at_ms()) {
    TF_RETURN_IF_ERROR(CheckDelay("behavior.reset_at_ms", ms));
  }
  return absl::OkStatus();
}

// Options that another one would make void.
absl::Status CheckSense(const Spec& spec) {
  const v1::ServerBehavior& behavior = spec.behavior();
  const bool replies = behavior.reply_delay_ms() > 0 || behavior.reset_after_requests() > 0;
  const auto contradiction = [](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("behavior: ", what));
  };
  if (behavior.zero_window() && (behavior.silent() || replies)) {
    return contradiction("with zero_window nothing is read, so there is nothing to answer");
  }
  if (behavior.silent() && replies) {
    return contradiction("silent never answers: leave out reply_delay_ms and reset_after_requests");
  }
  if (replies && !Exchanges(spec)) {
    return contradiction("reply_delay_ms and reset_after_requests are of crr and rr");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckServerBehavior(const Spec& spec) {
  if (!spec.has_behavior()) return absl::OkStatus();
  TF_RETURN_IF_ERROR(CheckDelay("behavior.accept_delay_ms", spec.behavior().accept_delay_ms()));
  TF_RETURN_IF_ERROR(CheckDelay("behavior.reply_delay_ms", spec.behavior().reply_delay_ms()));
  TF_RETURN_IF_ERROR(CheckResets(spec.behavior()));
  return CheckSense(spec);
}

ServerBehavior::ServerBehavior(const Spec& spec) {
  const v1::ServerBehavior& behavior = spec.behavior();
  const bool talks = !behavior.silent() && !behavior.zero_window();
  answers = Exchanges(spec) && talks;
  echoes = spec.workload() == Spec::WORKLOAD_HOLD && spec.heartbeat_ms() > 0 && talks;
  receives = !behavior.zero_window();
  streams = spec.workload() == Spec::WORKLOAD_STREAM;
  sends_without_end = streams && talks && spec.direction() != Spec::DIRECTION_SEND;
  never_closes = behavior.silent();
  const bool closes_first = spec.close_mode() == Spec::CLOSE_MODE_SERVER_FIN && !behavior.silent();
  closes_at_once = closes_first && spec.workload() == Spec::WORKLOAD_CONNECT;
  closes_after_answer = closes_first && spec.workload() == Spec::WORKLOAD_CRR;
  reset_after_requests = behavior.reset_after_requests();
  accept_delay_ns = static_cast<int64_t>(behavior.accept_delay_ms()) * kNsPerMs;
  reply_delay_ns = static_cast<int64_t>(behavior.reply_delay_ms()) * kNsPerMs;
  for (const uint64_t ms : behavior.reset_at_ms()) {
    reset_at_ns.push_back(static_cast<int64_t>(ms) * kNsPerMs);
  }
  std::sort(reset_at_ns.begin(), reset_at_ns.end());
}

absl::Status ServerBehavior::ApplyTo(int listener) const {
  if (receives) return absl::OkStatus();
  return sys::SetOption(listener, SOL_SOCKET, SO_RCVBUF, kSmallBufferBytes);
}

}  // namespace tcpfleet::agent
