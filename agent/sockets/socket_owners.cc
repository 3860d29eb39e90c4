#include "agent/sockets/socket_owners.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/sockets/proc_links.h"

namespace tcpfleet::agent {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kFirstRetryNs = kSecondNs;
constexpr int64_t kLongestRetryNs = 300 * kSecondNs;
constexpr int64_t kSweepEveryNs = kSecondNs;
constexpr int kLinksPerLookAtTheClock = 16;  // one costs some 3 us
constexpr size_t kLongestLink = 64;          // longer ones belong to files
constexpr uint32_t kInit = 1;
constexpr char kOrBpf[] = ", or CAP_BPF and CAP_PERFMON";

// The kernel knows the processes of /proc only.
SocketOwners::OpenFiles FilesOf(absl::string_view proc_root) {
  return proc_root == "/proc" ? OpenSocketFiles : nullptr;
}

}  // namespace

SocketOwners::SocketOwners(const base::Clock* clock, const std::string& proc_root)
    : SocketOwners(clock, proc_root, FilesOf(proc_root)) {}

SocketOwners::SocketOwners(const base::Clock* clock, std::string proc_root, OpenFiles open_files)
    : clock_(clock), proc_root_(std::move(proc_root)), open_files_(std::move(open_files)) {}

std::shared_ptr<const sockets::Process> SocketOwners::Find(uint64_t inode) {
  if (inode == 0) return nullptr;
  auto found = asked_.find(inode);
  if (found == asked_.end()) {
    if (asked_.size() == kMostAsked) return nullptr;
    found = asked_.emplace(inode, Asked()).first;
  }
  Asked& asked = found->second;
  if (asked.owner != nullptr) {
    std::shared_ptr<const sockets::Process> owner = std::move(asked.owner);
    asked_.erase(found);
    if (asked_.empty()) asked_ = {};  // after a crowd of new sockets its memory is not needed again
    return owner;
  }
  asked.last_ask = sweep_;
  if (!asked.is_due && now_ns_ >= asked.retry_at_ns) {
    asked.is_due = true;
    asked.since_pass = pass_;
    ++due_;
  }
  return nullptr;
}

bool SocketOwners::Search(absl::Duration budget) {
  now_ns_ = clock_->MonotonicNs();
  if (now_ns_ - swept_at_ns_ >= kSweepEveryNs) Sweep();
  const int64_t deadline_ns = now_ns_ + absl::ToInt64Nanoseconds(budget);
  bool has_time = true;
  while (due_ > 0 && has_time) {
    if (list_ == nullptr && pids_.empty()) StartPass();
    has_time = list_ != nullptr ? ReadFiles(deadline_ns) : SearchProcesses(deadline_ns);
  }
  if (due_ == 0) {
    list_.reset();
    files_.reset();
    process_.reset();
    pids_.clear();
  }
  return due_ > 0;
}

// Forgets what nobody asked for since the sweep before.
void SocketOwners::Sweep() {
  swept_at_ns_ = now_ns_;
  ++sweep_;
  absl::erase_if(asked_, [&](const auto& entry) {
    const bool is_forgotten = entry.second.last_ask + 1 < sweep_;
    if (is_forgotten && entry.second.is_due) --due_;
    return is_forgotten;
  });
}

void SocketOwners::StartPass() {
  ++pass_;
  absl::erase_if(known_, [](const auto& entry) { return entry.second.process.expired(); });
  of_init_.clear();
  if (open_files_ != nullptr) list_ = open_files_().value_or(nullptr);
  if (list_ == nullptr) ListLikelyLast();
}

void SocketOwners::ListLikelyLast() {
  pids_ = ListProcesses(proc_root_);
  const auto likelihood = [&](uint32_t pid) -> int64_t {
    if (pid == kInit) return -1;
    const auto known = known_.find(pid);
    return known == known_.end() ? 0 : static_cast<int64_t>(known->second.last_pass);
  };
  std::vector<std::pair<int64_t, uint32_t>> order;
  order.reserve(pids_.size());
  for (const uint32_t pid : pids_) order.emplace_back(likelihood(pid), ~pid);
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < order.size(); ++i) pids_[i] = ~order[i].second;
}

void SocketOwners::EndPass() {
  for (auto& [inode, asked] : asked_) {
    if (!asked.is_due || asked.since_pass == pass_) continue;
    asked.is_due = false;
    --due_;
    asked.retry_after_ns = std::clamp(asked.retry_after_ns * 2, kFirstRetryNs, kLongestRetryNs);
    asked.retry_at_ns = now_ns_ + asked.retry_after_ns;
  }
}

// False when the time is over before the end of the list.
bool SocketOwners::ReadFiles(int64_t deadline_ns) {
  list_pid_ = 0;  // a process of the call before may be another one now
  process_.reset();
  while (due_ > 0) {
    const absl::StatusOr<absl::Span<const SocketFile>> files = list_->Next();
    if (!files.ok()) {
      list_.reset();
      process_.reset();
      ListLikelyLast();  // the rest of this pass
      return true;
    }
    for (const SocketFile& file : *files) {
      if (file.pid != kInit) {
        Take(file.inode, file.pid);
      } else if (FindDue(file.inode) != nullptr) {
        of_init_.push_back(file.inode);
      }
    }
    if (files->empty()) {
      for (const uint64_t inode : of_init_) Take(inode, kInit);
      list_.reset();
      EndPass();
      return clock_->MonotonicNs() < deadline_ns;
    }
    if (clock_->MonotonicNs() >= deadline_ns) return false;
  }
  return true;
}

void SocketOwners::Take(uint64_t inode, uint32_t pid) {
  Asked* const asked = FindDue(inode);
  if (asked == nullptr) return;
  if (std::exchange(list_pid_, pid) != pid) {
    const absl::StatusOr<sys::Directory> process =
        sys::Directory::Open(absl::StrCat(proc_root_, "/", pid));
    process_ = process.ok() ? ReadProcess(pid, *process, "") : nullptr;
  }
  if (process_ != nullptr) Own(*asked);
}

// False when the time is over before the end of the process that is looked through, or just then.
bool SocketOwners::SearchProcesses(int64_t deadline_ns) {
  bool has_time = pids_.empty() || SearchProcess(deadline_ns);
  if (has_time) {
    LeaveProcess();
    has_time = clock_->MonotonicNs() < deadline_ns;
  }
  if (pids_.empty()) EndPass();
  return has_time;
}

// False when the time is over before all its files have been looked at.
bool SocketOwners::SearchProcess(int64_t deadline_ns) {
  if (!files_) {
    absl::StatusOr<sys::Directory> files =
        sys::Directory::Open(absl::StrCat(proc_root_, "/", pids_.back(), "/fd"));
    if (!files.ok()) return true;  // gone, or not ours to see
    files_ = *std::move(files);
  }
  std::array<char, kLongestLink> buffer;
  sys::Directory::Entry entry{};
  for (int links = 1; due_ > 0 && files_->Next(entry); ++links) {
    const absl::StatusOr<absl::string_view> link =
        files_->ReadLink(entry.name, absl::MakeSpan(buffer));
    if (absl::IsPermissionDenied(link.status())) return true;
    const std::optional<uint64_t> inode =
        link.ok() ? ParseInodeLink(*link, "socket") : std::nullopt;
    if (Asked* const asked = inode ? FindDue(*inode) : nullptr) {
      if (process_ == nullptr) process_ = ReadProcess(pids_.back(), *files_, "../");
      if (process_ == nullptr) return true;  // gone
      Own(*asked);
    }
    if (links % kLinksPerLookAtTheClock == 0 && clock_->MonotonicNs() >= deadline_ns) return false;
  }
  return true;
}

void SocketOwners::LeaveProcess() {
  process_.reset();
  files_.reset();
  if (!pids_.empty()) pids_.pop_back();
}

SocketOwners::Asked* SocketOwners::FindDue(uint64_t inode) {
  const auto found = asked_.find(inode);
  return found == asked_.end() || !found->second.is_due ? nullptr : &found->second;
}

void SocketOwners::Own(Asked& asked) {
  asked.owner = process_;
  asked.is_due = false;
  --due_;
}

// `to_process` leads from an open directory to /proc/PID. Null when the process is gone.
std::shared_ptr<const sockets::Process> SocketOwners::ReadProcess(uint32_t pid,
                                                                  const sys::Directory& from,
                                                                  const std::string& to_process) {
  const absl::StatusOr<std::string> text =
      from.ReadStart((to_process + "stat").c_str(), kLongestStat);
  const std::optional<ProcessStat> stat = text.ok() ? ParseProcessStat(*text) : std::nullopt;
  if (!stat) return nullptr;
  Known& known = known_[pid];
  known.last_pass = pass_;
  std::shared_ptr<const sockets::Process> process = known.process.lock();
  // exec keeps the start time.
  if (process != nullptr && process->start_ticks == stat->start_ticks &&
      process->comm == stat->comm) {
    return process;
  }
  absl::StatusOr<std::string> arguments =
      from.ReadStart((to_process + "cmdline").c_str(), kLongestCommandLine);
  if (!arguments.ok()) return nullptr;
  process = std::make_shared<sockets::Process>(
      sockets::Process{pid, stat->start_ticks, stat->comm, JoinArguments(*std::move(arguments))});
  known.process = process;
  return process;
}

v1::Collector SocketOwners::Describe(const std::string& proc_root) {
  v1::Collector collector;
  collector.set_name("processes");
  const OpenFiles open_files = FilesOf(proc_root);
  const absl::Status by_bpf =
      open_files != nullptr ? open_files().status() : absl::UnimplementedError("not of this /proc");
  if (by_bpf.ok()) {
    collector.set_level(v1::Collector::LEVEL_FULL);
    return collector;
  }
  const std::vector<uint32_t> pids = ListProcesses(proc_root);
  size_t hidden = 0;
  for (const uint32_t pid : pids) {
    const absl::StatusOr<sys::Directory> process =
        sys::Directory::Open(absl::StrCat(proc_root, "/", pid));
    if (!process.ok()) continue;
    absl::StatusOr<sys::Directory> files =
        sys::Directory::Open(absl::StrCat(proc_root, "/", pid, "/fd"));
    absl::Status status = files.status();
    std::array<char, kLongestLink> buffer;
    sys::Directory::Entry entry{};
    if (files.ok() && files->Next(entry)) {
      status = files->ReadLink(entry.name, absl::MakeSpan(buffer)).status();
    }
    // Kernel threads have no arguments, and no sockets that are reported.
    if (absl::IsPermissionDenied(status)) {
      const absl::StatusOr<std::string> arguments = process->ReadStart("cmdline", 1);
      if (arguments.ok() && !arguments->empty()) ++hidden;
    }
  }
  if (pids.empty()) {
    collector.set_level(v1::Collector::LEVEL_UNAVAILABLE);
    collector.set_detail(absl::StrCat("no processes can be seen in ", proc_root));
  } else if (hidden > 0) {
    collector.set_level(v1::Collector::LEVEL_DEGRADED);
    collector.set_detail(absl::StrCat("sockets of ", hidden,
                                      " processes have no known owner: needs CAP_SYS_PTRACE and "
                                      "CAP_DAC_READ_SEARCH",
                                      absl::IsPermissionDenied(by_bpf) ? kOrBpf : ""));
  } else {
    collector.set_level(v1::Collector::LEVEL_FULL);
  }
  return collector;
}

}  // namespace tcpfleet::agent
