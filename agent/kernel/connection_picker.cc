#include "agent/kernel/connection_picker.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "agent/kernel/connection_hash.h"
#include "agent/sockets/inet_diag_source.h"
#include "agent/sockets/snapshot_rows.h"
#include "common/base/status_macros.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionSample;
using sockets::TcpState;

constexpr uint32_t kDefaultMost = 10'000;
constexpr uint32_t kLargestMost = 100'000;
// The kernel has no full socket for these.
constexpr sockets::StateMask kStandIns =
    sockets::MaskOf(TcpState::kTimeWait) | sockets::MaskOf(TcpState::kSynRecv);

}  // namespace

absl::StatusOr<ConnectionPicker> ConnectionPicker::New(const v1::ConnectionPick& pick) {
  if (pick.most() > kLargestMost) {
    return absl::InvalidArgumentError(
        absl::StrCat("pick.most: ", pick.most(), " is too many, at most ", kLargestMost));
  }
  v1::SnapshotRequest request;
  request.set_filter(pick.filter());
  *request.mutable_field_ids() = pick.field_ids();
  TF_ASSIGN_OR_RETURN(WatchPlan plan, PlanSnapshot(request));
  if (plan.filter.NeedsProcess() || plan.filter.NeedsCgroup()) {
    return absl::InvalidArgumentError(
        "pick.filter: asks for processes or cgroups, which are not known while connections are "
        "picked");
  }
  return ConnectionPicker(std::move(plan), pick.most() == 0 ? kDefaultMost : pick.most());
}

netlink::Extensions ConnectionPicker::extensions() const {
  return netlink::kConnection |
         ExtensionsFor(plan_.fields.none() ? plan_.fields : plan_.fields | plan_.filter.Fields());
}

void ConnectionPicker::Take(const netlink::InetDiagSocket& socket, uint64_t network_namespace,
                            int64_t true_at_ns) {
  const uint32_t hash = ConnectionHash(socket.cookie);
  if (hash > bar_ || socket.tcp_info.empty() || socket.state > 31) return;
  if ((plan_.filter.StateMask() & ~kStandIns & uint32_t{1} << socket.state) == 0) return;
  FillSample(socket, network_namespace, true_at_ns, sample_);
  if (!MatchesAlone(plan_.filter, sample_, true_at_ns)) return;
  picked_.push_back({hash, sample_});
  if (picked_.size() == 2 * most_) Shrink();
}

void ConnectionPicker::Shrink() {
  if (picked_.size() <= most_) return;
  const auto last = picked_.begin() + static_cast<std::ptrdiff_t>(most_) - 1;
  std::nth_element(picked_.begin(), last, picked_.end(),
                   [](const Picked& a, const Picked& b) { return a.hash < b.hash; });
  bar_ = last->hash;
  picked_.resize(most_);
}

// Hashes are spread evenly.
uint64_t ConnectionPicker::LeftOut() const {
  if (bar_ == UINT32_MAX) return 0;
  const auto kept = static_cast<double>(picked_.size());
  const double share = (static_cast<double>(bar_) + 1) / (static_cast<double>(UINT32_MAX) + 1);
  return std::max<uint64_t>(1, static_cast<uint64_t>(kept / share - kept));
}

std::vector<uint32_t> ConnectionPicker::Inodes() const {
  std::vector<uint32_t> inodes;
  for (const Picked& one : picked_) {
    inodes.push_back(static_cast<uint32_t>(one.sample.identity.inode));
  }
  return inodes;
}

std::vector<v1::ConnectionFrame> ConnectionPicker::Finish(const Dump& dump,
                                                          const ProcessOf& process_of) {
  Shrink();
  v1::Completeness completeness;
  completeness.set_seen(picked_.size());
  completeness.set_torn(dump.torn);
  completeness.set_dropped(LeftOut());
  completeness.set_gap(dump.gap);
  std::vector<const ConnectionSample*> samples;
  for (Picked& one : picked_) {
    samples.push_back(&one.sample);
    if (!process_of) continue;
    one.sample.identity.process = process_of(static_cast<uint32_t>(one.sample.identity.inode));
    if (one.sample.identity.process == nullptr) {
      completeness.set_unattributed(completeness.unattributed() + 1);
    }
  }
  return EncodeKeyframes(samples, plan_.fields, dump.monotonic_ns, std::move(completeness));
}

}  // namespace tcpfleet::agent
