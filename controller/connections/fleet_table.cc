#include "controller/connections/fleet_table.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/connections/host_rows.h"

namespace tcpfleet::controller {
namespace {

// Rounds to the nearest bfloat16: the upper half of a float.
uint16_t Pack(float value) {
  if (std::isnan(value)) return 0x7fc0;
  return static_cast<uint16_t>((std::bit_cast<uint32_t>(value) + 0x8000) >> 16);
}

float Unpack(uint16_t packed) { return std::bit_cast<float>(uint32_t{packed} << 16); }

}  // namespace

void Trace::Add(float value) {
  const auto push = [this](uint16_t packed) {
    values_[(begin_ + size_) % kHistory] = packed;
    if (size_ < kHistory) {
      ++size_;
    } else {
      begin_ = static_cast<uint8_t>((begin_ + 1) % kHistory);
    }
  };
  // The present frame is counted already.
  const size_t skipped = std::min(Missing() > 0 ? Missing() - 1 : 0, kHistory);
  const uint16_t idle = idle_ == Idle::kSame && size_ > 0 ? Pack(Stored(size_ - 1u)) : 0;
  for (size_t i = 0; i < skipped; ++i) push(idle);
  push(Pack(value));
  if (frames_ != nullptr) last_frame_ = *frames_;
}

size_t Trace::size() const { return std::min(kHistory, size_ + Missing()); }

float Trace::at(size_t index) const {
  const size_t position = size_ + Missing() - size() + index;
  if (position < size_) return Stored(position);
  return idle_ == Idle::kSame && size_ > 0 ? Stored(size_ - 1u) : 0;
}

float Trace::Stored(size_t index) const { return Unpack(values_[(begin_ + index) % kHistory]); }

namespace {

void Rise(const v1::AgentUp& up, HostRows& rows, HostView& view) {
  // After a reboot cookies start anew.
  if (up.host().boot_id() != view.description.boot_id()) rows.Forget();
  view.name = up.name();
  view.address = up.address();
  view.description = up.host();
  view.clock_offset_ns = up.clock_offset_ns();
  view.up = true;
  view.down_cause.clear();
}

void Fall(const v1::AgentFailure& failure, HostRows& rows, HostView& view) {
  rows.ExpectKeyframe();
  view.name = failure.name();
  view.address = failure.address();
  view.up = false;
  view.down_cause = absl::StrCat(failure.kind(), ": ", failure.cause());
  view.completeness.Clear();
  view.connections = 0;
  view.send_rate = view.receive_rate = view.retransmits_per_second = 0;
}

}  // namespace

FleetTable::FleetTable() = default;
FleetTable::~FleetTable() = default;
FleetTable::FleetTable(FleetTable&&) noexcept = default;
FleetTable& FleetTable::operator=(FleetTable&&) noexcept = default;

absl::Status FleetTable::Apply(const v1::RecordingEntry& entry, FrameChanges* changes) {
  now_unix_ns_ = static_cast<int64_t>(entry.unix_ns());
  if (changes != nullptr) *changes = {};
  closed_.clear();
  if (!entry.has_up() && !entry.has_frame() && !entry.has_down()) return absl::OkStatus();
  if (entry.agent() >= kMostHosts) {
    return absl::DataLossError(
        absl::StrCat("agent number ", entry.agent(), ": at most ", kMostHosts, " are possible"));
  }
  while (rows_.size() <= entry.agent()) {
    rows_.push_back(std::make_unique<HostRows>(static_cast<uint32_t>(rows_.size())));
    views_.emplace_back();
  }
  HostRows& rows = *rows_[entry.agent()];
  HostView& view = views_[entry.agent()];
  if (entry.has_up()) Rise(entry.up(), rows, view);
  if (entry.has_down()) Fall(entry.down(), rows, view);
  if (!entry.has_frame()) return absl::OkStatus();
  if (changes != nullptr) changes->host = entry.agent();
  return base::WithContext(view.name.empty() ? absl::StrCat("agent ", entry.agent()) : view.name,
                           TakeFrame(entry.frame(), rows, view, changes));
}

absl::Status FleetTable::TakeFrame(const v1::ConnectionFrame& frame, HostRows& rows, HostView& view,
                                   FrameChanges* changes) {
  if (!view.up) return absl::DataLossError("connection frame: the agent is not up");
  const auto unix_ns =
      static_cast<int64_t>(frame.monotonic_ns() - static_cast<uint64_t>(view.clock_offset_ns));
  const absl::Status applied = rows.Apply(frame, unix_ns, changes, closed_);
  view.connections = rows.size();
  view.send_rate = rows.totals().send_rate;
  view.receive_rate = rows.totals().receive_rate;
  view.retransmits_per_second = rows.totals().retransmits_per_second;
  TF_RETURN_IF_ERROR(applied);
  view.last_frame_unix_ns = unix_ns;
  view.last_frame_monotonic_ns = static_cast<int64_t>(frame.monotonic_ns());
  view.poll_sequence = frame.poll_sequence();
  view.completeness = frame.completeness();
  if (frame.merged_polls() > 1) view.missed_polls += frame.merged_polls() - 1;
  if (changes != nullptr) {
    changes->unix_ns = unix_ns;
    changes->closed = closed_;
  }
  return absl::OkStatus();
}

std::vector<const ConnectionRow*> FleetTable::Rows() const {
  std::vector<const ConnectionRow*> rows;
  rows.reserve(size());
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (views_[i].up) rows_[i]->AppendTo(rows);
  }
  return rows;
}

const ConnectionRow* FleetTable::Find(uint32_t host, uint64_t cookie,
                                      uint64_t network_namespace) const {
  if (host >= views_.size() || !views_[host].up) return nullptr;
  return rows_[host]->Find(cookie, network_namespace);
}

size_t FleetTable::size() const {
  size_t size = 0;
  for (const HostView& view : views_) size += view.connections;
  return size;
}

}  // namespace tcpfleet::controller
