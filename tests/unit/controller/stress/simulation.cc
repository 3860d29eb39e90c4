#include "tests/unit/controller/stress/simulation.h"

#include "common/sockets/frame_encoder.h"
#include "common/stats/histogram_proto.h"

namespace tcpfleet::tests {

using controller::OnDone;
using controller::OnMessage;

bool SimulatedClock::SleepUntil(int64_t deadline_ns, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  sleeping_ = deadline_ns > MonotonicNs();
  deadline_ns_ = deadline_ns;
  changed_.notify_all();
  changed_.wait(lock, stop, [&] { return MonotonicNs() >= deadline_ns; });
  return !stop.stop_requested();
}

void SimulatedClock::AdvanceTo(int64_t now_ns) {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return sleeping_; });
    if (deadline_ns_ > now_ns) break;
    now_ns_.store(deadline_ns_);
    sleeping_ = false;
    changed_.notify_all();
  }
  now_ns_.store(std::max(now_ns_.load(), now_ns));
}

void SimulatedInbox::HoldBackUntil(int64_t time_ns) {
  while (!actions_.empty() && actions_.begin()->first < time_ns) {
    auto action = actions_.extract(actions_.begin());
    action.key() = time_ns;
    actions_.insert(std::move(action));
  }
}

bool SimulatedInbox::Push(controller::RunEvent event) {
  if (full) return false;
  events_.push_back(std::move(event));
  return true;
}

std::optional<controller::RunEvent> SimulatedInbox::PopUntil(int64_t deadline_ns) {
  const auto is_due = [&](int64_t time_ns) {
    return time_ns <= std::max(deadline_ns, clock_.MonotonicNs());
  };
  while (events_.empty() && !actions_.empty() && is_due(actions_.begin()->first)) {
    auto action = actions_.extract(actions_.begin());
    clock_.AdvanceTo(action.key());
    action.mapped()();
  }
  if (events_.empty()) {
    clock_.AdvanceTo(deadline_ns);
    return std::nullopt;
  }
  std::optional<controller::RunEvent> oldest(std::move(events_.front()));
  events_.erase(events_.begin());
  return oldest;
}

// One run of a scripted agent. Shared with the actions that are still to come.
class ScriptedRun : public std::enable_shared_from_this<ScriptedRun> {
 public:
  ScriptedRun(ScriptedAgent& agent, OnMessage<v1::RunResponse> on_message, OnDone on_done)
      : agent_(agent),
        script_(agent.script_),
        on_message_(std::move(on_message)),
        on_done_(std::move(on_done)) {}

  bool Send(const v1::RunRequest& request) {
    if (request.has_heartbeat()) {
      ++agent_.heartbeats;
      return true;
    }
    if (ended_) return false;
    if (request.has_prepare()) Prepare(request.prepare());
    if (request.has_start()) Start(request.start().monotonic_ns() - script_.clock_offset_ns);
    if (request.has_stop()) Stop();
    return true;
  }

  void Cancel() {
    ++agent_.cancels;
    End(absl::CancelledError("cancelled"));
  }

  void Abandon() { ended_ = true; }

 private:
  void After(int64_t delay_ns, void (ScriptedRun::*action)()) {
    agent_.simulation_.After(delay_ns, [self = shared_from_this(), action] {
      if (!self->ended_) (*self.*action)();
    });
  }
  void Say(v1::RunResponse response) {
    const int64_t silent_from_ns = script_.silent_from_ns.value_or(INT64_MAX / 2);
    if (!ended_ && (start_ns_ == 0 || Elapsed() < silent_from_ns)) on_message_(std::move(response));
  }
  void End(const absl::Status& status) {
    if (std::exchange(ended_, true)) return;
    on_done_(status);
  }
  int64_t Elapsed() const { return agent_.simulation_.clock().MonotonicNs() - start_ns_; }
  bool Due(const std::optional<int64_t>& time_ns) const {
    return time_ns.has_value() && Elapsed() >= *time_ns;
  }
  bool is_client() const { return spec_.role() == v1::StressSpec::ROLE_CLIENT; }

  void Prepare(const v1::StressSpec& spec) {
    spec_ = spec;
    agent_.prepared.push_back(spec);
    if (!script_.ignores_prepare) After(kMs, &ScriptedRun::AnswerPrepare);
  }

  void AnswerPrepare() {
    if (!script_.refusal.ok()) return End(script_.refusal);
    v1::RunResponse response;
    response.mutable_prepared()->set_threads(1);
    if (!is_client()) response.mutable_prepared()->set_listen_port(script_.listen_port);
    for (const std::string& blocker : script_.blockers) {
      response.mutable_prepared()->add_blockers(blocker);
    }
    if (spec_.describe_settings()) {
      (*response.mutable_prepared()->mutable_settings())["net.core.somaxconn"] = "4096";
    }
    Say(std::move(response));
  }

  void Start(int64_t start_ns) {
    start_ns_ = start_ns;
    agent_.starts_ns.push_back(start_ns);
    v1::RunResponse armed;
    armed.mutable_armed()->set_ahead_ns(script_.is_late ? -5 * kMs : 100 * kMs);
    Say(std::move(armed));
    if (script_.is_late) return;
    const int64_t lead_ns = start_ns - agent_.simulation_.clock().MonotonicNs();
    After(lead_ns + script_.first_connect_ns, &ScriptedRun::SayStarted);
    After(lead_ns + int64_t{spec_.interval_ms()} * kMs, &ScriptedRun::Tick);
  }

  void SayStarted() {
    v1::RunResponse response;
    v1::Started& started = *response.mutable_started();
    if (is_client()) {
      started.set_first_connect_monotonic_ns(start_ns_ + script_.first_connect_ns +
                                             script_.clock_offset_ns);
      started.mutable_socket_options()->set_no_delay(true);
    }
    Say(std::move(response));
  }

  void Tick() {
    if (Due(script_.dies_at_ns)) return End(absl::UnavailableError("Socket closed"));
    if (Due(script_.leaves_at_ns)) return Finish(v1::Finished::CAUSE_AGENT_STOPPING);
    if (Due(script_.sends_bad_frame_at_ns)) SayBadFrame();
    const auto planned_ns =
        static_cast<int64_t>(spec_.warmup_ms() + spec_.duration_ms() + spec_.cooldown_ms()) * kMs;
    SayProgress();
    if (Elapsed() >= planned_ns && !script_.never_finishes) return Finish(v1::Finished::CAUSE_DONE);
    After(int64_t{spec_.interval_ms()} * kMs, &ScriptedRun::Tick);
  }

  void SayProgress() {
    v1::RunResponse response;
    v1::Progress& progress = *response.mutable_progress();
    const int64_t measured_ns = Elapsed() - static_cast<int64_t>(spec_.warmup_ms()) * kMs;
    progress.set_monotonic_ns(start_ns_ + Elapsed());
    progress.set_measured(measured_ns > 0);
    v1::RunCounters& counters = *progress.mutable_counters();
    if (is_client()) {
      const uint64_t operations = script_.operations_per_second *
                                  static_cast<uint64_t>(measured_ns > 0 ? measured_ns : Elapsed()) /
                                  kSecond;
      counters.set_attempted(operations);
      counters.set_succeeded(operations);
      counters.set_active(spec_.connections());
      stats::Histogram latency;
      for (uint64_t i = 0; i < operations - (progress.measured() ? reported_ : 0); ++i)
        latency.Record(script_.latency_ns);
      if (progress.measured()) reported_ = operations;
      *progress.mutable_connect_latency() = stats::ToDelta(latency);
      for (int i = 0; spec_.per_target() && i < spec_.targets_size(); ++i) {
        v1::TargetProgress& target = *progress.add_targets();
        target.set_attempted(operations / static_cast<uint64_t>(spec_.targets_size()));
        target.set_succeeded(target.attempted());
      }
      if (Due(script_.sends_bad_delta_at_ns)) progress.mutable_connect_latency()->add_counts(1);
    } else {
      counters.set_connections_accepted(77);
    }
    counters.set_measured_seconds(static_cast<double>(std::max<int64_t>(0, measured_ns)) / 1e9);
    Say(std::move(response));
    if (is_client() && spec_.tcp_info_connections() > 0) SayFrame();
  }

  void SayFrame() {
    std::vector<sockets::ConnectionSample> live(spec_.connections());
    for (size_t i = 0; i < live.size(); ++i) {
      live[i].identity.cookie = i + 1;
      live[i].identity.remote.port = 80;
      live[i].values.Set(sockets::Field::kRtt, 200);
    }
    sockets::ConnectionPoll poll;
    poll.sequence = ++polls_;
    poll.monotonic_ns = agent_.simulation_.clock().MonotonicNs();
    poll.live = live;
    v1::RunResponse response;
    *response.mutable_connections() = encoder_.Encode(poll);
    Say(std::move(response));
  }

  void SayBadFrame() {
    v1::RunResponse response;
    response.mutable_connections()->set_keyframe(true);
    response.mutable_connections()->set_rows_size(1'000);
    response.mutable_connections()->set_rows_zstd("no zstd");
    Say(std::move(response));
  }

  void Stop() {
    ++agent_.stops;
    if (!script_.ignores_stop) After(kMs, &ScriptedRun::FinishStopped);
  }
  void FinishStopped() {
    if (start_ns_ != 0) SayProgress();
    Finish(v1::Finished::CAUSE_STOPPED);
  }

  void Finish(v1::Finished::Cause cause) {
    v1::RunResponse response;
    response.mutable_finished()->set_cause(cause);
    Say(std::move(response));
    if (!script_.silent_from_ns.has_value()) End(absl::OkStatus());
  }

  ScriptedAgent& agent_;
  const Script& script_;
  const OnMessage<v1::RunResponse> on_message_;
  const OnDone on_done_;
  v1::StressSpec spec_;
  int64_t start_ns_ = 0;
  uint64_t reported_ = 0;
  uint64_t polls_ = 0;
  sockets::FrameEncoder encoder_;
  bool ended_ = false;
};

namespace {

class ScriptedCall final : public controller::RunCall {
 public:
  explicit ScriptedCall(std::shared_ptr<ScriptedRun> run) : run_(std::move(run)) {}
  ~ScriptedCall() override { run_->Abandon(); }
  bool Send(v1::RunRequest request) override { return run_->Send(request); }
  void Cancel() override { run_->Cancel(); }

 private:
  const std::shared_ptr<ScriptedRun> run_;
};

}  // namespace

std::unique_ptr<controller::RunCall> ScriptedAgent::Run(OnMessage<v1::RunResponse> on_message,
                                                        OnDone on_done) {
  return std::make_unique<ScriptedCall>(
      std::make_shared<ScriptedRun>(*this, std::move(on_message), std::move(on_done)));
}

}  // namespace tcpfleet::tests
