#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>

#include "common/base/units.h"
#include "controller/stack/sections.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;

// Where a share of a limit becomes worrying.
constexpr double kFilesShare = 0.7;         // of fs.file-max
constexpr double kProcessFilesShare = 0.8;  // of RLIMIT_NOFILE
constexpr uint64_t kFewFiles = 64;          // small limits are reached on purpose
constexpr double kNeighbourShare = 0.8;     // of gc_thresh3
constexpr double kLowMemoryShare = 0.1;     // available
constexpr double kMemoryPressure = 0.1;     // of the last minute
constexpr double kTasksPerCpu = 2;

double Share(uint64_t part, uint64_t total) {
  return total == 0 ? 0 : static_cast<double>(part) / static_cast<double>(total);
}

void PrintLoad(const v1::HostStatistics& host, StackLines& lines) {
  if (!host.has_load_1m()) return lines.Labelled("load", kUnknown);
  std::string text = absl::StrFormat("%.2f %.2f %.2f in 1, 5, 15 minutes", host.load_1m(),
                                     host.load_5m(), host.load_15m());
  if (host.has_tasks()) {
    absl::StrAppend(&text, ", ", host.tasks_running(), " of ", host.tasks(), " tasks running");
  }
  lines.Labelled("load", text,
                 host.cpus() > 0 && host.load_1m() > kTasksPerCpu * host.cpus()
                     ? absl::StrCat("more than ", host.cpus(),
                                    host.cpus() == 1 ? " CPU can do" : " CPUs can do")
                     : "");
}

void PrintMemory(const v1::HostStatistics& host, StackLines& lines) {
  if (!host.has_memory_bytes() || !host.has_available_memory_bytes()) {
    return lines.Labelled("memory", kUnknown);
  }
  const double share = Share(host.available_memory_bytes(), host.memory_bytes());
  lines.Labelled(
      "memory",
      absl::StrCat(base::FormatBytes(static_cast<double>(host.available_memory_bytes())), " of ",
                   base::FormatBytes(static_cast<double>(host.memory_bytes())), " available"),
      share < kLowMemoryShare ? absl::StrCat(Percent(share), " left") : "");
}

void PrintPressure(const v1::HostStatistics& host, StackLines& lines) {
  if (host.pressure().empty()) return lines.Labelled("pressure", kUnknown);
  std::vector<std::string> parts;
  std::string worry;
  for (const v1::PressureStall& stall : host.pressure()) {
    if (stall.full()) continue;
    parts.push_back(absl::StrCat(stall.resource(), " ", Percent(stall.share_10s())));
    if (stall.resource() == "memory" && stall.share_60s() >= kMemoryPressure) {
      worry = absl::StrCat("tasks wait for memory ", Percent(stall.share_60s()), " of a minute");
    }
  }
  lines.Labelled("pressure",
                 absl::StrCat("some task waited for ", absl::StrJoin(parts, ", "), " of 10 s"),
                 worry);
}

void PrintFiles(const v1::HostStatistics& host, StackLines& lines) {
  if (!host.has_open_files()) {
    lines.Labelled("files", kUnknown);
  } else if (!host.has_most_open_files()) {
    lines.Labelled("files", absl::StrCat(host.open_files(), " open, no limit"));
  } else {
    const double share = Share(host.open_files(), host.most_open_files());
    lines.Labelled("files",
                   absl::StrCat(OfTotal(host.open_files(), host.most_open_files()), " open"),
                   share >= kFilesShare ? "at fs.file-max nothing can be opened" : "");
  }
  Table table(
      {{"PROCESS"}, {"FILES", Align::kRight}, {"LIMIT", Align::kRight}, {"USED", Align::kRight}});
  std::vector<std::string> worries;
  for (const v1::ProcessFiles& process : host.processes()) {
    const bool limited = process.has_soft_limit();
    const double share = limited ? Share(process.open_files(), process.soft_limit()) : 0;
    table.AddRow({StackOwner(process.process()), absl::StrCat(process.open_files()),
                  limited ? absl::StrCat(process.soft_limit()) : "none",
                  limited ? Percent(share) : ""});
    worries.emplace_back(share >= kProcessFilesShare && process.open_files() >= kFewFiles
                             ? "at the limit accept() fails and clients time out"
                             : "");
  }
  lines.Rows(table, worries);
  if (host.processes_unreadable() > 0) {
    lines.Labelled("", absl::StrCat("of ", host.processes_unreadable(),
                                    " processes the descriptors may not be read"));
  }
}

// Of all CPUs together.
struct Softnet {
  uint64_t dropped = 0;
  uint64_t squeezed = 0;
};

Softnet SumOf(const v1::HostStatistics& host) {
  Softnet sum;
  for (const v1::SoftnetCpu& cpu : host.softnet()) {
    sum.dropped += cpu.dropped();
    sum.squeezed += cpu.time_squeeze();
  }
  return sum;
}

void PrintSoftnet(const HostSubject& subject, StackLines& lines) {
  if (subject.now.host().softnet().empty()) return lines.Labelled("softnet", kUnknown);
  Softnet sum = SumOf(subject.now.host());
  absl::string_view since = "since boot";
  if (subject.interval.known()) {
    const Softnet before = SumOf(subject.host.first().host());
    if (subject.host.first().host().softnet().empty()) return lines.Labelled("softnet", kUnknown);
    // A CPU that went offline took its counts along.
    if (before.dropped > sum.dropped || before.squeezed > sum.squeezed) {
      return lines.Labelled("softnet", kUnknown, "its counters went back");
    }
    sum = {sum.dropped - before.dropped, sum.squeezed - before.squeezed};
    since = "in this interval";
  }
  lines.Labelled(
      "softnet",
      absl::StrCat(sum.dropped, " packets dropped, ", sum.squeezed, " times out of budget ", since),
      sum.dropped > 0 ? "backlog of a CPU was full (net.core.netdev_max_backlog)" : "");
}

void PrintNeighbourTables(const v1::HostStatistics& host, StackLines& lines) {
  for (const v1::NeighbourTable& table : host.neighbours()) {
    std::string text = absl::StrCat(table.entries(), " entries");
    std::string worry;
    if (table.has_gc_thresh3()) {
      text = absl::StrCat(OfTotal(table.entries(), table.gc_thresh3()), " entries");
      if (Share(table.entries(), table.gc_thresh3()) >= kNeighbourShare) {
        worry = "near gc_thresh3: new neighbours will not be reached";
      }
    }
    const auto fulls = table.counters().find("table_fulls");
    if (fulls != table.counters().end() && fulls->second > 0) {
      worry = absl::StrCat("was full ", fulls->second, " times since boot");
    }
    lines.Labelled(table.table(), text, worry);
  }
}

}  // namespace

void PrintHostSection(const HostSubject& subject, StackLines& lines) {
  const v1::HostStatistics& host = subject.now.host();
  PrintLoad(host, lines);
  PrintMemory(host, lines);
  PrintPressure(host, lines);
  PrintSoftnet(subject, lines);
  PrintNeighbourTables(host, lines);
  PrintFiles(host, lines);
}

}  // namespace tcpfleet::controller
