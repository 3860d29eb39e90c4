#include "controller/connections/host_rows.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

using sockets::ConnectionSample;
using sockets::Derived;
using sockets::Field;
using sockets::FieldValues;

// What sockets::Derive reads of the record before.
constexpr std::array kCounters = {Field::kBytesSent,    Field::kBytesReceived, Field::kBytesAcked,
                                  Field::kTotalRetrans, Field::kDataSegsOut,   Field::kBusyTime,
                                  Field::kRwndLimited,  Field::kSndbufLimited};

// As the encoder has it: moments that moved less have not moved.
constexpr int64_t kMomentHysteresisMs = 30;

constexpr int64_t kNsPerMs = 1'000'000;

bool SameValues(const FieldValues& a, const FieldValues& b) {
  if (a == b) return true;
  if (a.present() != b.present()) return false;
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    const auto moved = static_cast<int64_t>(a.Get(info.field) - b.Get(info.field));
    const int64_t allowed = info.kind == sockets::FieldKind::kMoment ? kMomentHysteresisMs : 0;
    if (moved < -allowed || moved > allowed) return false;
  }
  return true;
}

float PointOf(const std::optional<double>& value) {
  return value ? static_cast<float>(*value) : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace

void HostRows::Counters::Remember(const FieldValues& now) {
  static_assert(kCounters.size() == std::tuple_size_v<decltype(values)>);
  present = 0;
  for (size_t i = 0; i < kCounters.size(); ++i) {
    values[i] = now.Get(kCounters[i]);
    if (now.Has(kCounters[i])) present |= static_cast<uint8_t>(1U << i);
  }
}

FieldValues HostRows::Counters::Restored() const {
  FieldValues restored;
  for (size_t i = 0; i < kCounters.size(); ++i) {
    if ((present >> i & 1U) != 0) restored.Set(kCounters[i], values[i]);
  }
  return restored;
}

absl::Status HostRows::Apply(const v1::ConnectionFrame& frame, int64_t unix_ns,
                             FrameChanges* changes,
                             std::vector<sockets::ClosedConnection>& closed) {
  if (expects_keyframe_ && !frame.keyframe()) {
    return absl::DataLossError("connection frame: a keyframe must come first");
  }
  const uint64_t last_ns = static_cast<uint64_t>(last_ns_);
  interval_ns_ = has_frame_ ? static_cast<int64_t>(frame.monotonic_ns() - last_ns) : 0;
  unix_ns_ = unix_ns;
  changes_ = changes;
  closed_ = &closed;
  expects_keyframe_ = true;  // unless this frame turns out to be good
  const absl::Status applied = frame.keyframe() ? ApplyKeyframe(frame) : ApplyDifference(frame);
  changes_ = nullptr;
  TF_RETURN_IF_ERROR(applied);
  expects_keyframe_ = false;
  if (changes != nullptr) changes->first = !has_frame_;
  has_frame_ = true;
  last_ns_ = static_cast<int64_t>(frame.monotonic_ns());
  return absl::OkStatus();
}

// The samples of the keyframe before stay until they were compared.
absl::Status HostRows::ApplyKeyframe(const v1::ConnectionFrame& frame) {
  auto decoder = std::make_unique<sockets::FrameDecoder>();
  TF_RETURN_IF_ERROR(decoder->Apply(frame));
  BeginFrame();
  by_row_.clear();
  for (const auto& [row, sample] : decoder->rows()) {
    const auto [found, is_new] = by_key_.try_emplace(KeyOf(sample), nullptr);
    if (is_new) found->second = &Take();
    Slot& slot = *found->second;
    if (slot.seen_frame == frames_) return RefuseRepeated();
    const ConnectionSample* before = std::exchange(slot.row.sample, &sample);
    Attach(row, slot);
    if (is_new) {
      Open(slot);
    } else if (!SameValues(before->values, sample.values)) {
      Update(slot);
    }
  }
  for (const auto& chunk : chunks_) {
    for (Slot& slot : *chunk) {
      if (!slot.used || slot.seen_frame == frames_) continue;
      if (changes_ != nullptr) {
        closed_->push_back({*slot.row.sample, v1::ConnectionClose::REASON_NOT_SEEN});
      }
      by_key_.erase(KeyOf(*slot.row.sample));
      Release(slot);
    }
  }
  decoder_ = std::move(decoder);
  CoolDown();
  return absl::OkStatus();
}

absl::Status HostRows::ApplyDifference(const v1::ConnectionFrame& frame) {
  TF_RETURN_IF_ERROR(decoder_->Apply(frame));
  BeginFrame();
  std::vector<Key> replaced;
  for (const sockets::ClosedConnection& closed : decoder_->closed()) {
    if (closed.reason == v1::ConnectionClose::REASON_REPLACED) {
      by_key_.find(KeyOf(closed.last))->second->row.sample = nullptr;
      replaced.push_back(KeyOf(closed.last));
    } else {
      Close(closed);
    }
  }
  for (const uint32_t row : decoder_->opened()) {
    const ConnectionSample& sample = *decoder_->rows().Find(row);
    const auto [found, is_new] = by_key_.try_emplace(KeyOf(sample), nullptr);
    if (is_new) found->second = &Take();
    Slot& slot = *found->second;
    if (slot.row.sample != nullptr) return RefuseRepeated();
    slot.row.sample = &sample;
    Attach(row, slot);
    if (is_new) {
      Open(slot);
    } else {
      Update(slot);
    }
  }
  for (const uint32_t row : decoder_->changed()) Update(*by_row_[row]);
  for (const Key& key : replaced) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || found->second->row.sample != nullptr) continue;
    Release(*found->second);  // the frame forgot to open it anew
    by_key_.erase(found);
  }
  CoolDown();
  return absl::OkStatus();
}

void HostRows::BeginFrame() {
  ++frames_;
  totals_ = {};
  changed_before_ = std::exchange(changed_, {});
}

void HostRows::Attach(uint32_t row, Slot& slot) {
  slot.seen_frame = frames_;
  if (by_row_.size() <= row) by_row_.resize(row + 1);
  by_row_[row] = &slot;
}

void HostRows::Open(Slot& slot) {
  const FieldValues& now = slot.row.sample->values;
  slot.row.host = host_;
  slot.row.send_rate = Trace(&frames_, Trace::Idle::kZero);
  slot.row.receive_rate = Trace(&frames_, Trace::Idle::kZero);
  slot.row.rtt_us = Trace(&frames_, Trace::Idle::kSame);
  const bool began_since =
      has_frame_ && now.Get(Field::kOpeningSeen) == 1 &&
      now.Get(Field::kFirstSeenAtMs) > static_cast<uint64_t>(last_ns_ / kNsPerMs);
  if (began_since) {
    FieldValues nothing;
    for (const Field field : kCounters) {
      if (now.Has(field)) nothing.Set(field, 0);
    }
    slot.before.Remember(nothing);
    Show(slot, Count(slot, now));
  } else {
    Show(slot, sockets::DeriveFromTotals(now));
  }
  if (changes_ != nullptr) changes_->opened.push_back(&slot.row);
}

void HostRows::Update(Slot& slot) {
  Show(slot, Count(slot, slot.row.sample->values));
  if (changes_ != nullptr) changes_->changed.push_back(&slot.row);
}

void HostRows::Close(const sockets::ClosedConnection& closed) {
  const auto found = by_key_.find(KeyOf(closed.last));
  Count(*found->second, closed.last.values);
  Release(*found->second);
  by_key_.erase(found);
  if (changes_ != nullptr) closed_->push_back(closed);
}

// What the connection did in this interval, added to the host's totals.
Derived HostRows::Count(const Slot& slot, const FieldValues& now) {
  const FieldValues before = slot.before.Restored();
  const Derived derived = sockets::Derive(before, now, interval_ns_);
  totals_.send_rate += derived.send_rate.value_or(0);
  totals_.receive_rate += derived.receive_rate.value_or(0);
  const auto retransmits = sockets::CounterDelta(before, now, Field::kTotalRetrans);
  if (interval_ns_ > 0 && retransmits) {
    totals_.retransmits_per_second +=
        static_cast<double>(*retransmits) * 1e9 / static_cast<double>(interval_ns_);
  }
  return derived;
}

void HostRows::Show(Slot& slot, const Derived& derived) {
  const FieldValues& now = slot.row.sample->values;
  slot.row.derived = derived;
  slot.row.send_rate.Add(PointOf(derived.send_rate));
  slot.row.receive_rate.Add(PointOf(derived.receive_rate));
  const std::optional<uint64_t> rtt_us = now.Find(Field::kRtt);
  slot.row.rtt_us.Add(rtt_us ? static_cast<float>(*rtt_us)
                             : std::numeric_limits<float>::quiet_NaN());
  slot.row.changed_unix_ns = unix_ns_;
  slot.before.Remember(now);
  slot.changed_frame = frames_;
  changed_.push_back(&slot);
}

// What the frame before changed and this one did not is idle now.
void HostRows::CoolDown() {
  for (Slot* slot : changed_before_) {
    if (!slot->used || slot->changed_frame == frames_) continue;
    const FieldValues& now = slot->row.sample->values;
    slot->row.derived = sockets::Derive(now, now, interval_ns_);
  }
}

HostRows::Slot& HostRows::Take() {
  if (free_.empty()) {
    chunks_.push_back(std::make_unique<std::array<Slot, kChunk>>());
    for (Slot& slot : *chunks_.back()) free_.push_back(&slot);
    std::reverse(free_.end() - kChunk, free_.end());
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.used = true;
  return slot;
}

void HostRows::Release(Slot& slot) {
  slot = {};
  free_.push_back(&slot);
}

absl::Status HostRows::RefuseRepeated() {
  Forget();
  return absl::DataLossError("connection frame: a socket is listed twice");
}

void HostRows::Forget() {
  decoder_.reset();
  expects_keyframe_ = true;
  has_frame_ = false;
  totals_ = {};
  chunks_.clear();
  free_.clear();
  by_key_.clear();
  by_row_.clear();
  changed_.clear();
  changed_before_.clear();
  if (changes_ != nullptr) {
    changes_->opened.clear();
    changes_->changed.clear();
  }
}

void HostRows::AppendTo(std::vector<const ConnectionRow*>& rows) const {
  for (const auto& chunk : chunks_) {
    for (const Slot& slot : *chunk) {
      if (slot.used) rows.push_back(&slot.row);
    }
  }
}

}  // namespace tcpfleet::controller
