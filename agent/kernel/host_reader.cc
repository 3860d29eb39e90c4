#include "agent/kernel/host_reader.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <string>
#include <utility>

#include "agent/kernel/cpu_tables.h"
#include "agent/kernel/host_load.h"
#include "agent/kernel/namespace_reader.h"
#include "agent/kernel/process_files.h"
#include "common/base/status_macros.h"
#include "common/sys/host.h"

namespace tcpfleet::agent {
namespace {

using Request = v1::SnapshotKernelRequest;

void ReadSoftnet(KernelFiles& files, v1::HostStatistics& to) {
  files.Read("net/softnet_stat", [&](absl::string_view text) -> absl::Status {
    TF_ASSIGN_OR_RETURN(std::vector<v1::SoftnetCpu> cpus, ParseSoftnet(text));
    for (v1::SoftnetCpu& cpu : cpus) *to.add_softnet() = std::move(cpu);
    return absl::OkStatus();
  });
}

void ReadOpenFiles(const Request& plan, KernelFiles& files, v1::HostStatistics& to) {
  files.Read("sys/fs/file-nr", [&](absl::string_view text) { return ParseFileNumbers(text, to); });
  const absl::Status status = ReadProcessFiles(files.proc_root(), plan.top(), plan.owners(), to);
  if (!status.ok()) files.Note("/proc/PID/fd", status);
}

// Only the first network namespace of a host shows these.
void ReadNeighbourTable(const std::string& table, const std::string& family, KernelFiles& files,
                        v1::HostStatistics& to) {
  v1::NeighbourTable neighbours;
  neighbours.set_table(table);
  bool is_there = false;
  files.Read(absl::StrCat("net/stat/", table, "_cache"),
             [&](absl::string_view text) -> absl::Status {
               TF_ASSIGN_OR_RETURN(const CpuTable parsed, ParseCpuTable(text));
               is_there = true;
               neighbours.set_entries(parsed.entries);
               for (const auto& [name, value] : parsed.counters) {
                 (*neighbours.mutable_counters())[name] = value;
               }
               return absl::OkStatus();
             });
  if (!is_there) return;
  files.Read(
      absl::StrCat("sys/net/", family, "/neigh/default/gc_thresh3"),
      [&](absl::string_view text) -> absl::Status {
        uint64_t threshold = 0;
        if (!absl::SimpleAtoi(text, &threshold)) {
          return absl::DataLossError(absl::StrCat("'", text.substr(0, 40), "' is no number"));
        }
        neighbours.set_gc_thresh3(threshold);
        return absl::OkStatus();
      });
  *to.add_neighbours() = std::move(neighbours);
}

void ReadLoad(KernelFiles& files, v1::HostStatistics& to) {
  files.Read("loadavg", [&](absl::string_view text) { return ParseLoad(text, to); });
  files.Read("meminfo", [&](absl::string_view text) { return ParseMemory(text, to); });
  for (const char* resource : {"cpu", "memory", "io"}) {
    files.Read(absl::StrCat("pressure/", resource),
               [&](absl::string_view text) { return ParsePressure(resource, text, to); });
  }
}

}  // namespace

void ReadHost(const Request& plan, KernelFiles& files, v1::HostStatistics& to) {
  to.set_page_bytes(sys::PageBytes());
  to.set_cpus(sys::OnlineCpus());
  files.Read("uptime", [&](absl::string_view text) { return ParseUptime(text, to); });
  if (Wants(plan, Request::PART_SOFTNET)) ReadSoftnet(files, to);
  if (Wants(plan, Request::PART_FILES)) ReadOpenFiles(plan, files, to);
  if (Wants(plan, Request::PART_LOAD)) ReadLoad(files, to);
  if (Wants(plan, Request::PART_NEIGHBOURS)) {
    ReadNeighbourTable("arp", "ipv4", files, to);
    ReadNeighbourTable("ndisc", "ipv6", files, to);
  }
}

}  // namespace tcpfleet::agent
