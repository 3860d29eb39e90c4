#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <functional>

#include "common/sysctl/key.h"
#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;
using Levels = google::protobuf::Map<std::string, int64_t>;

// Where a share of a limit becomes worrying.
constexpr double kPortShare = 0.7;
constexpr double kAcceptShare = 0.7;
constexpr uint32_t kShortBacklog = 8;  // shorter ones are meant to be full now and then
constexpr uint32_t kManyUnanswered = 5;
constexpr uint64_t kManyCloseWait = 100;
constexpr double kOrphanShare = 0.25;  // of tcp_max_orphans; the kernel may count them twice
constexpr double kMemoryShare = 0.9;   // of where tcp_mem calls it pressure
constexpr double kTimeWaitShare = 0.8;

std::vector<std::pair<std::string, uint64_t>> LargestFirst(const CounterMap& states) {
  std::vector<std::pair<std::string, uint64_t>> sorted(states.begin(), states.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  return sorted;
}

std::string StatesText(const CounterMap& states) {
  return absl::StrJoin(LargestFirst(states), ", ", [](std::string* out, const auto& state) {
    absl::StrAppend(out, state.first, " ", state.second);
  });
}

// "ESTAB 812 (+12), TIME-WAIT 30"
std::string StatesText(const CounterMap& now, const NamespaceSubject& subject) {
  if (subject.before == nullptr || !subject.before->has_sockets()) return StatesText(now);
  CounterMap known = now;  // one that has gone down to none is still a change
  const CounterMap& before = subject.before->sockets().states();
  for (const auto& [state, count] : before) known.insert({state, 0});
  return absl::StrJoin(LargestFirst(known), ", ", [&](std::string* out, const auto& state) {
    const auto found = before.find(state.first);
    const int64_t change = static_cast<int64_t>(state.second) -
                           (found == before.end() ? 0 : static_cast<int64_t>(found->second));
    absl::StrAppend(out, state.first, " ", state.second);
    if (change != 0) absl::StrAppendFormat(out, " (%+d)", change);
  });
}

void PrintStates(const NamespaceSubject& subject, StackLines& lines) {
  const v1::SocketSummary& sockets = subject.now.sockets();
  const auto close_wait = sockets.states().find("CLOSE-WAIT");
  const bool many = close_wait != sockets.states().end() && close_wait->second >= kManyCloseWait;
  const std::string text = StatesText(sockets.states(), subject);
  lines.Labelled("states", text.empty() ? "no TCP sockets" : text,
                 many ? "CLOSE-WAIT: the peer has closed, the program here has not" : "");
  if (sockets.gap()) {
    lines.Labelled("", "the table changed while it was read: sockets may be missing");
  }
}

const int64_t* LevelOf(const Levels& levels, const char* name) {
  const auto found = levels.find(name);
  return found == levels.end() ? nullptr : &found->second;
}

// "12 orphans" and whether it nears one number of a parameter.
struct Gauge {
  std::string text;
  std::string worry;
};

Gauge GaugeOf(const NamespaceSubject& subject, int64_t value, const char* what, const char* key,
              size_t element, double share) {
  Gauge gauge{absl::StrCat(value, " ", what), ""};
  if (!subject.is_own) return gauge;
  const auto limit = ParameterOf(subject.host.host, key);
  if (!limit || limit->size() <= element || (*limit)[element] <= 0) return gauge;
  if (static_cast<double>(value) >= share * static_cast<double>((*limit)[element])) {
    gauge.worry =
        absl::StrCat(what, " near ", (*limit)[element], " (", sysctl::DottedKey(key), ")");
  }
  return gauge;
}

void PrintSockstat(const NamespaceSubject& subject, StackLines& lines) {
  const v1::HostStatistics& host = subject.host.now.host();
  const Levels& levels = subject.now.levels();
  std::vector<Gauge> gauges;
  const int64_t* in_use = LevelOf(levels, "TCP.inuse");
  const int64_t* in_use6 = LevelOf(levels, "TCP6.inuse");
  gauges.push_back(
      {in_use == nullptr && in_use6 == nullptr
           ? absl::StrCat("in use ", kUnknown)
           : absl::StrCat((in_use != nullptr ? *in_use : 0) + (in_use6 != nullptr ? *in_use6 : 0),
                          " in use"),
       ""});
  if (const int64_t* waiting = LevelOf(levels, "TCP.tw")) {
    gauges.push_back(GaugeOf(subject, *waiting, "in TIME-WAIT", "net/ipv4/tcp_max_tw_buckets", 0,
                             kTimeWaitShare));
  }
  if (subject.is_own) {
    if (host.has_tcp_orphans()) {
      gauges.push_back(GaugeOf(subject, static_cast<int64_t>(host.tcp_orphans()),
                               "orphans on the host", "net/ipv4/tcp_max_orphans", 0, kOrphanShare));
    }
    if (host.has_tcp_memory_pages()) {
      Gauge memory = GaugeOf(subject, static_cast<int64_t>(host.tcp_memory_pages()),
                             "pages of memory on the host", "net/ipv4/tcp_mem", 1, kMemoryShare);
      if (host.page_bytes() > 0) {
        absl::StrAppendFormat(
            &memory.text, " (%.1f MiB)",
            static_cast<double>(host.tcp_memory_pages()) * host.page_bytes() / (1 << 20));
      }
      gauges.push_back(std::move(memory));
    }
  }
  std::vector<std::string> texts;
  std::vector<std::string> worries;
  for (const Gauge& gauge : gauges) {
    texts.push_back(gauge.text);
    if (!gauge.worry.empty()) worries.push_back(gauge.worry);
  }
  lines.Labelled("sockstat", absl::StrJoin(texts, ", "), absl::StrJoin(worries, "; "));
}

std::string ListenerWorry(const v1::Listener& listener) {
  const uint64_t room = uint64_t{listener.backlog()} + 1;
  if (listener.accept_queue() >= room) {
    return absl::StrCat("full at backlog + 1 = ", room, ": new connections are dropped");
  }
  if (listener.backlog() >= kShortBacklog &&
      listener.accept_queue() >= kAcceptShare * static_cast<double>(room)) {
    return "nearly full: the program accepts too slowly";
  }
  if (listener.syn_recv_retransmitted() >= kManyUnanswered) {
    return absl::StrCat(listener.syn_recv_retransmitted(),
                        " handshakes do not get their last packet");
  }
  return "";
}

void PrintListeners(const v1::SocketSummary& sockets, StackLines& lines) {
  Table table({{"LISTENER"},
               {"ACCEPT QUEUE", Align::kRight},
               {"BACKLOG", Align::kRight},
               {"SYN-RECV", Align::kRight},
               {"PROCESS"}});
  std::vector<std::string> worries;
  for (const v1::Listener& listener : sockets.listeners()) {
    worries.push_back(ListenerWorry(listener));
    table.AddRow({StackEndpoint(listener.address(), listener.port()),
                  Cell(absl::StrCat(listener.accept_queue()),
                       worries.back().empty() ? Style::kPlain : Style::kYellow),
                  absl::StrCat(listener.backlog()), absl::StrCat(listener.syn_recv()),
                  StackOwner(listener.owner())});
  }
  lines.Rows(table, worries);
  if (sockets.listeners_dropped() > 0) {
    lines.Labelled("", absl::StrCat(sockets.listeners_dropped(), " more listeners, less full"));
  }
}

using Groups = google::protobuf::RepeatedPtrField<v1::SocketGroup>;

void PrintGroups(const std::string& header, const Groups& groups,
                 const std::function<std::string(const v1::SocketGroup&)>& name,
                 StackLines& lines) {
  Table table({{header}, {"SOCKETS", Align::kRight}, {"STATES"}});
  std::vector<std::string> worries(static_cast<size_t>(groups.size()));
  for (const v1::SocketGroup& group : groups) {
    table.AddRow({name(group), absl::StrCat(group.sockets()), StatesText(group.states())});
  }
  lines.Rows(table, worries);
}

void PrintTimeWait(const v1::SocketSummary& sockets, StackLines& lines) {
  Table table({{"TIME-WAIT FROM"}, {"TO"}, {"SOCKETS", Align::kRight}});
  std::vector<std::string> worries(static_cast<size_t>(sockets.time_wait_size()));
  for (const v1::SocketGroup& group : sockets.time_wait()) {
    table.AddRow({group.local_address(), StackEndpoint(group.peer_address(), group.peer_port()),
                  absl::StrCat(group.sockets())});
  }
  lines.Rows(table, worries);
}

void PrintPorts(const v1::SocketSummary& sockets, StackLines& lines) {
  if (!sockets.has_port_range_low() || !sockets.has_port_range_high()) {
    lines.Labelled("ports", absl::StrCat("range ", kUnknown));
  } else {
    lines.Labelled("ports", absl::StrCat(sockets.port_range_low(), "-", sockets.port_range_high(),
                                         ", ", sockets.ports_reserved(), " of them reserved, ",
                                         sockets.ports_in_use(), " used towards any destination"));
  }
  Table table({{"PORTS FROM"},
               {"TO"},
               {"USED", Align::kRight},
               {"OF", Align::kRight},
               {"SHARE", Align::kRight},
               {"LEFT", Align::kRight},
               {"PROCESS"}});
  std::vector<std::string> worries;
  for (const v1::PortUse& use : sockets.port_use()) {
    const uint32_t left = use.usable() > use.used() ? use.usable() - use.used() : 0;
    const double share = use.usable() > 0 ? static_cast<double>(use.used()) / use.usable() : 1;
    worries.emplace_back(share < kPortShare ? ""
                         : left == 0 ? "none left: connect() fails, cannot assign requested address"
                                     : "running out: then connect() fails");
    table.AddRow({use.local_address(), StackEndpoint(use.peer_address(), use.peer_port()),
                  absl::StrCat(use.used()), absl::StrCat(use.usable()),
                  Cell(Percent(share), worries.back().empty() ? Style::kPlain : Style::kYellow),
                  absl::StrCat(left), StackOwner(use.owner())});
  }
  lines.Rows(table, worries);
}

std::string WithOwner(std::string what, const v1::SocketOwner& owner) {
  return owner.pid() == 0 ? what : absl::StrCat(what, " ", StackOwner(owner));
}

}  // namespace

void PrintSocketSection(const NamespaceSubject& subject, StackLines& lines) {
  const v1::SocketSummary& sockets = subject.now.sockets();
  if (subject.now.has_sockets()) {
    PrintStates(subject, lines);
  } else {
    lines.Labelled("states", kUnknown);
  }
  PrintSockstat(subject, lines);
  if (!subject.now.has_sockets()) return;
  PrintListeners(sockets, lines);
  PrintGroups(
      "LOCAL PORT", sockets.local_ports(),
      [](const v1::SocketGroup& group) {
        return WithOwner(absl::StrCat(group.local_port()), group.owner());
      },
      lines);
  PrintGroups(
      "PROCESS", sockets.processes(),
      [](const v1::SocketGroup& group) { return StackOwner(group.owner()); }, lines);
  PrintGroups(
      "PEER", sockets.peers(),
      [](const v1::SocketGroup& group) {
        return WithOwner(StackEndpoint(group.peer_address(), group.peer_port()), group.owner());
      },
      lines);
  if (sockets.unattributed() > 0) {
    lines.Labelled(
        "", absl::StrCat("the process of ", sockets.unattributed(), " sockets is not known"));
  }
  PrintTimeWait(sockets, lines);
  PrintPorts(sockets, lines);
}

}  // namespace tcpfleet::controller
