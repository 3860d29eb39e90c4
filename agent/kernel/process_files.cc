#include "agent/kernel/process_files.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "agent/sockets/proc_links.h"
#include "agent/sockets/process_text.h"
#include "common/base/status_macros.h"
#include "common/sys/directory.h"

namespace tcpfleet::agent {
namespace {

constexpr size_t kLongestLimits = 4096;

struct Usage {
  uint32_t pid = 0;
  uint64_t open_files = 0;
  sys::FileLimits limits;

  double Share() const {
    return limits.soft == sys::kUnlimitedFiles
               ? 0
               : static_cast<double>(open_files) /
                     static_cast<double>(std::max<uint64_t>(1, limits.soft));
  }
  bool operator<(const Usage& other) const {
    return std::tuple(other.Share(), other.open_files, pid) <
           std::tuple(Share(), open_files, other.pid);
  }
};

bool ParseLimit(absl::string_view word, uint64_t& limit) {
  if (word == "unlimited") {
    limit = sys::kUnlimitedFiles;
    return true;
  }
  return absl::SimpleAtoi(word, &limit);
}

class ProcessReader {
 public:
  ProcessReader(const sys::Directory& proc, std::string root)
      : proc_(proc), root_(std::move(root)), size_counts_(proc.SizeOf("self/fd").value_or(0) > 0) {}

  // NotFound: it is gone.
  absl::StatusOr<Usage> Read(uint32_t pid) const {
    Usage usage{pid, 0, {}};
    TF_ASSIGN_OR_RETURN(usage.open_files, CountFiles(pid));
    if (usage.open_files > 0) {
      TF_ASSIGN_OR_RETURN(usage.limits, ReadLimits(pid));
    }
    return usage;
  }

  bool IsKernelThread(uint32_t pid) const {
    const absl::StatusOr<std::string> arguments =
        proc_.ReadStart(absl::StrCat(pid, "/cmdline").c_str(), 1);
    return arguments.ok() && arguments->empty();
  }

  v1::SocketOwner Describe(uint32_t pid, bool arguments) const {
    v1::SocketOwner process;
    process.set_pid(pid);
    const auto text = proc_.ReadStart(absl::StrCat(pid, "/stat").c_str(), kLongestStat);
    const std::optional<ProcessStat> stat = text.ok() ? ParseProcessStat(*text) : std::nullopt;
    if (stat) {
      process.set_comm(stat->comm);
      process.set_start_ticks(stat->start_ticks);
    }
    if (!arguments) return process;
    auto line = proc_.ReadStart(absl::StrCat(pid, "/cmdline").c_str(), kLongestCommandLine);
    if (line.ok()) process.set_command_line(JoinArguments(*std::move(line)));
    return process;
  }

 private:
  absl::StatusOr<uint64_t> CountFiles(uint32_t pid) const {
    const std::string path = absl::StrCat(pid, "/fd");
    if (size_counts_) return proc_.SizeOf(path.c_str());
    TF_ASSIGN_OR_RETURN(sys::Directory files, sys::Directory::Open(absl::StrCat(root_, "/", path)));
    uint64_t count = 0;
    sys::Directory::Entry entry{};
    while (files.Next(entry)) ++count;
    return count;
  }

  absl::StatusOr<sys::FileLimits> ReadLimits(uint32_t pid) const {
    absl::StatusOr<sys::FileLimits> limits = sys::FileLimitsOf(pid);
    if (limits.ok()) return limits;
    TF_ASSIGN_OR_RETURN(const std::string text,
                        proc_.ReadStart(absl::StrCat(pid, "/limits").c_str(), kLongestLimits));
    return ParseFileLimits(text);
  }

  const sys::Directory& proc_;
  const std::string root_;
  const bool size_counts_;
};

}  // namespace

absl::StatusOr<sys::FileLimits> ParseFileLimits(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, "Max open files ")) continue;
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    sys::FileLimits limits;
    if (words.size() >= 2 && ParseLimit(words[0], limits.soft) &&
        ParseLimit(words[1], limits.hard)) {
      return limits;
    }
  }
  return absl::DataLossError("does not say how many files may be open");
}

absl::Status ReadProcessFiles(const std::string& proc_root, size_t top, bool arguments,
                              v1::HostStatistics& host) {
  TF_ASSIGN_OR_RETURN(const sys::Directory proc, sys::Directory::Open(proc_root));
  const ProcessReader reader(proc, proc_root);
  std::vector<Usage> usages;
  for (const uint32_t pid : ListProcesses(proc_root)) {
    const absl::StatusOr<Usage> usage = reader.Read(pid);
    if (usage.ok()) {
      if (usage->open_files > 0) usages.push_back(*usage);
    } else if (!absl::IsNotFound(usage.status()) && !reader.IsKernelThread(pid)) {
      host.set_processes_unreadable(host.processes_unreadable() + 1);
    }
  }
  if (usages.empty() && host.processes_unreadable() == 0) {
    return absl::NotFoundError("no process can be seen");
  }
  const size_t sent = std::min(top, usages.size());
  std::partial_sort(usages.begin(), usages.begin() + static_cast<std::ptrdiff_t>(sent),
                    usages.end());
  for (const Usage& usage : absl::MakeConstSpan(usages).first(sent)) {
    v1::ProcessFiles& process = *host.add_processes();
    *process.mutable_process() = reader.Describe(usage.pid, arguments);
    process.set_open_files(usage.open_files);
    if (usage.limits.soft != sys::kUnlimitedFiles) process.set_soft_limit(usage.limits.soft);
    if (usage.limits.hard != sys::kUnlimitedFiles) process.set_hard_limit(usage.limits.hard);
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::agent
