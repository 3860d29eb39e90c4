#include "controller/stress/kernel_notes.h"

#include <array>

namespace tcpfleet::controller {
namespace {

struct NoteEntry {
  absl::string_view name;
  absl::string_view note;
  bool says_nothing_with_rst = false;  // it is expected then, or none of this run's doing
};
// Source: net/ipv4/proc.c, Documentation/networking/snmp_counter.rst.
constexpr std::array kNotes = {
    NoteEntry{"ListenOverflows",
              "handshakes dropped by a full accept queue: the server accepts too slowly, or its "
              "backlog or net.core.somaxconn is too small"},
    NoteEntry{"ListenDrops", "SYNs and handshakes dropped by listeners, for whatever reason"},
    NoteEntry{"TCPReqQFullDrop",
              "SYNs dropped by a full SYN queue: net.ipv4.tcp_max_syn_backlog, backlog"},
    NoteEntry{"TCPReqQFullDoCookies",
              "SYN queue full, answered by SYN cookies: net.ipv4.tcp_max_syn_backlog, backlog"},
    NoteEntry{"SyncookiesFailed", "handshakes with a wrong SYN cookie"},
    NoteEntry{"TCPTimeouts", "retransmission timeouts: something was lost, or not answered"},
    NoteEntry{"TCPSynRetrans", "SYNs and SYN-ACKs sent again: handshakes were dropped"},
    NoteEntry{"RetransSegs", "segments sent again"},
    NoteEntry{"TCPLostRetransmit", "retransmissions lost too"},
    NoteEntry{"TCPTimeWaitOverflow",
              "TIME_WAIT sockets given up early: net.ipv4.tcp_max_tw_buckets"},
    NoteEntry{"TW", "connections that went through TIME_WAIT", true},
    NoteEntry{"PruneCalled", "receive buffers over their limit: net.ipv4.tcp_rmem, tcp_mem"},
    NoteEntry{"RcvPruned", "segments dropped from full receive buffers: net.ipv4.tcp_rmem"},
    NoteEntry{"TCPRcvQDrop", "segments dropped by a full receive queue: net.ipv4.tcp_rmem"},
    NoteEntry{"TCPBacklogDrop",
              "segments dropped by a full socket backlog: the program is too slow, or too small a "
              "receive buffer"},
    NoteEntry{"TCPToZeroWindowAdv", "receive windows closed: a receiver reads too slowly"},
    NoteEntry{"TCPZeroWindowDrop", "segments dropped by a closed receive window"},
    NoteEntry{"TCPMemoryPressures", "times all of TCP was short of memory: net.ipv4.tcp_mem"},
    NoteEntry{"TCPAbortOnMemory",
              "connections aborted for want of memory: net.ipv4.tcp_mem, tcp_max_orphans"},
    NoteEntry{"TCPAbortOnTimeout", "connections aborted after the last retransmission"},
    NoteEntry{"TCPAbortOnData", "connections closed with data unread", true},
    NoteEntry{"AttemptFails", "connection attempts that failed"},
    NoteEntry{"EstabResets", "established connections that were reset", true},
    NoteEntry{"OutRsts", "resets sent", true},
    NoteEntry{"InErrs", "segments that were broken"},
    NoteEntry{"InCsumErrors", "segments with a wrong checksum"},
    NoteEntry{"InDiscards", "IP packets dropped on arrival"},
    NoteEntry{"OutDiscards", "IP packets dropped on leaving"},
};

}  // namespace

absl::string_view KernelCounterNote(absl::string_view name, const v1::StressSpec& spec) {
  const size_t dot = name.rfind('.');
  if (dot != absl::string_view::npos) name = name.substr(dot + 1);
  const bool resets = spec.close_mode() == v1::StressSpec::CLOSE_MODE_RST;
  for (const NoteEntry& entry : kNotes) {
    if (entry.name != name) continue;
    return resets && entry.says_nothing_with_rst ? absl::string_view() : entry.note;
  }
  return "";
}

}  // namespace tcpfleet::controller
