#include "agent/sockets/attribution.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace tcpfleet::agent {
namespace {

// A path that is not there by then will not be found any more.
constexpr uint32_t kPollsForCgroup = 16;

}  // namespace

void Attribution::Describe(ConnectionTable& table, absl::Duration budget) {
  const bool processes = budget > absl::ZeroDuration();
  if (processes && !std::exchange(looks_for_processes_, processes)) table.AwaitDescriptions();
  looks_for_processes_ = processes;
  std::vector<uint32_t>& slots = table.undescribed();
  const auto describe_all = [&] {
    std::erase_if(slots, [&](uint32_t slot) { return DescribeRow(table, slot, processes); });
  };
  describe_all();
  if (!processes || slots.empty()) return;
  owners_.Search(budget);
  describe_all();
}

// True when there is nothing more to learn.
bool Attribution::DescribeRow(ConnectionTable& table, uint32_t slot, bool processes) {
  const ConnectionTable::Row& row = table.rows()[slot];
  bool is_done = true;
  if (row.now) {
    const sockets::ConnectionIdentity& identity = row.now->identity;
    std::shared_ptr<const sockets::Process> process;
    std::shared_ptr<const std::string> cgroup;
    if (processes && identity.process == nullptr && identity.inode != 0) {
      process = owners_.Find(identity.inode);
      is_done = process != nullptr;
    }
    if (identity.cgroup == nullptr && identity.cgroup_id) {
      cgroup = cgroups_.Find(*identity.cgroup_id);
      if (cgroup == nullptr && table.poll() - row.described_at < kPollsForCgroup) is_done = false;
    }
    if (process != nullptr || cgroup != nullptr) {
      table.Describe(slot, std::move(process), std::move(cgroup));
    }
  }
  if (is_done) table.SetDescribed(slot);
  return is_done;
}

void Attribution::Describe(absl::Span<sockets::ConnectionSample> samples, bool processes,
                           absl::Duration budget) {
  const auto describe_all = [&] {
    for (sockets::ConnectionSample& sample : samples) {
      sockets::ConnectionIdentity& identity = sample.identity;
      if (processes && identity.process == nullptr) {
        identity.process = owners_.Find(identity.inode);
      }
      if (identity.cgroup == nullptr && identity.cgroup_id) {
        identity.cgroup = cgroups_.Find(*identity.cgroup_id);
      }
    }
  };
  describe_all();
  if (!processes) return;
  owners_.Search(budget);
  describe_all();
}

}  // namespace tcpfleet::agent
