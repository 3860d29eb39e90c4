#include "common/sockets/frame_encoder.h"

#include <absl/container/flat_hash_map.h>

#include <optional>
#include <string>
#include <utility>

#include "common/sockets/column_set.h"
#include "common/sockets/compression.h"
#include "common/sockets/row_messages.h"

namespace tcpfleet::sockets {
namespace {

using Reason = v1::ConnectionClose::Reason;

constexpr int64_t kMomentHysteresisMs = 30;

// No single row adds more than this to a frame: an open message, 96 fields of 12 bytes, a tail of
// at most one netlink attribute (64 KiB).
constexpr size_t kMostBytesPerRow = 70'000;

struct Key {
  uint64_t cookie;
  uint64_t network_namespace;
  bool operator==(const Key&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const Key& key) {
    return H::combine(std::move(h), key.cookie, key.network_namespace);
  }
};

Key KeyOf(const ConnectionIdentity& identity) {
  return {identity.cookie, identity.network_namespace};
}

const FieldMask& MomentFields() {
  static const FieldMask mask = [] {
    FieldMask moments;
    for (const FieldInfo& info : AllFields()) {
      if (info.kind == FieldKind::kMoment) moments.set(SlotOf(info.field));
    }
    return moments;
  }();
  return mask;
}

// Fields whose value differs, absent counting as 0. Most rows of a poll are as they were, so whole
// blocks are compared first.
FieldMask DifferentValues(const FieldValues& a, const FieldValues& b) {
  constexpr size_t kBlock = 8;
  static_assert(kFieldSlots % kBlock == 0);
  FieldMask different;
  const uint64_t* left = a.by_slot().data();
  const uint64_t* right = b.by_slot().data();
  for (size_t begin = 0; begin < kFieldSlots; begin += kBlock) {
    uint64_t any = 0;
    for (size_t i = begin; i < begin + kBlock; ++i) any |= left[i] ^ right[i];
    if (any == 0) continue;
    for (size_t i = begin; i < begin + kBlock; ++i) {
      if (left[i] != right[i]) different.set(i);
    }
  }
  return different;
}

}  // namespace

class FrameEncoder::State {
 public:
  explicit State(FieldMask fields)
      : fields_(fields.any() ? fields : FieldMask().set()), wants_tails_(fields.none()) {}

  v1::ConnectionFrame Encode(const ConnectionPoll& poll);
  bool HasUnsentCloses() const { return unsent_closes_ > 0; }

 private:
  // What the receiver knows of a row.
  struct Row {
    ConnectionIdentity identity;
    FieldValues sent;
    std::string sent_tail;
  };
  // What this frame does to a row. Apart from Row, because every frame walks all of them.
  struct Slot {
    bool used = false;
    bool is_open = false;                   // the receiver has it
    const ConnectionSample* now = nullptr;  // its record in this poll, or its last one
    std::optional<Reason> ended;            // its end is to be sent
  };
  struct Newcomer {
    const ConnectionSample* sample;
    std::optional<Reason> ended;
  };

  void Reset();
  std::optional<uint32_t> FindRow(const Key& key);
  void MatchLive(const ConnectionSample& sample);
  void MatchClosed(const ClosedConnection& closed);
  void MarkMissing();
  void SendCloses();
  void AdmitNewcomers();
  void SendRows(bool keyframe);
  bool SendOpen(uint32_t row);
  void SendChanges(uint32_t row, bool has_room);
  void Free(uint32_t row);
  bool HasRoom() const {
    return spent_ + columns_.EstimatedBytes() + kMostBytesPerRow <= kMostRowsBytes;
  }

  const FieldMask fields_;
  const bool wants_tails_;
  bool has_sent_ = false;
  int64_t last_keyframe_ns_ = 0;

  std::vector<Row> rows_;
  std::vector<Slot> slots_;  // parallel to rows_
  std::vector<uint32_t> free_rows_;
  absl::flat_hash_map<Key, uint32_t> row_by_key_;
  size_t unsent_closes_ = 0;
  uint32_t likely_row_ = 0;

  // Of the frame being made; kept for their storage.
  std::vector<Newcomer> newcomers_;
  v1::ConnectionRows message_;
  ColumnSet columns_;
  Compressor compressor_;
  size_t spent_ = 0;  // bytes of message_ without the columns
  uint64_t dropped_ = 0;
};

v1::ConnectionFrame FrameEncoder::State::Encode(const ConnectionPoll& poll) {
  const bool keyframe = !has_sent_ || poll.monotonic_ns - last_keyframe_ns_ >= kKeyframePeriodNs;
  Reset();
  for (const ConnectionSample& sample : poll.live) MatchLive(sample);
  for (const ConnectionSample* sample : poll.live_selection) MatchLive(*sample);
  for (const ClosedConnection& closed : poll.closed) MatchClosed(closed);
  MarkMissing();
  if (!keyframe) SendCloses();
  AdmitNewcomers();
  SendRows(keyframe);
  columns_.WriteTo(message_);

  v1::ConnectionFrame frame;
  frame.set_poll_sequence(poll.sequence);
  frame.set_monotonic_ns(static_cast<uint64_t>(poll.monotonic_ns));
  frame.set_keyframe(keyframe);
  frame.set_merged_polls(poll.merged_polls);
  *frame.mutable_completeness() = poll.completeness;
  frame.mutable_completeness()->set_dropped(poll.completeness.dropped() + dropped_);
  frame.set_rows_size(static_cast<uint32_t>(message_.ByteSizeLong()));
  frame.set_rows_zstd(compressor_.Compress(message_));
  has_sent_ = true;
  if (keyframe) last_keyframe_ns_ = poll.monotonic_ns;
  return frame;
}

void FrameEncoder::State::Reset() {
  for (Slot& slot : slots_) slot.now = nullptr;
  likely_row_ = 0;
  newcomers_.clear();
  message_.Clear();
  columns_.Clear();
  spent_ = 0;
  dropped_ = 0;
}

// The kernel lists the sockets that stay in the same order every time, so the next row is mostly
// the one asked for.
std::optional<uint32_t> FrameEncoder::State::FindRow(const Key& key) {
  const uint32_t likely = likely_row_;
  if (likely < slots_.size() && slots_[likely].used && !slots_[likely].ended &&
      KeyOf(rows_[likely].identity) == key) {
    ++likely_row_;
    return likely;
  }
  const auto found = row_by_key_.find(key);
  if (found == row_by_key_.end()) return std::nullopt;
  likely_row_ = found->second + 1;
  return found->second;
}

void FrameEncoder::State::MatchLive(const ConnectionSample& sample) {
  const std::optional<uint32_t> row = FindRow(KeyOf(sample.identity));
  if (!row) {
    newcomers_.push_back({&sample, std::nullopt});
    return;
  }
  Slot& slot = slots_[*row];
  if (SaysMore(rows_[*row].identity, sample.identity)) {
    slot.ended = v1::ConnectionClose::REASON_REPLACED;
    row_by_key_.erase(KeyOf(sample.identity));
    newcomers_.push_back({&sample, std::nullopt});
    return;
  }
  slot.now = &sample;
  slot.ended.reset();
}

void FrameEncoder::State::MatchClosed(const ClosedConnection& closed) {
  const std::optional<uint32_t> row = FindRow(KeyOf(closed.last.identity));
  if (!row) {
    newcomers_.push_back({&closed.last, closed.reason});
    return;
  }
  Slot& slot = slots_[*row];
  if (slot.now != nullptr || slot.ended) return;
  slot.now = &closed.last;
  slot.ended = closed.reason;
}

void FrameEncoder::State::MarkMissing() {
  for (Slot& slot : slots_) {
    if (slot.used && slot.now == nullptr && !slot.ended) {
      slot.ended = v1::ConnectionClose::REASON_NOT_SEEN;
    }
  }
}

void FrameEncoder::State::SendCloses() {
  for (uint32_t row = 0; row < slots_.size(); ++row) {
    const Slot& slot = slots_[row];
    if (!slot.ended || !HasRoom()) continue;
    const FieldValues& last = slot.now != nullptr ? slot.now->values : rows_[row].sent;
    v1::ConnectionClose& close = *message_.add_closed();
    WriteClose(row, *slot.ended, last, fields_, close);
    spent_ += close.ByteSizeLong() + 4;
    Free(row);
  }
}

void FrameEncoder::State::AdmitNewcomers() {
  for (const Newcomer& newcomer : newcomers_) {
    if (free_rows_.empty() && rows_.size() == kMostRows) {
      ++dropped_;
      continue;
    }
    const uint32_t row =
        free_rows_.empty() ? static_cast<uint32_t>(rows_.size()) : free_rows_.back();
    if (!row_by_key_.try_emplace(KeyOf(newcomer.sample->identity), row).second)
      continue;  // said twice
    if (free_rows_.empty()) {
      rows_.emplace_back();
      slots_.emplace_back();
    } else {
      free_rows_.pop_back();
    }
    rows_[row].identity = newcomer.sample->identity;
    slots_[row] = {.used = true, .is_open = false, .now = newcomer.sample, .ended = newcomer.ended};
  }
}

void FrameEncoder::State::SendRows(bool keyframe) {
  unsent_closes_ = 0;
  for (uint32_t row = 0; row < slots_.size(); ++row) {
    Slot& slot = slots_[row];
    if (!slot.used) continue;
    if (keyframe) slot.is_open = false;
    if (!slot.is_open) {
      if (!SendOpen(row)) continue;
    } else if (slot.now != nullptr) {
      SendChanges(row, HasRoom());
    }
    if (slot.ended) ++unsent_closes_;
  }
}

// False when the frame is full; the row is forgotten then, and a newcomer again in the next poll.
bool FrameEncoder::State::SendOpen(uint32_t row) {
  if (!HasRoom()) {
    ++dropped_;
    Free(row);
    return false;
  }
  v1::ConnectionOpen& open = *message_.add_opened();
  WriteOpen(row, rows_[row].identity, open);
  spent_ += open.ByteSizeLong() + 4;
  slots_[row].is_open = true;
  if (slots_[row].now != nullptr) {
    rows_[row].sent = {};
    rows_[row].sent_tail.clear();
    SendChanges(row, true);
  } else {
    // Ended, and the keyframe has to repeat its last record.
    const ConnectionSample last{rows_[row].identity, std::exchange(rows_[row].sent, {}),
                                std::exchange(rows_[row].sent_tail, {})};
    slots_[row].now = &last;
    SendChanges(row, true);
    slots_[row].now = nullptr;
  }
  return true;
}

void FrameEncoder::State::SendChanges(uint32_t row, bool has_room) {
  Row& known = rows_[row];
  const ConnectionSample& now = *slots_[row].now;
  const FieldMask& had = known.sent.present();
  const FieldMask has = now.values.present() & fields_;
  FieldMask changed = (DifferentValues(known.sent, now.values) | ~had) & has;
  const FieldMask moments = changed & had & MomentFields();
  for (size_t i = moments._Find_first(); i < kFieldSlots; i = moments._Find_next(i)) {
    const auto moved = static_cast<int64_t>(now.values.by_slot()[i] - known.sent.by_slot()[i]);
    if (moved >= -kMomentHysteresisMs && moved <= kMomentHysteresisMs) changed.reset(i);
  }
  const FieldMask lost = had & ~has;
  const bool new_tail = wants_tails_ && now.tcp_info_tail != known.sent_tail;
  if (changed.none() && lost.none() && !new_tail) return;
  if (!has_room) {
    ++dropped_;
    return;
  }
  if (changed.any() || lost.any()) columns_.BeginRow(row);
  for (size_t i = changed._Find_first(); i < kFieldSlots; i = changed._Find_next(i)) {
    const uint64_t value = now.values.by_slot()[i];
    columns_.Put(i, value - known.sent.by_slot()[i]);
    known.sent.Set(static_cast<Field>(i), value);
  }
  for (size_t i = lost._Find_first(); i < kFieldSlots; i = lost._Find_next(i)) {
    columns_.Lose(i);
    known.sent.Erase(static_cast<Field>(i));
  }
  if (!new_tail) return;
  v1::TcpInfoTail& tail = *message_.add_tails();
  tail.set_row(row);
  tail.set_tail(now.tcp_info_tail);
  known.sent_tail = now.tcp_info_tail;
  spent_ += tail.ByteSizeLong() + 4;
}

void FrameEncoder::State::Free(uint32_t row) {
  const auto found = row_by_key_.find(KeyOf(rows_[row].identity));
  if (found != row_by_key_.end() && found->second == row) row_by_key_.erase(found);
  rows_[row] = {};
  slots_[row] = {};
  free_rows_.push_back(row);
}

FrameEncoder::FrameEncoder(FieldMask fields) : state_(std::make_unique<State>(fields)) {}
FrameEncoder::FrameEncoder(FrameEncoder&&) noexcept = default;
FrameEncoder& FrameEncoder::operator=(FrameEncoder&&) noexcept = default;
FrameEncoder::~FrameEncoder() = default;

v1::ConnectionFrame FrameEncoder::Encode(const ConnectionPoll& poll) {
  return state_->Encode(poll);
}

bool FrameEncoder::HasUnsentCloses() const { return state_->HasUnsentCloses(); }

}  // namespace tcpfleet::sockets
