#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <iterator>

#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;

// What it means that one moved; empty: nothing bad by itself. In the order shown.
// Source: include/uapi/linux/snmp.h, net/ipv4/proc.c.
struct KnownCounter {
  const char* name;
  const char* worry = "";
};
constexpr KnownCounter kCounters[] = {
    {"Tcp.ActiveOpens"},
    {"Tcp.PassiveOpens"},
    {"Tcp.AttemptFails"},
    {"Tcp.EstabResets"},
    {"Tcp.InSegs"},
    {"Tcp.OutSegs"},
    {"Tcp.RetransSegs"},
    {"Tcp.OutRsts"},
    {"Tcp.InErrs"},
    {"Tcp.InCsumErrors", "broken segments arrived"},
    {"TcpExt.ListenOverflows", "an accept queue was full: connections dropped"},
    {"TcpExt.ListenDrops", "listeners dropped connections"},
    {"TcpExt.TCPReqQFullDrop", "a SYN queue was full: connections dropped"},
    {"TcpExt.TCPReqQFullDoCookies", "a SYN queue was full: answered with cookies"},
    {"TcpExt.SyncookiesSent"},
    {"TcpExt.SyncookiesRecv"},
    {"TcpExt.SyncookiesFailed"},
    {"TcpExt.TW"},
    {"TcpExt.TCPTimeWaitOverflow", "tcp_max_tw_buckets reached: TIME-WAIT cut short"},
    {"TcpExt.TCPTimeouts"},
    {"TcpExt.TCPSynRetrans"},
    {"TcpExt.TCPFastRetrans"},
    {"TcpExt.TCPLossProbes"},
    {"TcpExt.TCPLostRetransmit"},
    {"TcpExt.TCPSACKReorder"},
    {"TcpExt.TCPTSReorder"},
    {"TcpExt.TCPOFOQueue"},
    {"TcpExt.TCPKeepAlive"},
    {"TcpExt.TCPWinProbe"},
    {"TcpExt.TCPToZeroWindowAdv"},
    {"TcpExt.TCPAbortOnClose"},
    {"TcpExt.TCPAbortOnData"},
    {"TcpExt.TCPAbortOnTimeout", "connections given up: the peer did not answer"},
    {"TcpExt.TCPAbortOnMemory", "connections reset for want of memory"},
    {"TcpExt.TCPMemoryPressures", "TCP ran short of memory"},
    {"TcpExt.EmbryonicRsts"},
    {"TcpExt.RcvPruned", "a receive buffer was full: packets thrown away"},
    {"TcpExt.OfoPruned", "a receive buffer was full: packets thrown away"},
    {"TcpExt.TCPRcvQDrop", "a receive buffer was full: packets thrown away"},
    {"TcpExt.TCPZeroWindowDrop", "a receive buffer was full: packets thrown away"},
    {"TcpExt.TCPBacklogDrop", "a program kept its socket busy: packets thrown away"},
    {"TcpExt.IPReversePathFilter", "packets from where the route does not lead (rp_filter)"},
};

// A share of retransmits that few segments do not make worrying.
constexpr double kRetransmitShare = 0.01;
constexpr uint64_t kFewSegments = 1'000;

uint64_t ChangeOf(const std::vector<CounterMove>& moves, absl::string_view name) {
  for (const CounterMove& move : moves) {
    if (move.name == name) return move.change();
  }
  return 0;
}

std::string WorryOf(const KnownCounter& counter, const std::vector<CounterMove>& moves) {
  if (absl::string_view(counter.name) != "Tcp.RetransSegs") return counter.worry;
  // SYNs sent again say that nobody answers, not that packets get lost on the way; sent segments
  // do not include those sent again.
  const uint64_t again = ChangeOf(moves, counter.name);
  const uint64_t syns = std::min(ChangeOf(moves, "TcpExt.TCPSynRetrans"), again);
  const uint64_t sent = ChangeOf(moves, "Tcp.OutSegs");
  if (sent < kFewSegments) return "";
  const double share = static_cast<double>(again - syns) / static_cast<double>(sent);
  return share < kRetransmitShare ? "" : absl::StrCat(Percent(share), " of the segments sent");
}

void PrintMoves(const NamespaceSubject& subject, StackLines& lines) {
  const std::vector<CounterMove> moves = Moves(subject.before->counters(), subject.now.counters());
  Table table({{"COUNTER"}, {"CHANGE", Align::kRight}, {"PER SECOND", Align::kRight}});
  std::vector<std::string> worries;
  size_t shown = 0;
  for (const KnownCounter& counter : kCounters) {
    const auto move = std::find_if(moves.begin(), moves.end(), [&](const CounterMove& one) {
      return one.name == counter.name;
    });
    if (move == moves.end()) continue;
    ++shown;
    if (move->went_back()) {
      table.AddRow({move->name, "?", "?"});
      worries.push_back(absl::StrCat("went back from ", move->before, " to ", move->after));
      continue;
    }
    table.AddRow({move->name, absl::StrCat(move->change()),
                  absl::StrFormat("%.1f", static_cast<double>(move->change()) /
                                              subject.host.interval.seconds)});
    worries.push_back(WorryOf(counter, moves));
  }
  lines.Rows(table, worries);
  if (moves.size() > shown) {
    const size_t others = moves.size() - shown;
    lines.Labelled("counters", absl::StrCat(others, others == 1 ? " other" : " others",
                                            " moved; --output csv lists them"));
  } else if (moves.empty()) {
    lines.Labelled("counters", "none moved");
  }
}

void PrintTotals(const v1::NamespaceStatistics& now, StackLines& lines) {
  Table table({{"COUNTER"}, {"SINCE BOOT", Align::kRight}});
  std::vector<std::string> worries;
  for (const KnownCounter& counter : kCounters) {
    const auto found = now.counters().find(counter.name);
    if (*counter.worry == '\0' || found == now.counters().end() || found->second == 0) continue;
    table.AddRow({counter.name, absl::StrCat(found->second)});
    worries.emplace_back(counter.worry);
  }
  lines.Rows(table, worries);
}

}  // namespace

void PrintCounterSection(const NamespaceSubject& subject, StackLines& lines) {
  if (subject.now.counters().empty()) return lines.Labelled("counters", kUnknown);
  if (subject.before == nullptr) return PrintTotals(subject.now, lines);
  PrintMoves(subject, lines);
}

}  // namespace tcpfleet::controller
