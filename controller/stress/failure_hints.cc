#include "controller/stress/failure_hints.h"

#include <absl/strings/str_cat.h>

#include <array>

namespace tcpfleet::controller {
namespace {

struct HintEntry {
  absl::string_view failure_class;
  absl::string_view hint;
};
constexpr std::array kHints = {
    HintEntry{"refused", "nobody listens on that port, or a firewall rejects it"},
    HintEntry{"reset",
              "the peer aborted the connection: crashed, overloaded, or a full accept queue with "
              "net.ipv4.tcp_abort_on_overflow"},
    HintEntry{"closed", "the peer closed the connection before its answer was complete"},
    HintEntry{"unreachable", "no route to the target: see `ip route get ADDRESS` on the agent"},
    HintEntry{
        "localFd",
        "the descriptor limit is reached: raise RLIMIT_NOFILE (LimitNOFILE= in the agent's unit)"},
    HintEntry{"notSent",
              "due, but no connection was free in time: too few connections or too slow a server "
              "for this rate"},
    HintEntry{"badResponse", "what came back is not a response of the kind that was asked for"},
    HintEntry{"policy",
              "refused by a rule on this host, the agent's own (--allow-target) or its firewall's"},
};

std::string TimeoutHint(const v1::StressSpec& spec) {
  return absl::StrCat("no answer within ", spec.connect_timeout_ms(),
                      " ms: filtered, host dead, or a full accept queue at the target "
                      "(net.core.somaxconn, backlog)");
}

std::string LocalPortHint(const v1::StressSpec& spec) {
  const absl::string_view close_mode =
      spec.close_mode() == v1::StressSpec::CLOSE_MODE_FIN
          ? ", --close rst (fin leaves each port in TIME_WAIT for 60 s)"
          : "";
  return absl::StrCat("no source port is free: widen net.ipv4.ip_local_port_range", close_mode,
                      ", more source addresses (--source) or more target ports");
}

}  // namespace

std::string FailureHint(absl::string_view failure_class, const v1::StressSpec& spec) {
  if (failure_class == "timeout") return TimeoutHint(spec);
  if (failure_class == "localPort") return LocalPortHint(spec);
  for (const HintEntry& entry : kHints) {
    if (entry.failure_class == failure_class) return std::string(entry.hint);
  }
  return "";
}

}  // namespace tcpfleet::controller
