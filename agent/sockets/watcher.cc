#include "agent/sockets/watcher.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "agent/sockets/filter_resolver.h"
#include "common/base/status_macros.h"
#include "common/sockets/opening_order.h"

namespace tcpfleet::agent {
namespace {

using sockets::ConnectionSample;
using sockets::SampleRef;

constexpr uint32_t kDefaultIntervalMs = 1000;
constexpr uint32_t kShortestIntervalMs = 100;
constexpr uint32_t kLongestIntervalMs = 60'000;

// Numbers of registered fields as a mask.
absl::StatusOr<sockets::FieldMask> ParseFieldIds(absl::Span<const uint32_t> field_ids) {
  sockets::FieldMask fields;
  for (const uint32_t id : field_ids) {
    if (sockets::FindField(id) == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("field_ids: there is no field ", id));
    }
    fields.set(id);
  }
  return fields;
}

template <class Request>
absl::StatusOr<WatchPlan> Plan(const Request& request) {
  TF_ASSIGN_OR_RETURN(filter::Filter filter,
                      filter::Filter::Parse(request.filter(), HostResolver()));
  TF_ASSIGN_OR_RETURN(const sockets::FieldMask fields, ParseFieldIds(request.field_ids()));
  const bool processes = request.processes() || filter.NeedsProcess();
  return WatchPlan{std::move(filter), fields, 0, processes, request.all_namespaces()};
}

// Its verdict on a record that stays the same changes with the time.
bool DependsOnTime(const filter::Filter& filter) {
  const sockets::FieldMask fields = filter.Fields();
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.kind == sockets::FieldKind::kMoment && fields[SlotOf(info.field)]) return true;
  }
  return filter.NeedsDerived();
}

}  // namespace

absl::StatusOr<WatchPlan> PlanWatch(const v1::WatchRequest& request) {
  TF_ASSIGN_OR_RETURN(WatchPlan plan, Plan(request));
  const uint32_t interval_ms =
      request.interval_ms() == 0 ? kDefaultIntervalMs : request.interval_ms();
  if (interval_ms < kShortestIntervalMs || interval_ms > kLongestIntervalMs) {
    return absl::InvalidArgumentError(absl::StrCat("interval_ms: ", interval_ms, " is not between ",
                                                   kShortestIntervalMs, " and ",
                                                   kLongestIntervalMs));
  }
  plan.interval_ns = int64_t{interval_ms} * 1'000'000;
  return plan;
}

absl::StatusOr<WatchPlan> PlanSnapshot(const v1::SnapshotRequest& request) { return Plan(request); }

PollRequest RequestFor(absl::Span<const WatchPlan* const> plans) {
  PollRequest request{.states = 0, .families = 0};
  std::vector<const filter::Filter*> filters;
  bool all_fields = false;
  for (const WatchPlan* plan : plans) {
    request.states |= plan->filter.StateMask();
    request.families |= plan->filter.Families();
    request.all_namespaces |= plan->all_namespaces;
    all_fields |= plan->fields.none();
    request.fields |= plan->fields | plan->filter.Fields();
    filters.push_back(&plan->filter);
  }
  if (all_fields) request.fields.reset();
  request.program = filter::KernelProgramForAny(filters);
  return request;
}

void CountSkipped(const WatchPlan& plan, const PollResult& poll, v1::Completeness& completeness) {
  uint64_t skipped = 0;
  uint64_t time_wait = 0;
  uint64_t syn_recv = 0;
  ConnectionSample sample;
  for (const SkippedSocket& socket : poll.skipped) {
    if (!plan.all_namespaces && socket.network_namespace != poll.home_namespace) continue;
    if ((plan.filter.StateMask() >> socket.state & 1) == 0) continue;
    sample.identity.network_namespace = socket.network_namespace;
    sample.identity.local = socket.local;
    sample.identity.remote = socket.remote;
    sample.values.Set(sockets::Field::kState, socket.state);
    if (!plan.filter.Matches({.sample = &sample, .now_ns = poll.monotonic_ns})) continue;
    ++skipped;
    if (socket.state == static_cast<uint8_t>(sockets::TcpState::kTimeWait)) ++time_wait;
    if (socket.state == static_cast<uint8_t>(sockets::TcpState::kSynRecv)) ++syn_recv;
  }
  completeness.set_skipped(skipped);
  completeness.set_time_wait(time_wait);
  completeness.set_syn_recv(syn_recv);
}

Watcher::Watcher(WatchPlan plan, sockets::RowBudget* budget)
    : plan_(std::move(plan)),
      looks_at_all_(DependsOnTime(plan_.filter)),
      encoder_(plan_.fields, budget) {}

void Watcher::Note(const PollResult& poll, const ConnectionTable& table) {
  completeness_.set_torn(completeness_.torn() + poll.torn);
  completeness_.set_dropped(completeness_.dropped() + poll.dropped);
  if (poll.gap && plan_.all_namespaces) completeness_.set_gap(true);
  for (const ConnectionTable::Ended& ended : table.ended()) NoteEnd(ended, poll);
}

void Watcher::NoteFailure(int64_t now_ns, int64_t tolerance_ns) {
  completeness_.set_gap(true);
  IsDue(now_ns, tolerance_ns);
}

void Watcher::NoteEnd(const ConnectionTable::Ended& ended, const PollResult& poll) {
  constexpr auto kReason = v1::ConnectionClose::REASON_NOT_SEEN;
  if (ended.slot < selected_.size() && selected_[ended.slot].row != kNoRow) {
    encoder_.Close(selected_[ended.slot].row, ended.last, kReason);
    Drop(ended.slot);
    return;
  }
  // What was there at the last look was not selected; what ended before the first is not this
  // subscriber's business.
  if (!has_looked_ || ended.opened_at <= looked_at_) return;
  const ConnectionSample& last = *ended.last;
  if (!plan_.all_namespaces && last.identity.network_namespace != poll.home_namespace) return;
  if (!plan_.filter.Matches({.sample = &last, .now_ns = poll.monotonic_ns})) return;
  const uint32_t row =
      unsent_ends_ < kMostUnsentEnds ? encoder_.Open(ended.last) : sockets::RowEncoder::kNoRow;
  if (row == kNoRow) {
    completeness_.set_dropped(completeness_.dropped() + 1);
    return;
  }
  ++unsent_ends_;
  encoder_.Close(row, ended.last, kReason);
}

bool Watcher::IsDue(int64_t now_ns, int64_t tolerance_ns) {
  if (next_due_ns_ == INT64_MIN) next_due_ns_ = now_ns;
  if (now_ns >= next_due_ns_ - tolerance_ns / 2) {
    ++due_;
    // Who is late starts a new grid instead of catching up.
    next_due_ns_ = std::max(next_due_ns_, now_ns - plan_.interval_ns / 2) + plan_.interval_ns;
  }
  return due_ > 0;
}

bool Watcher::Matches(const ConnectionTable::Row& row, const PollResult& poll,
                      const ConnectionTable& table) const {
  if (!plan_.all_namespaces && row.network_namespace != poll.home_namespace) return false;
  filter::Subject subject{.sample = row.now.get(), .now_ns = poll.monotonic_ns};
  std::optional<sockets::Derived> derived;
  if (plan_.filter.NeedsDerived()) {
    const ConnectionSample* before = table.Before(row);
    if (before != nullptr) {
      derived = sockets::Derive(before->values, row.now->values, table.interval_ns());
      subject.derived = &*derived;
    }
  }
  return plan_.filter.Matches(subject);
}

v1::ConnectionFrame Watcher::Encode(uint64_t sequence, const PollResult& poll,
                                    const ConnectionTable& table, sockets::FrameWriter& writer) {
  selected_.resize(table.rows().size());
  const bool follows = has_looked_ && looked_at_ + 1 == table.poll();
  if (follows && !looks_at_all_ && !has_left_out_) {
    constexpr size_t kAhead = 4;
    const absl::Span<const uint32_t> changed = table.changed();
    for (size_t i = 0; i < changed.size(); ++i) {
      if (i + kAhead < changed.size()) table.rows()[changed[i + kAhead]].now.Prefetch();
      Look(changed[i], poll, table);
    }
  } else {
    for (uint32_t slot = 0; slot < table.rows().size(); ++slot) {
      const ConnectionTable::Row& row = table.rows()[slot];
      if (!row.now) continue;
      if (looks_at_all_ || has_left_out_ || !has_looked_ || row.changed_at > looked_at_) {
        Look(slot, poll, table);
      }
    }
  }
  OpenNewcomers(table);
  has_looked_ = true;
  looked_at_ = table.poll();

  completeness_.set_seen(live_);
  completeness_.set_unattributed(unattributed_);
  CountSkipped(plan_, poll, completeness_);
  v1::ConnectionFrame frame = encoder_.Finish(
      {sequence, poll.monotonic_ns, std::exchange(due_, 0), std::move(completeness_)}, writer);
  completeness_ = {};
  unsent_ends_ = 0;
  return frame;
}

void Watcher::Look(uint32_t slot, const PollResult& poll, const ConnectionTable& table) {
  const ConnectionTable::Row& row = table.rows()[slot];
  if (!row.now) return;
  Selected& selected = selected_[slot];
  const bool matches = Matches(row, poll, table);
  if (selected.row == kNoRow) {
    if (matches) newcomers_.push_back(slot);
  } else if (!matches) {
    encoder_.Close(selected.row, row.now, v1::ConnectionClose::REASON_FILTERED);
    Drop(slot);
  } else if (row.described_at > looked_at_) {
    encoder_.Close(selected.row, {}, v1::ConnectionClose::REASON_REPLACED);
    Drop(slot);
    newcomers_.push_back(slot);
  } else if (!(encoder_.Latest(selected.row) == row.now)) {
    encoder_.Change(selected.row, row.now);
  }
}

void Watcher::OpenNewcomers(const ConnectionTable& table) {
  // A slot that changed twice in a poll comes twice.
  std::sort(newcomers_.begin(), newcomers_.end());
  newcomers_.erase(std::unique(newcomers_.begin(), newcomers_.end()), newcomers_.end());
  std::vector<const ConnectionSample*> samples;
  for (const uint32_t slot : newcomers_) samples.push_back(table.rows()[slot].now.get());
  has_left_out_ = false;
  for (const uint32_t position : sockets::OpeningOrder(samples)) {
    const uint32_t slot = newcomers_[position];
    const SampleRef& sample = table.rows()[slot].now;
    Selected& selected = selected_[slot];
    selected.row = encoder_.Open(sample);
    if (selected.row == kNoRow) {
      completeness_.set_dropped(completeness_.dropped() + 1);
      has_left_out_ = true;
      continue;
    }
    ++live_;
    selected.is_unattributed = plan_.processes && sample->identity.process == nullptr;
    if (selected.is_unattributed) ++unattributed_;
  }
  newcomers_.clear();
}

void Watcher::Drop(uint32_t slot) {
  if (selected_[slot].is_unattributed) --unattributed_;
  --live_;
  selected_[slot] = {};
}

}  // namespace tcpfleet::agent
