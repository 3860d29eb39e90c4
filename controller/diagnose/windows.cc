// Data that waits at one end of a connection, and what it waits for.
//
// Source: tcp_info's busy_time, rwnd_limited and sndbuf_limited (tcp_chrono_start of
//         net/ipv4/tcp_output.c); RFC 9293, 3.8.6.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kZeroWindows = "TcpExt.TCPToZeroWindowAdv";
constexpr absl::string_view kWindowProbes = "TcpExt.TCPWinProbe";
constexpr uint64_t kPersistTimer = 4;
constexpr absl::string_view kSending[] = {"ESTAB", "CLOSE-WAIT", "FIN-WAIT-1"};
constexpr absl::string_view kReceiving[] = {"ESTAB", "FIN-WAIT-1", "FIN-WAIT-2"};

std::string ByOwner(const v1::ConnectionRecord& record) { return OwnerText(record); }
std::string ByPeer(const v1::ConnectionRecord& record) {
  return absl::StrCat("to ", AddressOf(record.peer()));
}

uint64_t Sum(const ConnectionGroup& group, absl::string_view field) {
  uint64_t sum = 0;
  for (const ConnectionHistory* one : group.connections) sum += one->Value(field).value_or(0);
  return sum;
}

void AddSockets(v1::Finding& finding, const ConnectionGroup& group) {
  AddNumber(finding, kInetDiag, "connections", static_cast<double>(group.connections.size()),
            "sockets");
  for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
}

ConnectionSampling Enough(const RuleParameters& parameters) {
  return {parameters["samples"], parameters["seconds"]};
}

// In every sample that has it the field was at least that much, for long enough; where too little
// was sampled to say so, as far as that shows.
bool StayedAtLeast(const HostObservation& host, const ConnectionHistory& connection,
                   absl::string_view field, double least, const RuleParameters& parameters) {
  const ConnectionSampling enough = Enough(parameters);
  const ConnectionSampling all = SamplingOf(host);
  if (static_cast<double>(connection.samples.size()) < std::min(enough.samples, all.samples) ||
      connection.seconds() < std::min(enough.seconds, all.seconds)) {
    return false;
  }
  return std::all_of(connection.samples.begin(), connection.samples.end(),
                     [&](const ConnectionHistory::Sample& sample) {
                       const std::optional<uint64_t> value = ValueOf(*sample.record, field);
                       return value && static_cast<double>(*value) >= least;
                     });
}

Findings ReceiveQueueBuildup(const HostObservation& host, const RuleParameters& parameters) {
  TF_RETURN_IF_ERROR(Sampled(host, kForChange));
  TF_ASSIGN_OR_RETURN(const CounterChange zero_windows, host.Change(kZeroWindows));
  TF_ASSIGN_OR_RETURN(
      const PickedConnections waiting,
      PickConnections(host, kReceiving, {"receive_queue", "skmem_rcvbuf", "bytes_received"},
                      [&](const ConnectionHistory& one) {
                        const double least = std::max(
                            parameters["bytes"],
                            parameters["share"] * static_cast<double>(*one.Value("skmem_rcvbuf")));
                        const std::optional<uint64_t> arrived = one.Growth("bytes_received");
                        return StayedAtLeast(host, one, "receive_queue", least, parameters) &&
                               arrived && *arrived < *one.Value("receive_queue");
                      }));
  if (!waiting.connections.empty()) {
    TF_RETURN_IF_ERROR(Sampled(host, Enough(parameters)));
  }
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(waiting.connections, ByOwner)) {
    v1::Finding& finding = findings.emplace_back(NewFinding(
        zero_windows.delta() > 0 ? FindingSeverity::kCrit : FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "receive_queue", static_cast<double>(Sum(group, "receive_queue")),
              "B", parameters["bytes"]);
    AddChange(finding, zero_windows, "windows");
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), waiting.complete);
}

Findings ZeroWindowStall(const HostObservation& host, const RuleParameters& parameters) {
  TF_RETURN_IF_ERROR(Sampled(host, kForChange));
  TF_ASSIGN_OR_RETURN(const CounterChange probes, host.Change(kWindowProbes));
  TF_ASSIGN_OR_RETURN(
      const PickedConnections stalled,
      PickConnections(host, kSending, {"timer", "notsent_bytes", "snd_wnd", "snd_mss"},
                      [&](const ConnectionHistory& one) {
                        // The timer also runs when a queue of this host takes no packet: the window
                        // is open then.
                        return StayedAtLeast(host, one, "timer", kPersistTimer, parameters) &&
                               one.Value("timer") == kPersistTimer &&
                               *one.Value("notsent_bytes") > 0 &&
                               *one.Value("snd_wnd") < *one.Value("snd_mss");
                      }));
  if (!stalled.connections.empty()) {
    TF_RETURN_IF_ERROR(Sampled(host, Enough(parameters)));
  }
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(stalled.connections, ByPeer)) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "not_sent", static_cast<double>(Sum(group, "notsent_bytes")),
              "B");
    AddChange(finding, probes, "probes");
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), stalled.complete);
}

// Share of the busy time of the window that it was limited by `field`; nothing when it was hardly
// busy.
std::optional<double> LimitedShare(const ConnectionHistory& connection, absl::string_view field,
                                   const RuleParameters& parameters) {
  const std::optional<uint64_t> busy_us = connection.Growth("busy_time");
  const std::optional<uint64_t> limited_us = connection.Growth(field);
  if (!busy_us || !limited_us) return std::nullopt;
  if (static_cast<double>(*busy_us) < parameters["busy_seconds"] * 1e6) return std::nullopt;
  return static_cast<double>(*limited_us) / static_cast<double>(*busy_us);
}

// Why a sender has more than it may send, when the receiver is not why.
std::string WhyQueued(const ConnectionHistory& connection) {
  if (connection.Value("backoff").value_or(0) >= 2) return "the peer does not answer (R16)";
  const std::optional<uint64_t> unacked = connection.Value("unacked");
  const std::optional<uint64_t> window = connection.Value("snd_cwnd");
  if (unacked && window && *unacked >= *window) return "the congestion window is full";
  return "pacing, or the device's queue, holds it back";
}

Findings SendQueueBuildup(const HostObservation& host, const RuleParameters& parameters) {
  TF_RETURN_IF_ERROR(Sampled(host, kForChange));
  TF_ASSIGN_OR_RETURN(
      const PickedConnections queued,
      PickConnections(
          host, kSending, {"notsent_bytes", "busy_time", "rwnd_limited"},
          [&](const ConnectionHistory& one) {
            const std::optional<double> limited = LimitedShare(one, "rwnd_limited", parameters);
            return StayedAtLeast(host, one, "notsent_bytes", parameters["bytes"], parameters) &&
                   limited && *limited < parameters["most_limited_share"];
          }));
  if (!queued.connections.empty()) {
    TF_RETURN_IF_ERROR(Sampled(host, Enough(parameters)));
  }
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(queued.connections, ByPeer)) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kInfo, group.key));
    finding.set_cause(WhyQueued(*group.connections.front()));
    AddNumber(finding, kInetDiag, "not_sent", static_cast<double>(Sum(group, "notsent_bytes")), "B",
              parameters["bytes"]);
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), queued.complete);
}

Findings LimitedBy(absl::string_view field, const HostObservation& host,
                   const RuleParameters& parameters) {
  TF_RETURN_IF_ERROR(Sampled(host, kForChange));
  TF_ASSIGN_OR_RETURN(const PickedConnections limited,
                      PickConnections(host, kSending, {"busy_time", field, "notsent_bytes"},
                                      [&](const ConnectionHistory& one) {
                                        const std::optional<double> share =
                                            LimitedShare(one, field, parameters);
                                        return share && *share >= parameters["share"];
                                      }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(limited.connections, ByPeer)) {
    double worst = 0;
    for (const ConnectionHistory* one : group.connections) {
      worst = std::max(worst, *LimitedShare(*one, field, parameters));
    }
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, absl::StrCat(std::string(field), " / busy_time"), worst, "share",
              parameters["share"]);
    AddSockets(finding, group);
  }
  return UnlessIncomplete(std::move(findings), limited.complete);
}

Findings ReceiveWindowLimited(const HostObservation& host, const RuleParameters& parameters) {
  return LimitedBy("rwnd_limited", host, parameters);
}

Findings SendBufferLimited(const HostObservation& host, const RuleParameters& parameters) {
  return LimitedBy("sndbuf_limited", host, parameters);
}

constexpr absl::string_view kManual = "https://man7.org/linux/man-pages/man7/tcp.7.html";
constexpr absl::string_view kSpecification =
    "https://www.rfc-editor.org/rfc/rfc9293.html#section-3.8.6";
constexpr RuleParameter kSamples = {"samples", 3, "samples", "any queue is long for a moment"};
constexpr RuleParameter kSeconds = {"seconds", 3, "s", "any queue is long for a moment"};
constexpr RuleParameter kBusySeconds = {"busy_seconds", 0.5, "s",
                                        "short transfers are limited by their own beginning"};
constexpr RuleParameter kShare = {"share", 0.3, "share of busy_time",
                                  "healthy senders have a few percent"};

DiagnosisRule ReceiveQueueRule() {
  return {.number = "R22",
          .id = "recv-queue-buildup",
          .title = "a program does not read what has arrived",
          .symptom = "peers slow down or hang while they send; the receive queue stays long",
          .cause =
              "the program is blocked, or reads slower than data arrives. Larger buffers only "
              "delay it",
          .fixes = {"look at what the program waits for: a lock, a disk, another service",
                    "give it more threads or workers"},
          .false_positives = "programs that read in batches; proxies that hold back on purpose",
          .kernel = "the receive window is closed when the buffer is full: TCPToZeroWindowAdv",
          .commands = {"ss -tnmpo  # Recv-Q, and rb of skmem"},
          .link = kSpecification,
          .needs = {"connections", kZeroWindows},
          .connections =
              "state established state fin-wait-1 state fin-wait-2 receive_queue >= "
              "64KiB",
          .fields = {"receive_queue", "skmem_rcvbuf", "bytes_received"},
          .parameters = {{"bytes", 65'536, "B", "less is read in one call"},
                         {"share", 0.5, "share of the receive buffer", "half of what it can hold"},
                         kSamples,
                         kSeconds},
          .evaluate = &ReceiveQueueBuildup};
}

DiagnosisRule ZeroWindowRule() {
  return {.number = "R23",
          .id = "zero-window-stall",
          .title = "a peer has closed its receive window",
          .symptom = "sending hangs; the persist timer probes the window",
          .cause = "the program at the other end does not read (there it is R22)",
          .fixes = {"look at the program at the other end",
                    "set TCP_USER_TIMEOUT if this end must not wait for it"},
          .false_positives = "receivers that pause on purpose",
          .kernel =
              "window probes count as TCPWinProbe, not as retransmissions; snd_wnd is known since "
              "5.4",
          .commands = {"ss -tnoi  # timer:(persist,...)", "nstat -az TcpExtTCPWinProbe"},
          .link = kSpecification,
          .needs = {"connections", kWindowProbes},
          .connections =
              "state established state close-wait state fin-wait-1 timer = 4 and notsent_bytes > 0",
          .fields = {"timer", "notsent_bytes", "snd_wnd", "snd_mss"},
          .parameters = {{"samples", 2, "samples", "a window is closed for a moment now and then"},
                         kSeconds},
          .evaluate = &ZeroWindowStall};
}

DiagnosisRule SendQueueRule() {
  return {
      .number = "R24",
      .id = "send-queue-buildup",
      .title = "a program sends faster than the network takes it",
      .symptom = "what is sent arrives late; memory of the sender fills",
      .cause =
          "the network or its congestion control is the limit; so it is for any bulk "
          "transfer",
      .fixes = {"set TCP_NOTSENT_LOWAT (or net.ipv4.tcp_notsent_lowat) where latency matters",
                "look for loss (R30) and long queues on the way (R34)"},
      .false_positives = "bulk transfers: a long send queue is what they want",
      .kernel = "notsent_bytes is known since 4.6",
      .commands = {"ss -tni  # notsent, cwnd, unacked"},
      .link = kManual,
      .needs = {"connections"},
      .connections =
          "state established state close-wait state fin-wait-1 notsent_bytes >= "
          "256KiB",
      .fields = {"notsent_bytes", "busy_time", "rwnd_limited", "unacked", "snd_cwnd", "backoff"},
      .parameters = {{"bytes", 262'144, "B", "a few round trips on most paths"},
                     {"most_limited_share", 0.2, "share of busy_time",
                      "above, the receiver is the limit (R25)"},
                     kBusySeconds,
                     kSamples,
                     kSeconds},
      .evaluate = &SendQueueBuildup};
}

DiagnosisRule ReceiveWindowRule() {
  return {.number = "R25",
          .id = "rwnd-limited",
          .title = "a sender waits for its peer's receive window",
          .symptom = "transfers are slower than the network, without loss",
          .cause =
              "the receiver's buffer is smaller than bandwidth times round trip, or its "
              "program reads slowly (R22 there)",
          .fixes = {"do not set SO_RCVBUF in the receiving program: it turns autotuning off",
                    "raise the third number of net.ipv4.tcp_rmem on the receiver: "
                    "`tcpfleet sysctl plan --set 'net.ipv4.tcp_rmem=4096 131072 33554432'`"},
          .false_positives = "receivers that take their time on purpose",
          .kernel = "rwnd_limited is known since 4.10",
          .commands = {"ss -tni  # rwnd_limited against busy"},
          .link = kManual,
          .needs = {"connections"},
          .connections =
              "state established state close-wait state fin-wait-1 rwnd_limited > 100ms and "
              "notsent_bytes > 0",
          .fields = {"busy_time", "rwnd_limited", "notsent_bytes"},
          .parameters = {kShare, kBusySeconds},
          .evaluate = &ReceiveWindowLimited};
}

DiagnosisRule SendBufferRule() {
  return {
      .number = "R26",
      .id = "sndbuf-limited",
      .title = "a sender is limited by its own send buffer",
      .symptom = "transfers are slower than the network, without loss",
      .cause = "the send buffer holds less than bandwidth times round trip",
      .fixes = {"do not set SO_SNDBUF in the sending program: it turns autotuning off",
                "raise the third number of net.ipv4.tcp_wmem: "
                "`tcpfleet sysctl plan --set 'net.ipv4.tcp_wmem=4096 16384 4194304'`"},
      .false_positives = "programs that write little at a time and wait for it",
      .kernel =
          "sndbuf_limited is known since 4.10; BBR's pacing and the device's own limit "
          "hide it",
      .commands = {"ss -tni  # sndbuf_limited against busy"},
      .link = kManual,
      .needs = {"connections"},
      .connections = "state established state close-wait state fin-wait-1 sndbuf_limited > 100ms",
      .fields = {"busy_time", "sndbuf_limited", "notsent_bytes"},
      .parameters = {kShare, kBusySeconds},
      .evaluate = &SendBufferLimited};
}

}  // namespace

std::vector<DiagnosisRule> WindowRules() {
  return {ReceiveQueueRule(), ZeroWindowRule(), SendQueueRule(), ReceiveWindowRule(),
          SendBufferRule()};
}

}  // namespace tcpfleet::controller
