#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>

#include "common/base/units.h"
#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;

constexpr double kConntrackShare = 0.75;
constexpr double kBitsPerByte = 8;

const v1::InterfaceStatistics* BeforeOf(const v1::InterfaceStatistics& now,
                                        const NamespaceSubject& subject) {
  if (subject.before == nullptr) return nullptr;
  const auto found =
      std::find_if(subject.before->interfaces().begin(), subject.before->interfaces().end(),
                   [&](const v1::InterfaceStatistics& one) {
                     return one.index() == now.index() && one.name() == now.name();
                   });
  return found == subject.before->interfaces().end() ? nullptr : &*found;
}

// A count since boot, or, with something to compare with, of the interval.
struct Count {
  bool known = false;
  uint64_t value = 0;
  std::string Text() const { return known ? absl::StrCat(value) : "?"; }
};

Count CountOf(const CounterMap& now, const CounterMap* before, const std::string& name) {
  const auto found = now.find(name);
  if (found == now.end()) return {};
  if (before == nullptr) return {true, found->second};
  const auto earlier = before->find(name);
  if (earlier == before->end() || earlier->second > found->second) return {};
  return {true, found->second - earlier->second};
}

// A queueing discipline counts its classes' drops too: the largest count is that of the root.
struct Queue {
  std::string kind;
  Count drops;
  uint64_t backlog_bytes = 0;
};

Queue QueueOf(const v1::InterfaceStatistics& now, const v1::InterfaceStatistics* before) {
  Queue queue;
  for (const v1::QdiscStatistics& qdisc : now.qdiscs()) {
    if (queue.kind.empty()) queue.kind = qdisc.kind();
    queue.backlog_bytes = std::max(queue.backlog_bytes, qdisc.backlog_bytes());
    Count drops{true, qdisc.drops()};
    if (before != nullptr) {
      const auto earlier =
          std::find_if(before->qdiscs().begin(), before->qdiscs().end(), [&](const auto& one) {
            return one.handle() == qdisc.handle() && one.parent() == qdisc.parent() &&
                   one.kind() == qdisc.kind();
          });
      if (earlier == before->qdiscs().end() || earlier->drops() > qdisc.drops()) continue;
      drops.value -= earlier->drops();
    }
    if (!queue.drops.known || drops.value > queue.drops.value) queue.drops = drops;
  }
  return queue;
}

std::string SpeedText(const v1::InterfaceStatistics& interface) {
  if (!interface.has_speed_bits_per_second()) return "?";
  return absl::StrCat(base::FormatCount(static_cast<double>(interface.speed_bits_per_second())),
                      "bit/s");
}

std::string RateText(const Count& bytes, double seconds) {
  if (!bytes.known || !(seconds > 0)) return "?";
  return absl::StrCat(base::FormatCount(static_cast<double>(bytes.value) * kBitsPerByte / seconds),
                      "bit/s");
}

std::string BothWays(const Count& received, const Count& sent) {
  return absl::StrCat(received.Text(), "/", sent.Text());
}

// One row and its worry.
std::string AddInterface(const v1::InterfaceStatistics& now, const NamespaceSubject& subject,
                         Table& table) {
  const v1::InterfaceStatistics* before = BeforeOf(now, subject);
  // An interface that was not there before has counted since it came.
  const CounterMap* counters_before = before == nullptr ? nullptr : &before->counters();
  const auto count = [&](const char* name) {
    return CountOf(now.counters(), counters_before, name);
  };
  const Count receive_errors = count("rx_errors");
  const Count send_errors = count("tx_errors");
  const Count receive_drops = count("rx_dropped");
  const Count send_drops = count("tx_dropped");
  const Queue queue = QueueOf(now, before);
  const bool with_rates = subject.before != nullptr;
  const double seconds = before == nullptr ? 0 : subject.host.interval.seconds;
  table.AddRow(
      {now.name(), now.state(),
       with_rates ? RateText(count("rx_bytes"), seconds) : absl::StrCat(now.mtu()),
       with_rates ? RateText(count("tx_bytes"), seconds) : SpeedText(now),
       BothWays(receive_errors, send_errors), BothWays(receive_drops, send_drops),
       queue.kind.empty() ? "?" : queue.kind, queue.drops.Text(),
       queue.kind.empty() ? "?" : base::FormatBytes(static_cast<double>(queue.backlog_bytes))});
  std::vector<std::string> worries;
  if (receive_errors.value + send_errors.value > 0) worries.emplace_back("errors");
  if (receive_drops.value + send_drops.value > 0) worries.emplace_back("drops");
  if (queue.drops.value > 0) worries.emplace_back("drops of its queue");
  if (worries.empty()) return "";
  return absl::StrCat(absl::StrJoin(worries, ", "),
                      before == nullptr ? " since it came up" : " in this interval");
}

void PrintInterfaces(const NamespaceSubject& subject, StackLines& lines) {
  if (subject.now.interfaces().empty()) return lines.Labelled("interfaces", kUnknown);
  const bool with_rates = subject.before != nullptr;
  Table table({{"DEVICE"},
               {"STATE"},
               {with_rates ? "IN" : "MTU", Align::kRight},
               {with_rates ? "OUT" : "SPEED", Align::kRight},
               {"ERR i/o", Align::kRight},
               {"DROP i/o", Align::kRight},
               {"QUEUE"},
               {"DROP", Align::kRight},
               {"BACKLOG", Align::kRight}});
  std::vector<std::string> worries;
  for (const v1::InterfaceStatistics& interface : subject.now.interfaces()) {
    worries.push_back(AddInterface(interface, subject, table));
  }
  lines.Rows(table, worries);
}

void PrintNeighbours(const NamespaceSubject& subject, StackLines& lines) {
  if (subject.now.neighbours().empty()) return;
  const std::map<std::string, uint64_t> sorted(subject.now.neighbours().begin(),
                                               subject.now.neighbours().end());
  lines.Labelled("neighbours", absl::StrJoin(sorted, ", ", absl::PairFormatter(" ")));
}

void PrintConntrack(const NamespaceSubject& subject, StackLines& lines) {
  const v1::Conntrack& conntrack = subject.now.conntrack();
  if (!subject.now.has_conntrack()) return;  // no module: named among what is unknown
  std::vector<std::string> worries;
  std::string text = conntrack.has_entries() ? absl::StrCat(conntrack.entries(), " connections")
                                             : absl::StrCat("connections ", kUnknown);
  if (conntrack.has_entries() && conntrack.has_maximum()) {
    text = absl::StrCat(OfTotal(conntrack.entries(), conntrack.maximum()), " connections");
    if (static_cast<double>(conntrack.entries()) >=
        kConntrackShare * static_cast<double>(conntrack.maximum())) {
      worries.emplace_back("when it is full new connections are dropped");
    }
  }
  const CounterMap* before = subject.before != nullptr && subject.before->has_conntrack()
                                 ? &subject.before->conntrack().counters()
                                 : nullptr;
  for (const char* name : {"drop", "early_drop", "insert_failed"}) {
    const Count count = CountOf(conntrack.counters(), before, name);
    if (!count.known) continue;
    absl::StrAppend(&text, ", ", name, " ", count.value);
    if (count.value > 0 && std::string(name) != "insert_failed") {
      worries.push_back(absl::StrCat("the table was full: ", count.value, " ", name));
    }
  }
  lines.Labelled("conntrack", text, absl::StrJoin(worries, "; "));
}

}  // namespace

void PrintNetworkSection(const NamespaceSubject& subject, StackLines& lines) {
  PrintInterfaces(subject, lines);
  PrintNeighbours(subject, lines);
  PrintConntrack(subject, lines);
}

}  // namespace tcpfleet::controller
