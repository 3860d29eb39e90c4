#include "controller/connections/live_feed.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kLongestRetry = absl::Seconds(10);
constexpr absl::Duration kAttendEvery = absl::Milliseconds(100);
// A stream that lasted this long was no failed attempt.
constexpr absl::Duration kLasted = absl::Seconds(10);
// When nobody asked for this long, silence is our own fault.
constexpr absl::Duration kInattentive = absl::Seconds(1);
constexpr int kIntervalsOfSilence = 3;

}  // namespace

struct LiveFeed::Greetings {
  base::Mutex mutex;
  base::CondVar changed;
  size_t under_way ABSL_GUARDED_BY(mutex) = 0;

  void Add(int change) {
    {
      base::MutexLock lock(mutex);
      under_way += static_cast<size_t>(change);
    }
    changed.NotifyAll();
  }
  void AwaitEnd() {
    base::MutexLock lock(mutex);
    while (under_way > 0) changed.Wait(mutex);
  }
};

LiveFeed::LiveFeed(Fleet& fleet, base::Clock& clock, WatchOptions options)
    : fleet_(fleet),
      clock_(clock),
      options_(std::move(options)),
      greetings_(std::make_shared<Greetings>()),
      jitter_(std::random_device()()) {
  for (const FleetMember& member : fleet.members()) {
    const filter::Filter filter = options_.filter.ForHost(member.target.name);
    if (filter.NeverMatches()) continue;
    Stream& stream = streams_.emplace_back();
    stream.member = &member;
    stream.request.set_filter(filter.text());
    stream.request.set_interval_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.interval)));
    stream.request.set_processes(options_.processes);
    stream.request.set_all_namespaces(options_.all_namespaces);
  }
  inbox_ = std::make_shared<WatchInbox>(streams_.size());
}

LiveFeed::~LiveFeed() {
  for (Stream& stream : streams_) {
    if (stream.call != nullptr) stream.call->Cancel();
  }
  for (Stream& stream : streams_) stream.call.reset();
  greetings_->AwaitEnd();
}

std::optional<v1::RecordingEntry> LiveFeed::Next(absl::Duration wait, const std::stop_token& stop) {
  const int64_t deadline_ns =
      base::MonotonicNowNs() + absl::ToInt64Nanoseconds(std::min(wait, absl::Hours(1)));
  while (!stop.stop_requested()) {
    const int64_t now_ns = base::MonotonicNowNs();
    if (now_ns >= attend_ns_) Attend(now_ns);
    if (ready_.empty()) {
      if (std::optional<WatchInbox::Event> event = inbox_->Pop()) Handle(*std::move(event));
    }
    if (!ready_.empty()) {
      std::optional<v1::RecordingEntry> entry(std::move(ready_.front()));
      ready_.pop_front();
      return entry;
    }
    if (now_ns >= deadline_ns) return std::nullopt;
    inbox_->WaitUntil(std::min(deadline_ns, attend_ns_), stop);
  }
  return std::nullopt;
}

void LiveFeed::Attend(int64_t now_ns) {
  const bool is_patient = now_ns - attend_ns_ > absl::ToInt64Nanoseconds(kInattentive);
  attend_ns_ = now_ns + absl::ToInt64Nanoseconds(kAttendEvery);
  for (uint32_t agent = 0; agent < streams_.size(); ++agent) AttendTo(agent, now_ns, is_patient);
}

void LiveFeed::AttendTo(uint32_t agent, int64_t now_ns, bool is_patient) {
  Stream& stream = streams_[agent];
  switch (stream.phase) {
    case Phase::kWaiting:
      if (now_ns >= stream.due_ns && unanswered_ < fleet_.parallel()) Call(agent, now_ns);
      return;
    case Phase::kGreeting:
      return;  // has its own deadline
    case Phase::kCalled:
    case Phase::kStreaming:
      break;
  }
  if (is_patient) stream.heard_ns = now_ns;
  const absl::Duration allowed = fleet_.timeout() + (stream.phase == Phase::kStreaming
                                                         ? kIntervalsOfSilence * options_.interval
                                                         : absl::ZeroDuration());
  const int64_t heard_ns = std::max(stream.heard_ns, inbox_->LastHeardNs(agent));
  if (now_ns - heard_ns < absl::ToInt64Nanoseconds(allowed)) return;
  End(agent, absl::DeadlineExceededError("no frame in time"));
}

void LiveFeed::Call(uint32_t agent, int64_t now_ns) {
  Stream& stream = streams_[agent];
  const uint32_t attempt = ++stream.attempt;
  stream.phase = Phase::kCalled;
  stream.called_ns = stream.heard_ns = now_ns;
  ++unanswered_;
  inbox_->Start(agent, attempt);
  const auto push = [this, agent, attempt](auto what) {
    inbox_->Push({agent, attempt, UnixNowNs(), std::move(what)});
  };
  stream.call = stream.member->client->Watch(
      stream.request,
      [push](v1::WatchResponse response) { push(std::move(*response.mutable_frame())); },
      [push](absl::Status status) { push(std::move(status)); });
}

void LiveFeed::Greet(uint32_t agent) {
  const Stream& stream = streams_[agent];
  greetings_->Add(1);
  auto hello = std::make_shared<Hello>();
  Hello& answer = *hello;
  controller::Greet(
      *stream.member->client, clock_, fleet_.timeout(), answer,
      [this, agent, attempt = stream.attempt, hello = std::move(hello), greetings = greetings_] {
        inbox_->Push({agent, attempt, UnixNowNs(), hello});
        greetings->Add(-1);
      });
}

void LiveFeed::Handle(WatchInbox::Event event) {
  const uint32_t agent = event.agent;
  if (std::holds_alternative<v1::ConnectionFrame>(event.what)) {
    HandleFrame(std::move(event));
  } else if (const auto* hello = std::get_if<std::shared_ptr<Hello>>(&event.what)) {
    HandleHello(event, **hello);
  } else if (const auto* overflow = std::get_if<WatchInbox::Overflow>(&event.what)) {
    EndSlow(agent, overflow->dropped_frames);
  } else {
    absl::Status& status = std::get<absl::Status>(event.what);
    if (status.ok()) status = absl::UnavailableError("the agent ended the stream");
    End(agent, status);
  }
}

void LiveFeed::HandleFrame(WatchInbox::Event event) {
  const uint32_t agent = event.agent;
  Stream& stream = streams_[agent];
  if (stream.phase == Phase::kStreaming) {
    *Emit(agent, event.unix_ns).mutable_frame() =
        std::move(std::get<v1::ConnectionFrame>(event.what));
    return;
  }
  if (stream.phase == Phase::kCalled) {
    --unanswered_;
    stream.phase = Phase::kGreeting;
    Greet(agent);
  }
  stream.held_bytes += event.bytes;
  stream.held.push_back(std::move(event));
  if (stream.held_bytes > WatchInbox::kMostWaitingBytes && stream.held.size() > 1) {
    EndSlow(agent, stream.held.size());
  }
}

void LiveFeed::HandleHello(const WatchInbox::Event& event, const Hello& hello) {
  if (!hello.host.ok()) {
    End(event.agent, hello.host.status());
    return;
  }
  Stream& stream = streams_[event.agent];
  stream.phase = Phase::kStreaming;
  stream.told_cause.clear();
  stream.held_bytes = 0;
  v1::AgentUp& up = *Emit(event.agent, event.unix_ns).mutable_up();
  up.set_name(stream.member->target.name);
  up.set_address(stream.member->target.address);
  *up.mutable_host() = *hello.host;
  up.set_clock_offset_ns(hello.clock.offset_ns + clock_.MonotonicNs() - UnixNowNs());
  up.set_clock_uncertainty_ns(static_cast<uint64_t>(hello.clock.uncertainty_ns));
  for (WatchInbox::Event& held : std::exchange(stream.held, {})) HandleFrame(std::move(held));
}

void LiveFeed::End(uint32_t agent, const absl::Status& status) {
  Stream& stream = streams_[agent];
  const CallPhase phase =
      stream.phase == Phase::kCalled ? CallPhase::kFirstAnswer : CallPhase::kUnderWay;
  const int64_t now_ns = base::MonotonicNowNs();
  if (stream.phase == Phase::kStreaming &&
      now_ns - stream.called_ns >= absl::ToInt64Nanoseconds(kLasted)) {
    stream.failures = 0;
  }
  HangUp(agent);
  const absl::Duration longest =
      std::min(kLongestRetry, options_.first_retry * std::exp2(std::min(stream.failures++, 16)));
  stream.due_ns = now_ns + absl::ToInt64Nanoseconds(
                               longest * std::uniform_real_distribution<>(0.5, 1)(jitter_));
  v1::AgentFailure failure = DescribeFailure(stream.member->target, status, phase);
  if (std::exchange(stream.told_cause, failure.cause()) == failure.cause()) return;
  *Emit(agent, UnixNowNs()).mutable_down() = std::move(failure);
}

void LiveFeed::EndSlow(uint32_t agent, uint64_t dropped_frames) {
  Stream& stream = streams_[agent];
  HangUp(agent);
  stream.due_ns = 0;
  v1::AgentFailure& failure = *Emit(agent, UnixNowNs()).mutable_down();
  failure.set_name(stream.member->target.name);
  failure.set_address(stream.member->target.address);
  failure.set_kind("slow");
  failure.set_cause(absl::StrCat("what it sends was not taken fast enough: ", dropped_frames,
                                 " frames dropped, beginning anew"));
}

void LiveFeed::HangUp(uint32_t agent) {
  Stream& stream = streams_[agent];
  if (stream.phase == Phase::kCalled) --unanswered_;
  stream.phase = Phase::kWaiting;
  inbox_->Start(agent, ++stream.attempt);  // nobody hears the call end
  stream.call.reset();
  stream.held.clear();
  stream.held_bytes = 0;
}

v1::RecordingEntry& LiveFeed::Emit(uint32_t agent, int64_t unix_ns) {
  last_unix_ns_ = std::max(last_unix_ns_, unix_ns);
  v1::RecordingEntry& entry = ready_.emplace_back();
  entry.set_agent(agent);
  entry.set_unix_ns(static_cast<uint64_t>(last_unix_ns_));
  return entry;
}

}  // namespace tcpfleet::controller
