#include "controller/stress/arguments.h"

#include <array>

namespace tcpfleet::controller {
namespace {

using A = StressArguments;

constexpr std::array kTable = {
    StressArgument{"target", "HOST:PORT", "server to connect to (repeatable)", &A::targets},
    StressArgument{"serve", "AGENT[@ADDRESS],...",
                   "agents that run the server side, and where the clients reach them if not where "
                   "the controller does; the others are the clients",
                   &A::serve},
    StressArgument{"connections", "N", "connections open at once, of the whole fleet [64]",
                   &A::connections},
    StressArgument{"rate", "N", "operations per second, of the whole fleet; 0: no limit [0]",
                   &A::rate},
    StressArgument{"duration", "TIME", "measured time, after the warm-up [10s]", &A::duration},
    StressArgument{"warmup", "TIME", "time before that is not counted [1s; hold: 0s]", &A::warmup},
    StressArgument{"connect-timeout", "TIME",
                   "a connection that is not open by then has failed [5s]", &A::connect_timeout},
    StressArgument{"close", "rst|fin", "how connections are closed; fin leaves TIME_WAIT [rst]",
                   &A::close},
    StressArgument{"keepalive", "off|IDLE/INTERVAL/PROBES",
                   "TCP keepalive [30s/5s/3; connect and crr: off]", &A::keepalive},
    StressArgument{"request-bytes", "N", "crr and rr: size of a request [1]", &A::request_bytes},
    StressArgument{"response-bytes", "N", "crr and rr: size of a response [1]", &A::response_bytes},
    StressArgument{"threads", "N", "load threads per agent; 0: one per CPU [0]", &A::threads},
    StressArgument{"tcp-info", "all|N|none",
                   "connections per agent whose TCP_INFO is sampled [1000]", &A::tcp_info},
    StressArgument{"interval", "TIME", "time between two reports and samples [1s]", &A::interval},
    StressArgument{"threshold", "EXPR",
                   "condition on the totals, for example 'connectLatencyUs.p99<50000' or "
                   "'failedPercent<1' (repeatable)",
                   &A::thresholds},
};

}  // namespace

absl::Span<const StressArgument> StressArgumentTable() { return kTable; }

}  // namespace tcpfleet::controller
