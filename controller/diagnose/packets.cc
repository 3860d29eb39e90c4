// Packets that are refused or lost on the way for what they are.
//
// Source: tcp_mtu_probe and tcp_v4_rcv of net/ipv4; fib_validate_source; tcp_info's options.
#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/ip_address.h"
#include "common/base/status_macros.h"
#include "controller/diagnose/finding.h"
#include "controller/diagnose/picked_connections.h"
#include "controller/diagnose/rules.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::string_view kInetDiag = "inet_diag";
constexpr absl::string_view kEstablished[] = {"ESTAB"};
constexpr absl::string_view kChecksumErrors = "Tcp.InCsumErrors";
constexpr absl::string_view kReceived = "Tcp.InSegs";
constexpr absl::string_view kReversePath = "TcpExt.IPReversePathFilter";
constexpr absl::string_view kMtuProbing = "net/ipv4/tcp_mtu_probing";
constexpr uint64_t kLoss = 4;  // TCP_CA_Loss
constexpr uint64_t kHasSack = 2;
constexpr uint64_t kHasWindowScale = 4;

std::string ByPeer(const v1::ConnectionRecord& record) {
  return absl::StrCat("to ", AddressOf(record.peer()));
}

// Nothing of a full segment's size was ever acknowledged, and the kernel keeps trying.
bool IsStuckAtFullSize(const ConnectionHistory& connection, const RuleParameters& parameters) {
  return connection.Value("ca_state") == kLoss &&
         static_cast<double>(*connection.Value("backoff")) >= parameters["backoff"] &&
         *connection.Value("lost") > 0 &&
         static_cast<double>(*connection.Value("snd_mss")) >= parameters["least_mss"] &&
         *connection.Value("bytes_acked") < *connection.Value("snd_mss") &&
         *connection.Value("send_queue") >= *connection.Value("snd_mss");
}

Findings PmtuBlackhole(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const int64_t probing, host.Number(kMtuProbing));
  TF_ASSIGN_OR_RETURN(
      const PickedConnections stuck,
      PickConnections(
          host, kEstablished,
          {"ca_state", "backoff", "lost", "snd_mss", "bytes_acked", "send_queue"},
          [&](const ConnectionHistory& one) { return IsStuckAtFullSize(one, parameters); }));
  std::vector<v1::Finding> findings;
  for (const ConnectionGroup& group : GroupBy(stuck.connections, ByPeer)) {
    const auto count = static_cast<double>(group.connections.size());
    if (count < parameters["sockets"]) break;
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn, group.key));
    AddNumber(finding, kInetDiag, "stuck", count, "sockets", parameters["sockets"]);
    AddNumber(finding, kInetDiag, "snd_mss",
              static_cast<double>(*group.connections.front()->Value("snd_mss")), "B",
              parameters["least_mss"]);
    AddNumber(finding, "net.ipv4.tcp_mtu_probing", "tcp_mtu_probing", static_cast<double>(probing),
              "");
    for (const ConnectionHistory* one : group.connections) AddSocket(finding, one->last());
  }
  return UnlessIncomplete(std::move(findings), stuck.complete);
}

Findings ChecksumErrors(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange errors, host.Change(kChecksumErrors));
  TF_ASSIGN_OR_RETURN(const CounterChange received, host.Change(kReceived));
  std::vector<v1::Finding> findings;
  const auto count = static_cast<double>(errors.delta());
  const bool is_large_share = count >= parameters["least_errors"] &&
                              count > parameters["share"] * static_cast<double>(received.delta());
  if (count < parameters["errors"] && !is_large_share) return findings;
  v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
  AddChange(finding, errors, "segments");
  AddChange(finding, received, "segments");
  return findings;
}

Findings ReversePathDrop(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const CounterChange drops, host.Change(kReversePath));
  std::vector<v1::Finding> findings;
  if (drops.delta() == 0) return findings;
  const bool is_steady =
      static_cast<double>(drops.IntervalsAtLeast(parameters["warn_per_second"])) >=
      parameters["intervals"];
  v1::Finding& finding = findings.emplace_back(
      NewFinding(is_steady ? FindingSeverity::kWarn : FindingSeverity::kInfo));
  AddChange(finding, drops, "packets", parameters["warn_per_second"]);
  return findings;
}

bool IsLoopback(const v1::ConnectionRecord& record) {
  const absl::StatusOr<base::Endpoint> peer = base::ParseEndpoint(record.peer());
  return peer.ok() && peer->address.IsLoopback();
}

// Handshakes that left an option out are found by a filter; how many there are in all is known from
// the counts by state.
Findings OptionsDisabled(const HostObservation& host, const RuleParameters& parameters) {
  TF_ASSIGN_OR_RETURN(const v1::SocketSummary* const sockets, host.Sockets());
  TF_ASSIGN_OR_RETURN(
      const PickedConnections poor,
      PickConnections(host, kEstablished, {"options"}, [](const ConnectionHistory& one) {
        const uint64_t options = *one.Value("options");
        return !IsLoopback(one.last()) &&
               ((options & kHasSack) == 0 || (options & kHasWindowScale) == 0);
      }));
  const auto found = sockets->states().find("ESTAB");
  const double all = found == sockets->states().end() ? 0 : static_cast<double>(found->second);
  const auto count = static_cast<double>(poor.connections.size());
  std::vector<v1::Finding> findings;
  if (all >= parameters["sockets"] && count >= parameters["share"] * all) {
    v1::Finding& finding = findings.emplace_back(NewFinding(FindingSeverity::kWarn));
    AddNumber(finding, kInetDiag, "without_sack_or_window_scaling", count, "sockets",
              parameters["share"] * all);
    AddNumber(finding, kInetDiag, "established", all, "sockets");
    for (const ConnectionHistory* one : poor.connections) AddSocket(finding, one->last());
  }
  return UnlessIncomplete(std::move(findings), poor.complete);
}

constexpr absl::string_view kCounters =
    "https://www.kernel.org/doc/html/latest/networking/snmp_counter.html";
constexpr absl::string_view kSysctls =
    "https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html";

DiagnosisRule PmtuBlackholeRule() {
  return {.number = "R32",
          .id = "pmtu-blackhole",
          .title = "full-sized packets do not arrive: the way's MTU is smaller and nobody says so",
          .symptom = "connects and small requests work, large answers hang",
          .cause =
              "a router on the way drops packets that are too large, and its ICMP messages "
              "(type 3 code 4; packet too big) are filtered",
          .fixes = {"let ICMP type 3 code 4 and ICMPv6 type 2 through",
                    "clamp the MSS on the router: nft ... tcp option maxseg size set rt mtu",
                    "`tcpfleet sysctl plan --set net.ipv4.tcp_mtu_probing=1`, which finds it "
                    "slowly"},
          .false_positives = "a peer that vanished just after the handshake (R16)",
          .kernel =
              "with tcp_mtu_probing = 1 the kernel goes down to net.ipv4.tcp_base_mss after "
              "some timeouts",
          .commands = {"ss -tni  # backoff, lost, mss, bytes_acked", "tracepath PEER",
                       "ping -M do -s 1472 PEER"},
          .link = "https://www.rfc-editor.org/rfc/rfc4821.html",
          .needs = {"connections", kMtuProbing},
          .connections = "state established backoff >= 3 and lost > 0",
          .fields = {"ca_state", "backoff", "lost", "snd_mss", "bytes_acked", "send_queue"},
          .parameters = {{"backoff", 3, "doublings", "one or two happen with any loss"},
                         {"least_mss", 1'220, "B", "smaller fits any way (RFC 8200: 1,280)"},
                         {"sockets", 2, "sockets", "one may have another reason"}},
          .evaluate = &PmtuBlackhole};
}

DiagnosisRule ChecksumErrorsRule() {
  return {.number = "R36",
          .id = "checksum-errors",
          .title = "segments arrive with wrong checksums",
          .symptom = "retransmissions on all connections of a host or switch",
          .cause = "a device on the way damages packets: NIC, its offloading, memory, a switch",
          .fixes = {"turn offloading off to see whether it is the NIC: ethtool -K DEV rx off",
                    "look at which peers they come from, and what is on the way"},
          .false_positives = "probes that send wrong checksums on purpose",
          .kernel = "per network namespace",
          .commands = {"nstat -az TcpInCsumErrors TcpInErrs", "ethtool -S DEV"},
          .link = kCounters,
          .needs = {kChecksumErrors, kReceived},
          .parameters = {{"errors", 10, "segments", "a healthy network has none for days"},
                         {"least_errors", 2, "segments", "one may be a probe"},
                         {"share", 1e-5, "share of InSegs", "or a small share of many"}},
          .evaluate = &ChecksumErrors};
}

DiagnosisRule ReversePathRule() {
  return {.number = "R37",
          .id = "rp-filter-drop",
          .title = "packets are dropped because their answers would leave by another interface",
          .symptom = "connects from some networks time out; nothing is logged",
          .cause =
              "net.ipv4.conf.*.rp_filter is strict (1) and the route to the source goes "
              "through another interface: asymmetric routing, or spoofed sources",
          .fixes = {"on hosts with several ways: `tcpfleet sysctl plan --set "
                    "net.ipv4.conf.all.rp_filter=2`",
                    "add the route that is missing"},
          .false_positives = "spoofed packets, which are what it is for",
          .kernel =
              "what counts is the larger of conf.all and conf.IF; packets without any route "
              "back count too",
          .commands = {"nstat -az TcpExtIPReversePathFilter", "ip route get SOURCE",
                       "sysctl -a -r 'net.ipv4.conf.*.rp_filter'"},
          .link = kSysctls,
          .needs = {kReversePath},
          .parameters = {{"warn_per_second", 1, "1/s", "scans are rarer"},
                         {"intervals", 2, "intervals between snapshots", "a burst may be a scan"}},
          .evaluate = &ReversePathDrop};
}

DiagnosisRule OptionsDisabledRule() {
  return {
      .number = "R38",
      .id = "tcp-options-disabled",
      .title = "connections lack window scaling or selective acknowledgements",
      .symptom = "no connection gets more than 64 KiB per round trip; loss costs much",
      .cause =
          "one end has them turned off by sysctl, or a device on the way strips options, "
          "or handshakes by SYN cookies without timestamps",
      .fixes = {"`tcpfleet sysctl plan --set net.ipv4.tcp_sack=1 --set "
                "net.ipv4.tcp_window_scaling=1 --set net.ipv4.tcp_timestamps=1`",
                "look for a device on the way that strips options"},
      .false_positives = "many clients with tiny stacks",
      .kernel = "options are settled by the handshake and stay for the connection's life",
      .commands = {"ss -tni  # ts, sack, wscale",
                   "sysctl net.ipv4.tcp_sack net.ipv4.tcp_window_scaling"},
      .link = "https://www.rfc-editor.org/rfc/rfc7323.html",
      .needs = {"sockets", "connections"},
      .connections =
          "state established options != 7 and options != 6 and options != 15 and options != 31 and "
          "options != 71",
      .fields = {"options"},
      .parameters = {{"sockets", 10, "sockets", "a share of few says nothing"},
                     {"share", 0.2, "share of established", "single clients differ"}},
      .evaluate = &OptionsDisabled};
}

}  // namespace

std::vector<DiagnosisRule> PacketRules() {
  return {PmtuBlackholeRule(), ChecksumErrorsRule(), ReversePathRule(), OptionsDisabledRule()};
}

}  // namespace tcpfleet::controller
