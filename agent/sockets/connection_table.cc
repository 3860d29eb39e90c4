#include "agent/sockets/connection_table.h"

#include <algorithm>

#include "common/sockets/row_table.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionIdentity;
using sockets::ConnectionSample;
using sockets::Field;
using sockets::SampleRef;

constexpr uint32_t kNoSlot = UINT32_MAX;

bool IsSteady(uint32_t before_ms, uint32_t now_ms) {
  const auto moved = static_cast<int32_t>(now_ms - before_ms);
  return moved >= -sockets::kMomentJitterMs && moved <= sockets::kMomentJitterMs;
}

}  // namespace

ConnectionTable::ConnectionTable() : slots_(0, SlotHash{&rows_}, SlotEqual{&rows_}) {}

ConnectionTable::~ConnectionTable() = default;

void ConnectionTable::StartPoll(PollOptions options) {
  options_ = options;
  ++poll_;
  previous_ns_ = monotonic_ns_;
  for (const uint32_t slot : changed_) rows_[slot].before = {};
  changed_.clear();
  for (const Ended& ended : ended_) {
    Row& row = rows_[ended.slot];
    slots_.erase(ended.slot);
    const bool is_undescribed = row.is_undescribed;  // undescribed_ still has the slot
    row = {};
    row.is_undescribed = is_undescribed;
    free_slots_.push_back(ended.slot);
  }
  ended_.clear();
}

void ConnectionTable::Begin(int64_t monotonic_ns) {
  ++attempt_;
  monotonic_ns_ = monotonic_ns;
  seen_ = 0;
  new_order_.clear();
  next_ = 0;
}

void ConnectionTable::FinishPoll() {
  has_before_ = options_.keep_before && has_polled_;
  has_polled_ = true;
  order_.swap(new_order_);
  if (seen_ == size_) return;
  for (uint32_t slot = 0; slot < rows_.size(); ++slot) {
    Row& row = rows_[slot];
    if (!row.now || row.seen_in == attempt_) continue;
    ended_.push_back({slot, row.opened_at, std::move(row.now)});
    row.before = {};
    --size_;
  }
}

void ConnectionTable::FailPoll() {
  has_polled_ = false;
  has_before_ = false;
}

uint32_t ConnectionTable::Find(const Sighting& sighting) {
  constexpr size_t kMostEndedInARow = 3;  // before the hash table is asked
  const size_t end = std::min(order_.size(), next_ + 1 + kMostEndedInARow);
  for (size_t i = next_; i < end; ++i) {
    const Row& row = rows_[order_[i]];
    if (row.cookie == sighting.cookie && row.network_namespace == sighting.network_namespace &&
        row.now) {
      return order_[i];
    }
  }
  const auto found = slots_.find(Key(sighting.cookie, sighting.network_namespace));
  return found == slots_.end() ? kNoSlot : *found;
}

void ConnectionTable::See(uint32_t slot) {
  constexpr size_t kAhead = 8;  // rows to be loaded while others are looked at
  constexpr size_t kFarthest = 64;
  if (std::exchange(rows_[slot].seen_in, attempt_) == attempt_) return;  // listed twice
  ++seen_;
  new_order_.push_back(slot);
  const auto next = order_.begin() + static_cast<std::ptrdiff_t>(next_);
  const auto end =
      order_.end() - next > std::ptrdiff_t{kFarthest} ? next + kFarthest : order_.end();
  if (const auto found = std::find(next, end, slot); found != end) {
    next_ = static_cast<size_t>(found - order_.begin()) + 1;
  }
  if (next_ + kAhead < order_.size()) {
    const char* const ahead = reinterpret_cast<const char*>(&rows_[order_[next_ + kAhead]]);
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + sizeof(Row) - 1);
  }
}

bool ConnectionTable::HasRecord(const Sighting& sighting) {
  const uint32_t slot = Find(sighting);
  if (slot == kNoSlot) return false;
  const Row& row = rows_[slot];
  if (sighting.fingerprint == 0 || row.fingerprint != sighting.fingerprint ||
      !std::equal(row.moments_ms.begin(), row.moments_ms.end(), sighting.moments_ms.begin(),
                  IsSteady)) {
    row.now.Prefetch();  // Take will follow
    return false;
  }
  See(slot);
  return true;
}

bool ConnectionTable::Take(const Sighting& sighting, const ConnectionSample& sample) {
  uint32_t slot = Find(sighting);
  if (slot == kNoSlot) {
    slot = Open(sighting, sample);
    if (slot == kNoSlot) return false;
  } else {
    Update(slot, sample);
  }
  Row& row = rows_[slot];
  row.fingerprint = sighting.fingerprint;
  for (size_t i = 0; i < row.moments_ms.size(); ++i) {
    if (!IsSteady(row.moments_ms[i], sighting.moments_ms[i])) {
      row.moments_ms[i] = sighting.moments_ms[i];
    }
  }
  See(slot);
  return true;
}

uint32_t ConnectionTable::Open(const Sighting& sighting, const ConnectionSample& sample) {
  if (size_ + ended_.size() >= sockets::kMostRows) return kNoSlot;
  if (free_slots_.empty()) {
    if (rows_.size() == rows_.capacity()) rows_.reserve(rows_.size() * 5 / 4 + 64);
    free_slots_.push_back(static_cast<uint32_t>(rows_.size()));
    rows_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  Row& row = rows_[slot];
  row.cookie = sighting.cookie;
  row.network_namespace = sighting.network_namespace;
  row.moments_ms = sighting.moments_ms;
  row.now = pool_.Copy(sample);
  sockets::FieldValues& values = row.now.Mutable().values;
  values.Set(Field::kFirstSeenAtMs, static_cast<uint64_t>(monotonic_ns_) / 1'000'000);
  values.Set(Field::kOpeningSeen, has_polled_ && options_.same_request ? 1 : 0);
  row.opened_at = row.described_at = poll_;
  slots_.insert(slot);
  ++size_;
  MarkChanged(slot);
  AwaitDescription(slot);
  return slot;
}

void ConnectionTable::Update(uint32_t slot, const ConnectionSample& sample) {
  Row& row = rows_[slot];
  const ConnectionSample& known = *row.now;
  sockets::FieldValues values = sample.values;
  sockets::SteadyMoments(known.values, values);
  values.Set(Field::kFirstSeenAtMs, known.values.Get(Field::kFirstSeenAtMs));
  values.Set(Field::kOpeningSeen, known.values.Get(Field::kOpeningSeen));
  const bool says_more = SaysMore(known.identity, sample.identity);
  if (!says_more && values == known.values && sample.tcp_info_tail == known.tcp_info_tail) return;
  if (!says_more) {
    if (!row.now.is_shared() && !options_.keep_before) {
      row.now.Mutable().values = values;
      row.now.Mutable().tcp_info_tail = sample.tcp_info_tail;
    } else {
      Replace(row, pool_.Make(known.identity, values, sample.tcp_info_tail));
    }
  } else {
    ConnectionIdentity identity = sample.identity;
    if (identity.inode == known.identity.inode) identity.process = known.identity.process;
    if (identity.cgroup_id == known.identity.cgroup_id) identity.cgroup = known.identity.cgroup;
    Replace(row, pool_.Make(identity, values, sample.tcp_info_tail));
    row.described_at = poll_;
    AwaitDescription(slot);
  }
  MarkChanged(slot);
}

void ConnectionTable::Replace(Row& row, SampleRef record) {
  // Of several changes in one poll the first one knows what was before.
  if (options_.keep_before && row.changed_at != poll_) row.before = std::move(row.now);
  row.now = std::move(record);
}

void ConnectionTable::MarkChanged(uint32_t slot) {
  rows_[slot].changed_at = poll_;
  changed_.push_back(slot);
}

void ConnectionTable::AwaitDescription(uint32_t slot) {
  if (std::exchange(rows_[slot].is_undescribed, true)) return;
  undescribed_.push_back(slot);
}

void ConnectionTable::AwaitDescriptions() {
  for (uint32_t slot = 0; slot < rows_.size(); ++slot) {
    if (rows_[slot].now) AwaitDescription(slot);
  }
}

void ConnectionTable::Describe(uint32_t slot, std::shared_ptr<const sockets::Process> process,
                               std::shared_ptr<const std::string> cgroup) {
  Row& row = rows_[slot];
  SampleRef record = pool_.Copy(*row.now);
  if (process != nullptr) record.Mutable().identity.process = std::move(process);
  if (cgroup != nullptr) record.Mutable().identity.cgroup = std::move(cgroup);
  Replace(row, std::move(record));
  row.described_at = poll_;
  MarkChanged(slot);
}

}  // namespace tcpfleet::agent
