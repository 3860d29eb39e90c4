#include "controller/record/entry_ring.h"

#include <algorithm>
#include <utility>

namespace tcpfleet::controller {
namespace {

// Of an entry beside its own bytes.
constexpr size_t kOverhead = 200;

bool IsKeyframe(const v1::RecordingEntry& entry) {
  return entry.has_frame() && entry.frame().keyframe();
}

}  // namespace

void EntryRing::Append(v1::RecordingEntry entry) {
  Item item;
  item.unix_ns = std::max(newest_unix_ns(), static_cast<int64_t>(entry.unix_ns()));
  item.bytes = entry.ByteSizeLong() + kOverhead;
  item.entry = std::move(entry);
  bytes_ += item.bytes;
  items_.push_back(std::move(item));
  const int64_t age_ns = absl::ToInt64Nanoseconds(options_.most_age);
  while (items_.size() > 1 && (bytes_ > options_.most_bytes ||
                               items_.back().unix_ns - items_.front().unix_ns > age_ns)) {
    DropOldest();
  }
}

void EntryRing::DropOldest() {
  Item& item = items_.front();
  if (item.entry.has_up()) {
    Base& base = bases_[item.entry.agent()];
    base = {.up = std::move(item.entry), .down = {}};
  } else if (item.entry.has_down()) {
    Base& base = bases_[item.entry.agent()];
    base.down = std::move(item.entry);
  }
  bytes_ -= item.bytes;
  items_.pop_front();
}

int64_t EntryRing::oldest_unix_ns() const {
  if (items_.empty()) return 0;
  int64_t oldest = items_.front().unix_ns;
  std::map<uint32_t, bool> waits;  // for a keyframe
  for (const auto& [agent, base] : bases_) waits[agent] = base.up && !base.down;
  size_t waiting = static_cast<size_t>(
      std::count_if(waits.begin(), waits.end(), [](const auto& agent) { return agent.second; }));
  for (const Item& item : items_) {
    if (waiting == 0) return oldest;
    const auto found = waits.find(item.entry.agent());
    if (found == waits.end() || !found->second) continue;
    if (item.entry.has_frame() && !item.entry.frame().keyframe()) continue;
    found->second = false;
    --waiting;
    oldest = item.unix_ns;
  }
  return waiting == 0 ? oldest : newest_unix_ns() + 1;
}

std::map<uint32_t, size_t> EntryRing::StartsFor(size_t end) const {
  struct Need {
    size_t frames = 0;
    std::optional<size_t> start;
    bool settled = false;
  };
  std::map<uint32_t, Need> needs;
  for (size_t i = end; i-- > 0;) {
    const v1::RecordingEntry& entry = items_[i].entry;
    Need& need = needs[entry.agent()];
    if (need.settled) continue;
    if (entry.has_frame()) ++need.frames;
    if (IsKeyframe(entry)) need.start = i;
    // What is before a fresh start or fills more than the history is not needed.
    need.settled = !entry.has_frame() || (need.start == i && need.frames >= kHistory);
  }
  std::map<uint32_t, size_t> starts;
  for (const auto& [agent, need] : needs) starts[agent] = need.start.value_or(end);
  return starts;
}

absl::StatusOr<std::unique_ptr<FleetTable>> EntryRing::TableAt(int64_t unix_ns) const {
  if (items_.empty() || unix_ns < oldest_unix_ns()) {
    return absl::OutOfRangeError("that is longer ago than is kept");
  }
  const auto past =
      std::upper_bound(items_.begin(), items_.end(), unix_ns,
                       [](int64_t time, const Item& item) { return time < item.unix_ns; });
  const auto end = static_cast<size_t>(past - items_.begin());
  const std::map<uint32_t, size_t> starts = StartsFor(end);
  auto table = std::make_unique<FleetTable>();
  // What cannot be applied here could not be applied live either.
  for (const auto& [agent, base] : bases_) {
    if (base.up) table->Apply(*base.up).IgnoreError();
    if (base.down) table->Apply(*base.down).IgnoreError();
  }
  for (size_t i = 0; i < end; ++i) {
    const v1::RecordingEntry& entry = items_[i].entry;
    if (!entry.has_frame() || i >= starts.at(entry.agent())) table->Apply(entry).IgnoreError();
  }
  return table;
}

}  // namespace tcpfleet::controller
