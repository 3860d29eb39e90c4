#include "agent/kernel/kernel_reader.h"

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "agent/kernel/host_reader.h"
#include "agent/kernel/namespace_reader.h"
#include "agent/sockets/net_namespaces.h"
#include "agent/sockets/proc_links.h"
#include "agent/sockets/socket_owners.h"
#include "common/base/status_macros.h"
#include "common/sys/net_namespace.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {
namespace {

using Request = v1::SnapshotKernelRequest;

constexpr uint32_t kDefaultTop = 20;
constexpr uint32_t kLargestTop = 1000;

// One snapshot while it is made.
class Reading {
 public:
  Reading(const Request& plan, const base::Clock* clock, const std::string& proc_root)
      : plan_(plan), clock_(clock), proc_root_(proc_root) {}

  v1::SnapshotKernelResponse Take();
  const std::vector<Missing>& missing() const { return missing_; }

 private:
  using Owners = absl::flat_hash_map<uint32_t, std::shared_ptr<const sockets::Process>>;

  void ReadOwn();
  void ReadOthers();
  void ReadHere(uint64_t inode, v1::HostStatistics* host);
  absl::Status ReadInside(const std::string& path, uint64_t inode);
  Owners FindOwners() const;
  void FinishSockets(const Owners& owners);
  std::vector<v1::ConnectionFrame> FinishConnections(const Owners& owners);
  void NoteHost(const std::string& source, absl::Status status) {
    missing_.push_back({source, std::move(status), 0});
  }
  bool HasRoom() const { return bytes_ < KernelReader::kMostBytes; }

  const Request& plan_;
  const base::Clock* const clock_;
  const std::string& proc_root_;
  v1::KernelSnapshot snapshot_;
  std::vector<Missing> missing_;
  absl::btree_map<uint64_t, std::string> names_;
  // The sockets of the namespace at the same position of the snapshot; null: not wanted, or not to
  // be read.
  std::vector<SocketCounting> counted_;
  SocketBudget budget_;
  std::optional<ConnectionPicker> picker_;
  size_t bytes_ = 0;
  int64_t cpu_elsewhere_ns_ = 0;  // on threads in other namespaces
};

v1::SnapshotKernelResponse Reading::Take() {
  const int64_t cpu_before_ns = sys::ThreadCpuNs();
  if (plan_.has_pick()) picker_ = ConnectionPicker::New(plan_.pick()).value();
  const int64_t now_ns = absl::ToUnixNanos(clock_->Now());
  snapshot_.mutable_time()->set_seconds(now_ns / 1'000'000'000);
  snapshot_.mutable_time()->set_nanos(static_cast<int32_t>(now_ns % 1'000'000'000));
  snapshot_.set_monotonic_ns(clock_->MonotonicNs());
  KernelFiles files(proc_root_, 0, &missing_);
  files.Read("sys/kernel/random/boot_id", [&](absl::string_view text) {
    snapshot_.set_boot_id(Readable(absl::StripAsciiWhitespace(text)));
    return absl::OkStatus();
  });
  ReadHost(plan_, files, *snapshot_.mutable_host());
  names_ = NetNamespaces::Names(proc_root_);
  ReadOwn();
  if (plan_.all_namespaces()) ReadOthers();
  const Owners owners = FindOwners();
  v1::SnapshotKernelResponse response;
  if (picker_) {
    for (v1::ConnectionFrame& frame : FinishConnections(owners)) {
      *response.add_connections() = std::move(frame);
    }
  }
  FinishSockets(owners);
  for (const Missing& missing : missing_) {
    v1::MissingSource& said = *snapshot_.add_missing();
    said.set_source(missing.source);
    said.set_why(Readable(missing.status.message()));  // may quote what is not understood
    said.set_network_namespace(missing.network_namespace);
  }
  const int64_t cpu_ns = sys::ThreadCpuNs() - cpu_before_ns + cpu_elsewhere_ns_;
  snapshot_.set_cost_cpu_us(static_cast<uint64_t>(cpu_ns / 1000));
  *response.mutable_snapshot() = std::move(snapshot_);
  return response;
}

void Reading::ReadOwn() {
  const absl::StatusOr<sys::NetNamespace> here = sys::NetNamespace::Current();
  const absl::StatusOr<uint64_t> inode = here.ok() ? here->Inode() : here.status();
  if (!inode.ok()) NoteHost("/proc/thread-self/ns/net", inode.status());
  ReadHere(inode.value_or(0), snapshot_.mutable_host());
}

void Reading::ReadHere(uint64_t inode, v1::HostStatistics* host) {
  v1::NamespaceStatistics& to = *snapshot_.add_namespaces();
  to.set_network_namespace(inode);
  const auto name = names_.find(inode);
  if (name != names_.end()) to.set_name(name->second);
  KernelFiles files(proc_root_, inode, &missing_);
  ReadNamespace(plan_, files, to, host);
  bytes_ += to.ByteSizeLong();
  SocketCounting& counted = counted_.emplace_back();
  if (Wants(plan_, Request::PART_SOCKETS) || Wants(plan_, Request::PART_LISTENERS)) {
    counted = CountSockets(plan_, inode, files, budget_, picker_ ? &*picker_ : nullptr);
  }
}

void Reading::ReadOthers() {
  const absl::StatusOr<NetNamespaces::Found> found = NetNamespaces::Find(proc_root_);
  if (!found.ok()) {
    NoteHost("network namespaces", found.status());
    return;
  }
  if (found->hidden > 0) {
    NoteHost("network namespaces",
             absl::PermissionDeniedError(absl::StrCat(
                 "those of ", found->hidden, " processes are not told: needs CAP_SYS_PTRACE")));
  }
  uint64_t beyond = 0;
  for (const auto& [inode, path] : found->paths) {
    if (inode == found->own) continue;
    if (counted_.size() == kMostNamespaces || !HasRoom()) {
      ++beyond;
      continue;
    }
    const absl::Status status = ReadInside(path, inode);
    // A namespace that is gone is none.
    if (!status.ok() && !absl::IsNotFound(status)) {
      missing_.push_back({"network namespace", status, inode});
    }
  }
  if (beyond > 0) {
    NoteHost("network namespaces", absl::ResourceExhaustedError(
                                       absl::StrCat(beyond, " more do not fit into one snapshot")));
  }
}

absl::Status Reading::ReadInside(const std::string& path, uint64_t inode) {
  TF_ASSIGN_OR_RETURN(const sys::NetNamespace target, sys::NetNamespace::Open(path));
  TF_ASSIGN_OR_RETURN(const uint64_t now, target.Inode());
  if (now != inode) return absl::NotFoundError(absl::StrCat(path, " is another one now"));
  return target.Run([&] {
    ReadHere(inode, nullptr);
    cpu_elsewhere_ns_ += sys::ThreadCpuNs();
    return absl::OkStatus();
  });
}

Reading::Owners Reading::FindOwners() const {
  Owners owners;
  if (!plan_.owners()) return owners;
  const auto want = [&](const std::vector<uint32_t>& inodes) {
    for (const uint32_t inode : inodes) owners.emplace(inode, nullptr);
  };
  for (const SocketCounting& counted : counted_) {
    if (counted.counts) want(counted.counts->Inodes());
  }
  if (picker_) want(picker_->Inodes());
  if (owners.empty()) return owners;
  SocketOwners search(clock_, proc_root_);
  for (const auto& [inode, owner] : owners) search.Find(inode);
  search.Search(KernelReader::kLongestSearch);
  for (auto& [inode, owner] : owners) owner = search.Find(inode);
  return owners;
}

std::vector<v1::ConnectionFrame> Reading::FinishConnections(const Owners& owners) {
  ConnectionPicker::Dump dump{.monotonic_ns = snapshot_.monotonic_ns()};
  for (const SocketCounting& counted : counted_) {
    dump.torn += counted.torn;
    dump.gap = dump.gap || counted.gap || !counted.counts;
  }
  return picker_->Finish(dump, plan_.owners() ? [&](uint32_t inode) { return owners.at(inode); }
                                              : ConnectionPicker::ProcessOf());
}

void Reading::FinishSockets(const Owners& owners) {
  for (size_t i = 0; i < counted_.size(); ++i) {
    if (!counted_[i].counts) continue;
    v1::NamespaceStatistics& to = *snapshot_.mutable_namespaces(static_cast<int>(i));
    if (!HasRoom()) {
      missing_.push_back({"inet_diag",
                          absl::ResourceExhaustedError("does not fit into the snapshot"),
                          to.network_namespace()});
      continue;
    }
    counted_[i].counts->Finish(
        plan_.top(), [&](uint32_t inode) { return owners.at(inode); }, *to.mutable_sockets());
    to.mutable_sockets()->set_gap(counted_[i].gap);
    bytes_ += to.sockets().ByteSizeLong();
  }
}

}  // namespace

namespace {

absl::Status CheckRestSeconds(absl::Span<const uint32_t> seconds) {
  if (seconds.size() <= kMostRestSeconds &&
      std::adjacent_find(seconds.begin(), seconds.end(), std::greater_equal<>()) == seconds.end()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("rest_seconds: must be ascending, at most ",
                                                 kMostRestSeconds, " of them, not ",
                                                 absl::StrJoin(seconds, ", ")));
}

}  // namespace

absl::StatusOr<Request> PlanKernelSnapshot(const Request& request) {
  Request plan = request;
  absl::btree_set<int> parts(request.parts().begin(), request.parts().end());
  for (const int part : parts) {
    if (part == Request::PART_UNSPECIFIED || !Request::Part_IsValid(part)) {
      return absl::InvalidArgumentError(absl::StrCat("parts: ", part, " is no part"));
    }
  }
  if (parts.empty()) {
    for (int part = Request::Part_MIN + 1; part <= Request::Part_MAX; ++part) parts.insert(part);
  }
  if (parts.contains(Request::PART_SOCKETS)) parts.erase(Request::PART_LISTENERS);
  plan.clear_parts();
  for (const int part : parts) plan.add_parts(static_cast<Request::Part>(part));
  if (plan.top() > kLargestTop) {
    return absl::InvalidArgumentError(
        absl::StrCat("top: ", plan.top(), " is too many, at most ", kLargestTop));
  }
  if (plan.top() == 0) plan.set_top(kDefaultTop);
  TF_RETURN_IF_ERROR(CheckRestSeconds(plan.rest_seconds()));
  if (plan.has_pick()) {
    TF_RETURN_IF_ERROR(ConnectionPicker::New(plan.pick()).status());
  }
  return plan;
}

v1::SnapshotKernelResponse KernelReader::Answer(const Request& plan) const {
  return Reading(plan, clock_, proc_root_).Take();
}

v1::Collector KernelReader::Describe() const {
  Request request;
  request.set_top(1);
  for (const Request::Part part :
       {Request::PART_COUNTERS, Request::PART_SOFTNET, Request::PART_CONNTRACK, Request::PART_FILES,
        Request::PART_INTERFACES, Request::PART_NEIGHBOURS, Request::PART_LOAD}) {
    request.add_parts(part);
  }
  Reading reading(request, clock_, proc_root_);
  const v1::KernelSnapshot snapshot = std::move(*reading.Take().mutable_snapshot());
  std::vector<std::string> hurts;
  if (snapshot.host().processes_unreadable() > 0) {
    hurts.push_back(absl::StrCat("descriptors of ", snapshot.host().processes_unreadable(),
                                 " processes: needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"));
  }
  for (const Missing& missing : reading.missing()) {
    // A kernel without this feature, a module that is not loaded, IPv6 switched off.
    const bool is_optional = absl::StrContains(missing.source, "conntrack") ||
                             absl::StrContains(missing.source, "pressure") ||
                             absl::StrContains(missing.source, "stat/") ||
                             absl::EndsWith(missing.source, "6");
    if (is_optional && !absl::IsPermissionDenied(missing.status)) continue;
    hurts.push_back(absl::StrCat(missing.source, ": ", Readable(missing.status.message())));
  }
  v1::Collector collector;
  collector.set_name("kernel");
  const bool counts = !snapshot.namespaces(0).counters().empty();
  collector.set_level(!counts         ? v1::Collector::LEVEL_UNAVAILABLE
                      : hurts.empty() ? v1::Collector::LEVEL_FULL
                                      : v1::Collector::LEVEL_DEGRADED);
  if (!hurts.empty()) collector.set_detail(absl::StrCat("without ", absl::StrJoin(hurts, "; ")));
  return collector;
}

}  // namespace tcpfleet::agent
