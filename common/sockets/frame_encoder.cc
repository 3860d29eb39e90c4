#include "common/sockets/frame_encoder.h"

#include "common/sockets/opening_order.h"

namespace tcpfleet::sockets {

v1::ConnectionFrame FrameEncoder::Encode(const ConnectionPoll& poll) {
  for (const ConnectionSample& sample : poll.live) AddLive(sample);
  for (const ConnectionSample* sample : poll.live_selection) AddLive(*sample);
  for (const ClosedConnection& closed : poll.closed) AddClosed(closed.last, closed.reason);
  return Finish({poll.sequence, poll.monotonic_ns, poll.merged_polls, poll.completeness});
}

v1::ConnectionFrame FrameEncoder::Finish(FrameHead head) {
  CloseMissing();
  OpenNewcomers();
  head.completeness.set_dropped(head.completeness.dropped() + std::exchange(dropped_, 0));
  ++frame_;
  return rows_.Finish(head, writer_);
}

void FrameEncoder::AddLive(const ConnectionSample& sample) {
  const auto [entry, is_new] =
      known_.try_emplace(Key(sample.identity.cookie, sample.identity.network_namespace));
  Known& known = entry->second;
  if (std::exchange(known.seen, frame_) == frame_) return;  // said twice
  if (is_new) {
    newcomers_.push_back(pool_->Copy(sample));
    return;
  }
  const SampleRef latest = rows_.Latest(known.row);
  if (SaysMore(latest->identity, sample.identity)) {
    rows_.Close(known.row, {}, v1::ConnectionClose::REASON_REPLACED);
    newcomers_.push_back(pool_->Copy(sample));
    return;
  }
  FieldValues values = sample.values;
  SteadyMoments(latest->values, values);
  if (values == latest->values && sample.tcp_info_tail == latest->tcp_info_tail) return;
  SampleRef next = pool_->Copy(*latest);
  next.Mutable().values = values;
  next.Mutable().tcp_info_tail = sample.tcp_info_tail;
  rows_.Change(known.row, std::move(next));
}

void FrameEncoder::AddClosed(const ConnectionSample& last, v1::ConnectionClose::Reason reason) {
  const auto found = known_.find(Key(last.identity.cookie, last.identity.network_namespace));
  if (found != known_.end() && found->second.seen == frame_) return;
  SampleRef record = pool_->Copy(last);
  uint32_t row = RowEncoder::kNoRow;
  if (found != known_.end()) {
    row = found->second.row;
    known_.erase(found);
  } else {
    row = rows_.Open(record);
  }
  if (row == RowEncoder::kNoRow) {
    ++dropped_;
  } else {
    rows_.Close(row, std::move(record), reason);
  }
}

void FrameEncoder::CloseMissing() {
  for (auto entry = known_.begin(); entry != known_.end();) {
    const auto here = entry++;
    if (here->second.seen == frame_) continue;
    rows_.Close(here->second.row, {}, v1::ConnectionClose::REASON_NOT_SEEN);
    known_.erase(here);
  }
}

void FrameEncoder::OpenNewcomers() {
  std::vector<const ConnectionSample*> samples;
  for (const SampleRef& sample : newcomers_) samples.push_back(sample.get());
  for (const uint32_t position : OpeningOrder(samples)) {
    SampleRef& sample = newcomers_[position];
    const Key key(sample->identity.cookie, sample->identity.network_namespace);
    const uint32_t row = rows_.Open(std::move(sample));
    if (row != RowEncoder::kNoRow) {
      known_[key].row = row;
    } else {
      ++dropped_;
      known_.erase(key);
    }
  }
  newcomers_.clear();
}

}  // namespace tcpfleet::sockets
