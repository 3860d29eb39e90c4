#include "controller/stress/arguments.h"

#include <array>

namespace tcpfleet::controller {
namespace {

using A = StressArguments;

constexpr std::array kTable = {
    // Who loads whom.
    StressArgument{"target", "HOST:PORT[*WEIGHT]",
                   "server to connect to; connections are dealt out by weight (repeatable)",
                   &A::targets},
    StressArgument{"serve", "AGENT[@ADDRESS],...",
                   "agents that run the server side, and where the clients reach them if not where "
                   "the controller does; the others are the clients",
                   &A::serve},
    StressArgument{"mesh", "all", "every agent serves, and loads all others", &A::mesh},
    StressArgument{"pairs", "FILE",
                   "who loads whom, one 'CLIENT -> SERVER[@ADDRESS]' per line; # begins a comment",
                   &A::pairs},

    // How much, how long.
    StressArgument{"connections", "N", "connections open at once, of the whole fleet [64]",
                   &A::connections},
    StressArgument{"rate", "N",
                   "operations per second, of the whole fleet, started on a fixed schedule (open "
                   "loop); 0: as fast as the connections allow (closed loop) [0]",
                   &A::rate},
    StressArgument{"rate-per-connection", "N",
                   "connect, crr and rr: the same for every connection by itself",
                   &A::rate_per_connection},
    StressArgument{"arrivals", "constant|exponential",
                   "evenly spaced, or at random as of independent users [constant]", &A::arrivals},
    StressArgument{"seed", "N", "of exponential arrivals [1]", &A::seed},
    StressArgument{"shape", "SHAPE",
                   "constant; ramp:FROM-TO and steps:R1,R2,... are rates over the measured time, "
                   "the warm-up runs at the first; herd[@TIME]: all connections start at one "
                   "instant; storm@TIME[,TIME]: the clients reset all connections. Times are from "
                   "the end of the warm-up [constant]",
                   &A::shape},
    StressArgument{"duration", "TIME", "measured time, after the warm-up [10s]", &A::duration},
    StressArgument{"warmup", "TIME", "time before that is not counted [1s; hold: 0s]", &A::warmup},
    StressArgument{"cooldown", "TIME",
                   "load goes on so long after it, uncounted, while measured operations end [0s]",
                   &A::cooldown},
    StressArgument{"pipeline", "N", "rr: requests under way at once on one connection [1]",
                   &A::pipeline},
    StressArgument{"think-time", "TIME",
                   "connect, crr and rr in a closed loop: pause between two operations of a "
                   "connection [0s]",
                   &A::think_time},
    StressArgument{"lifetime", "TIME",
                   "rr, hold and stream: connections are closed at that age and opened again",
                   &A::lifetime},
    StressArgument{"requests-per-connection", "N",
                   "rr: connections are closed after so many and opened again",
                   &A::requests_per_connection},
    StressArgument{"reconnect", "never|backoff:FIRST-MOST",
                   "rr, hold and stream: broken connections stay closed, or are opened again after "
                   "a pause that doubles up to MOST [rr: at once; hold and stream: never]",
                   &A::reconnect},
    StressArgument{"connect-timeout", "TIME",
                   "a connection that is not open by then has failed [5s]", &A::connect_timeout},
    StressArgument{
        "timer", "eco|precise",
        "precise spins before an operation is due, for 1 us instead of some 30, and 10 us "
        "for the next answer, so that a busy server need not wake it [eco]",
        &A::timer},
    StressArgument{"threads", "N", "load threads per agent; 0: one per CPU [0]", &A::threads},

    // What is sent.
    StressArgument{"request-bytes", "N", "crr and rr: size of a request [1]", &A::request_bytes},
    StressArgument{"response-bytes", "N", "crr and rr: size of a response [1]", &A::response_bytes},
    StressArgument{
        "request", "TEXT|@FILE",
        "crr and rr with --target: what is sent, with C escapes such as \\r\\n; @FILE as "
        "it is",
        &A::request},
    StressArgument{"response-until", "TEXT",
                   "with --request: a response ends with this text, with C escapes, instead of "
                   "after --response-bytes",
                   &A::response_until},
    StressArgument{"http", "PATH", "crr and rr with --target: GET this path by HTTP/1.1", &A::http},
    StressArgument{"http-header", "'NAME: VALUE'", "with --http (repeatable)", &A::http_headers},
    StressArgument{"direction", "send|receive|both", "stream, seen from the clients [send]",
                   &A::direction},
    StressArgument{"write-size", "BYTES", "stream: size of one write [131072]", &A::write_size},
    StressArgument{"heartbeat", "TIME", "hold with our server: one byte there and back so often",
                   &A::heartbeat},
    StressArgument{"dead-after", "TIME",
                   "with --heartbeat: a peer silent for so long is dead [3 heartbeats]",
                   &A::dead_after},

    // Sockets.
    StressArgument{"close", "rst|fin|server-fin",
                   "how connections are closed; fin leaves TIME_WAIT on the client, server-fin "
                   "(connect and crr) on our server [rst]",
                   &A::close},
    StressArgument{"keepalive", "off|IDLE/INTERVAL/PROBES",
                   "TCP keepalive [30s/5s/3; connect and crr: off]", &A::keepalive},
    StressArgument{"source", "ADDRESS|NETWORK",
                   "connect from this address, or from all of the host's own in this network "
                   "(repeatable)",
                   &A::sources},
    StressArgument{"ports", "auto|kernel|own",
                   "who chooses source ports; own does not slow down when most are taken [auto]",
                   &A::ports},
    StressArgument{"socket-option", "NAME[=VALUE]",
                   "congestion=NAME, sndbuf=BYTES, rcvbuf=BYTES, dscp=0-63|EF|AF11|..., mark=N, "
                   "user-timeout=TIME, notsent-lowat=BYTES, fastopen, quickack, interface=NAME, "
                   "nodelay=on|off [on; stream: off] (repeatable)",
                   &A::socket_options},

    // Server side.
    StressArgument{"server-behavior", "NAME[=VALUE]",
                   "our server on purpose: accept-delay=TIME, zero-window, reply-delay=TIME, "
                   "silent, reset-after=REQUESTS, reset-at=TIME after the warm-up (repeatable)",
                   &A::server_behavior},

    // What is reported and what it must hold.
    StressArgument{"tcp-info", "all|N|none",
                   "connections per agent whose TCP_INFO is sampled [1000]", &A::tcp_info},
    StressArgument{"exemplars", "N", "slowest operations to report, at most 64 [10]",
                   &A::exemplars},
    StressArgument{"interval", "TIME", "time between two reports and samples [1s]", &A::interval},
    StressArgument{"threshold", "EXPR",
                   "condition on the totals, for example 'connectLatencyUs.p99<50000' or "
                   "'failedPercent<1' (repeatable)",
                   &A::thresholds},
    StressArgument{"abort-on-fail", "", "stop the run as soon as a threshold is broken",
                   &A::abort_on_fail},
    StressArgument{"force", "", "start although the agents' pre-flight check says it will break",
                   &A::force},
    StressArgument{"share", "", "let agents take part that are in another shared run already",
                   &A::share},
};

}  // namespace

absl::Span<const StressArgument> StressArgumentTable() { return kTable; }

}  // namespace tcpfleet::controller
