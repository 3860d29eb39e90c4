#include "controller/connections/host_rows.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

using sockets::ConnectionSample;
using sockets::Counters;
using sockets::Derived;
using sockets::Field;
using sockets::FieldValues;

// As the encoder has it: moments that moved less have not moved.
constexpr int64_t kMomentHysteresisMs = 30;

// Whose samples are loaded while a keyframe is gone through.
constexpr size_t kRowsAhead = 8;

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
  FrameBegins();
  by_row_.clear();
  by_key_.reserve(decoder->rows().size());
  const sockets::RowTable& table = decoder->rows();
  const absl::Span<const uint32_t> rows = decoder->opened();
  for (size_t i = 0; i < rows.size(); ++i) {
    const uint32_t row = rows[i];
    const ConnectionSample& sample = *table.Find(row);
    if (i + kRowsAhead < rows.size()) {
      const ConnectionSample& ahead = *table.Find(rows[i + kRowsAhead]);
      __builtin_prefetch(&ahead);
      ahead.values.Prefetch();
    }
    const auto [found, is_new] = by_key_.try_emplace(KeyOf(sample), nullptr);
    if (is_new) found->second = &Take();
    Slot& slot = *found->second;
    if (slot.seen_frame == frames_) return RefuseRepeated();
    const ConnectionSample* before = std::exchange(slot.row.sample, &sample);
    Attach(row, slot);
    if (is_new) {
      Open(slot);
    } else if (!SameValues(before->values, sample.values)) {
      Update(slot, Counters(before->values));
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
  TF_RETURN_IF_ERROR(decoder_->Apply(frame, this));
  absl::flat_hash_map<Key, Counters> replaced;
  for (size_t i = 0; i < decoder_->closed().size(); ++i) {
    const sockets::ClosedConnection& closed = decoder_->closed()[i];
    if (closed.reason == v1::ConnectionClose::REASON_REPLACED) {
      by_key_.find(KeyOf(closed.last))->second->row.sample = nullptr;
      replaced.emplace(KeyOf(closed.last), decoder_->closed_before()[i]);
    } else {
      Close(closed, decoder_->closed_before()[i]);
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
      Update(slot, replaced.at(KeyOf(sample)));
    }
  }
  for (const auto& [key, before] : replaced) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end() || found->second->row.sample != nullptr) continue;
    Release(*found->second);  // the frame forgot to open it anew
    by_key_.erase(found);
  }
  CoolDown();
  return absl::OkStatus();
}

void HostRows::FrameBegins() {
  ++frames_;
  totals_ = {};
  changed_before_ = std::exchange(changed_, {});
}

void HostRows::RowsChanged(absl::Span<const uint32_t> rows, absl::Span<const Counters> before) {
  for (const uint32_t row : rows) {
    const auto* slot = reinterpret_cast<const char*>(by_row_[row]);
    for (size_t at = 0; at < sizeof(Slot); at += 64) __builtin_prefetch(slot + at);
  }
  for (size_t i = 0; i < rows.size(); ++i) Update(*by_row_[rows[i]], before[i]);
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
    Counters nothing(now);
    nothing.values.fill(0);
    Show(slot, Count(nothing, now));
  } else {
    Show(slot, sockets::DeriveFromTotals(now));
  }
  if (changes_ != nullptr) changes_->opened.push_back(&slot.row);
}

void HostRows::Update(Slot& slot, const Counters& before) {
  Show(slot, Count(before, slot.row.sample->values));
  if (changes_ != nullptr) changes_->changed.push_back(&slot.row);
}

void HostRows::Close(const sockets::ClosedConnection& closed, const Counters& before) {
  const auto found = by_key_.find(KeyOf(closed.last));
  Count(before, closed.last.values);
  Release(*found->second);
  by_key_.erase(found);
  if (changes_ != nullptr) closed_->push_back(closed);
}

// What the connection did in this interval, added to the host's totals.
Derived HostRows::Count(const Counters& before, const FieldValues& now) {
  const Derived derived = sockets::Derive(before, now, interval_ns_);
  totals_.send_rate += derived.send_rate.value_or(0);
  totals_.receive_rate += derived.receive_rate.value_or(0);
  const auto retransmits = sockets::CounterDelta<Field::kTotalRetrans>(before, now);
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
  changed_frame_[slot.number] = frames_;
  changed_.push_back(slot.number);
}

// What the frame before changed and this one did not is idle now.
void HostRows::CoolDown() {
  for (const uint32_t number : changed_before_) {
    if (changed_frame_[number] == frames_) continue;
    Slot& slot = (*chunks_[number / kChunk])[number % kChunk];
    if (!slot.used) continue;
    const FieldValues& now = slot.row.sample->values;
    slot.row.derived = sockets::Derive(now, now, interval_ns_);
  }
}

HostRows::Slot& HostRows::Take() {
  if (free_.empty()) {
    chunks_.push_back(std::make_unique<std::array<Slot, kChunk>>());
    for (Slot& slot : *chunks_.back()) {
      slot.number = static_cast<uint32_t>(changed_frame_.size());
      changed_frame_.push_back(0);
      free_.push_back(&slot);
    }
    std::reverse(free_.end() - kChunk, free_.end());
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.used = true;
  return slot;
}

void HostRows::Release(Slot& slot) {
  const uint32_t number = slot.number;
  slot = {};
  slot.number = number;
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
  changed_frame_.clear();
  changed_.clear();
  changed_before_.clear();
  if (changes_ != nullptr) {
    changes_->opened.clear();
    changes_->changed.clear();
  }
}

const ConnectionRow* HostRows::Find(uint64_t cookie, uint64_t network_namespace) const {
  const auto found = by_key_.find(Key(cookie, network_namespace));
  return found != by_key_.end() ? &found->second->row : nullptr;
}

void HostRows::AppendTo(std::vector<const ConnectionRow*>& rows) const {
  for (const auto& chunk : chunks_) {
    for (const Slot& slot : *chunk) {
      if (slot.used) rows.push_back(&slot.row);
    }
  }
}

}  // namespace tcpfleet::controller
