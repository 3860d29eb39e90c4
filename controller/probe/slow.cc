// Paths whose tries have all connected, and what is still not right about them.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <optional>

#include "controller/probe/causes.h"

namespace tcpfleet::controller {
namespace {

constexpr double kSlowResolutionUs = 1e6;  // an answer takes milliseconds, a dead server 5 s
constexpr uint64_t kLeastTries = 5;        // a median of fewer says little
constexpr double kSpreadFactor = 10;       // slowest to median
constexpr double kLeastSpreadUs = 100e3;   // less is noise of hosts that are busy
constexpr uint32_t kHeaders4 = 40;         // IP and TCP without options
constexpr uint32_t kHeaders6 = 60;

using Notes = std::vector<ProbeVerdict>;

void NoteResends(const ProbeEvidence& evidence, Notes& notes) {
  if (evidence.path.syn_retransmits() == 0) return;
  const std::optional<ProbeVerdict> loss = JudgeLossAtTarget(evidence);
  if (loss) {
    notes.push_back(*loss);
    return;
  }
  ProbeVerdict& note = notes.emplace_back();
  note.cause =
      "SYNs had to be sent again, after 1 s: packets are lost on the way, or the accept "
      "queue of the target overflows at times";
  note.fixes = {"`tcpfleet diagnose --rules R01,R08,R30` on both hosts",
                absl::StrCat("mtr --tcp --port ", evidence.port, " ", evidence.path.address())};
}

void NoteSlowResolution(const ProbeEvidence& evidence, Notes& notes) {
  if (evidence.path.resolution_us() < kSlowResolutionUs) return;
  ProbeVerdict& note = notes.emplace_back();
  note.cause =
      "the name took more than a second to resolve: a name server does not answer, and "
      "the next one is asked after 5 s";
  note.fixes = {
      "cat /etc/resolv.conf; dig NAME @SERVER for each  # put the one that answers first"};
}

void NoteSpread(const ProbeEvidence& evidence, Notes& notes) {
  const v1::Distribution& latency = evidence.path.connect_latency_us();
  if (evidence.path.syn_retransmits() > 0 || latency.count() < kLeastTries ||
      latency.max() < kLeastSpreadUs || latency.max() < kSpreadFactor * latency.p50()) {
    return;
  }
  ProbeVerdict& note = notes.emplace_back();
  note.cause =
      "some handshakes take more than ten times as long as others: queues fill on the "
      "way, or a host is short of CPU";
  note.fixes = {"`tcpfleet diagnose --rules R34` and `tcpfleet stack` on both hosts"};
}

bool HasOption(const v1::ProbePath& path, absl::string_view name) {
  return std::any_of(path.options().begin(), path.options().end(), [&](const std::string& option) {
    return option.substr(0, option.find(':')) == std::string(name);
  });
}

void NoteMissingOptions(const ProbeEvidence& evidence, Notes& notes) {
  struct Option {
    absl::string_view name;
    absl::string_view effect;
    absl::string_view sysctl;
  };
  constexpr Option kExpected[] = {
      {"wscale", "window scaling (at most 64 kB are under way at a time)",
       "net.ipv4.tcp_window_scaling"},
      {"sack", "selective acknowledgements (losses cost more)", "net.ipv4.tcp_sack"},
      {"ts", "timestamps", "net.ipv4.tcp_timestamps"},
  };
  std::vector<std::string> effects;
  std::vector<std::string> sysctls;
  for (const Option& option : kExpected) {
    if (HasOption(evidence.path, option.name)) continue;
    effects.emplace_back(option.effect);
    sysctls.emplace_back(option.sysctl);
  }
  if (effects.empty()) return;
  ProbeVerdict& note = notes.emplace_back();
  note.cause = absl::StrCat("the handshake agreed on no ", absl::StrJoin(effects, ", no "),
                            ": one of both hosts does not want it, or something on the way takes "
                            "it out");
  note.fixes = {
      absl::StrCat("`tcpfleet sysctl get ", absl::StrJoin(sysctls, " "), "` on both hosts"),
      "a proxy or a firewall on the way may rewrite options: tcpdump the SYN at both ends"};
}

// What packets the way out takes at least: the segment size that this host announces tells the
// interface's, until the kernel has learned of a narrower path.
uint64_t InterfaceMtu(const ProbeEvidence& evidence) {
  const bool is_v6 = evidence.path.address().find(':') != std::string::npos;
  const auto announced = evidence.path.fields().find("advmss");
  uint64_t mtu = announced == evidence.path.fields().end()
                     ? 0
                     : announced->second + (is_v6 ? kHeaders6 : kHeaders4);
  if (evidence.own == nullptr) return mtu;
  const auto own = evidence.own->Namespace();
  if (!own.ok()) return mtu;
  std::optional<uint64_t> smallest;
  for (const v1::InterfaceStatistics& interface : (*own)->interfaces()) {
    if (interface.state() != "UP" || interface.name() == "lo") continue;
    smallest = std::min<uint64_t>(smallest.value_or(interface.mtu()), interface.mtu());
  }
  return evidence.target.is_own ? mtu : std::max(mtu, smallest.value_or(0));
}

void NoteBlackHole(const ProbeEvidence& evidence, Notes& notes) {
  ProbeVerdict& note = notes.emplace_back();
  note.is_certain = true;
  note.cause = absl::StrCat(
      "packets of more than ", evidence.path.path_mtu().bytes(),
      " bytes vanish on the way and no router says that they are too big (a path MTU black hole): "
      "connections work until one end sends much, then they hang");
  note.fixes = {
      "let ICMP \"fragmentation needed\" (IPv4 type 3 code 4, IPv6 type 2) pass every firewall on "
      "the way",
      "clamp the MSS where the path narrows: nft ... tcp option maxseg size set rt mtu",
      "`tcpfleet sysctl plan --set net.ipv4.tcp_mtu_probing=1` on both hosts, which is slow to "
      "help"};
}

void NoteSmallPathMtu(const ProbeEvidence& evidence, Notes& notes) {
  if (!evidence.path.path_mtu().has_bytes()) return;
  if (evidence.path.path_mtu().black_hole()) return NoteBlackHole(evidence, notes);
  const uint64_t interface = InterfaceMtu(evidence);
  const uint32_t path_mtu = evidence.path.path_mtu().bytes();
  if (path_mtu >= interface) return;
  ProbeVerdict& note = notes.emplace_back();
  note.is_certain = evidence.path.path_mtu().confirmed();
  note.cause =
      absl::StrCat("the path takes packets of ", path_mtu, " bytes, the interface of this host ",
                   interface, ": a tunnel or another MTU is on the way");
  note.fixes = {absl::StrCat("harmless while ICMP gets through; else give the route an mtu of ",
                             path_mtu,
                             ", or `tcpfleet sysctl plan --set net.ipv4.tcp_mtu_probing=1`")};
}

}  // namespace

ProbeVerdict JudgeConnected(const ProbeEvidence& evidence) {
  ProbeVerdict verdict;
  if (evidence.path.connected() == 0) return verdict;  // not tried yet
  Notes notes;
  NoteResends(evidence, notes);
  NoteSlowResolution(evidence, notes);
  NoteSpread(evidence, notes);
  NoteMissingOptions(evidence, notes);
  NoteSmallPathMtu(evidence, notes);
  verdict.is_certain = true;
  for (ProbeVerdict& note : notes) {
    absl::StrAppend(&verdict.cause, verdict.cause.empty() ? "" : ". ", note.cause);
    verdict.is_certain = verdict.is_certain && note.is_certain;
    verdict.fixes.insert(verdict.fixes.end(), note.fixes.begin(), note.fixes.end());
  }
  return verdict;
}

}  // namespace tcpfleet::controller
