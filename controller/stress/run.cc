#include "controller/stress/run.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <random>
#include <utility>

#include "controller/stress/client_parts.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/report.h"

namespace tcpfleet::controller {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kCheckPeriodNs = 100 * kNsPerMs;
constexpr int kMostEventsBetweenChecks = 10'000;
// Checks further apart mean that this process was stopped or starved.
constexpr int64_t kPauseNs = 1'000 * kNsPerMs;
// Reports of an interval are on their way for a while after it has ended.
constexpr int64_t kLongestViewLagNs = 200 * kNsPerMs;

// Tells the runs of one controller from those of others.
std::string NewRunToken() {
  constexpr size_t kBytes = 16;
  std::random_device random;
  std::string token(kBytes, '\0');
  for (char& byte : token) byte = static_cast<char>(random());
  return token;
}

void SendStop(RunCall& call) {
  v1::RunRequest request;
  request.mutable_stop();
  call.Send(std::move(request));
}

}  // namespace

StressRun::StressRun(RunInput input, base::Clock& clock, RunInbox& inbox, RunObserver* observer)
    : input_(std::move(input)),
      clock_(clock),
      inbox_(inbox),
      observer_(observer),
      interval_ns_(int64_t{input_.spec.interval_ms()} * kNsPerMs),
      planned_ns_(static_cast<int64_t>(input_.spec.warmup_ms() + input_.spec.duration_ms() +
                                       input_.spec.cooldown_ms()) *
                  kNsPerMs),
      run_token_(NewRunToken()),
      heartbeats_(clock) {
  interval_.open_loop = IsOpenLoop(input_.spec);
}

RunOutcome StressRun::Run(const std::stop_token& interrupt) {
  const std::stop_callback wake(interrupt, [this] { inbox_.Push({}); });
  const RunEnd end = RunPhases(interrupt);
  const bool is_early = end == RunEnd::kInterrupted || end == RunEnd::kAborted;
  if (is_early && start_ns_.has_value()) StopEarly();
  return TakeOutcome(end);
}

// Clients first: what they still have under way must not fail because their server is gone.
void StressRun::StopEarly() {
  const size_t servers = input_.servers.size();
  const int64_t now_ns = clock_.MonotonicNs();
  StopAll(servers, seats_.size());
  Await(servers, seats_.size(), &Participant::ended, now_ns + kInterruptGraceNs * 3 / 4, {});
  StopAll(0, servers);
  Await(0, seats_.size(), &Participant::ended, now_ns + kInterruptGraceNs, {});
  FailMissing(0, seats_.size(), &Participant::ended, "silent", "did not answer Stop within 2 s");
}

RunEnd StressRun::RunPhases(const std::stop_token& interrupt) {
  for (RunSeat& server : input_.servers) AddSeat(server, v1::StressSpec::ROLE_SERVER);
  for (RunSeat& client : input_.clients) AddSeat(client, v1::StressSpec::ROLE_CLIENT);
  const size_t servers = input_.servers.size();
  const auto ready = [&](size_t first, size_t end) {
    const Waited waited = Await(first, end, &Participant::settled,
                                clock_.MonotonicNs() + kPrepareDeadlineNs, interrupt);
    if (waited == Waited::kDeadline) {
      FailMissing(first, end, &Participant::settled, "silent", "did not get ready within 10 s");
    }
    return waited != Waited::kInterrupted;
  };
  const auto count_prepared = [&](size_t first, size_t end) {
    return end - first - CountMissing(first, end, &Participant::prepared);
  };

  for (size_t i = 0; i < servers; ++i) Prepare(seats_[i], input_.servers[i].spec);
  if (!ready(0, servers)) return RunEnd::kInterrupted;
  if (count_prepared(0, servers) < servers) return RunEnd::kServerMissing;

  PrepareClients();
  if (!ready(servers, seats_.size())) return RunEnd::kInterrupted;
  if (count_prepared(servers, seats_.size()) == 0) return RunEnd::kNoClient;
  if (!input_.force && IsBlocked()) return RunEnd::kBlocked;

  StartAll();
  const Waited waited = Await(servers, seats_.size(), &Participant::ended,
                              *start_ns_ + planned_ns_ + kFinishGraceNs, interrupt);
  if (waited == Waited::kInterrupted) return RunEnd::kInterrupted;
  if (waited == Waited::kAborted) return RunEnd::kAborted;
  FailMissing(servers, seats_.size(), &Participant::ended, "silent",
              "had not finished 3 s after the planned end");
  StopAll(0, servers);
  Await(0, servers, &Participant::ended, clock_.MonotonicNs() + kFinishGraceNs, {});
  FailMissing(0, servers, &Participant::ended, "silent", "did not answer Stop within 3 s");
  return RunEnd::kCompleted;
}

void StressRun::AddSeat(RunSeat& seat, v1::StressSpec::Role role) {
  seats_.push_back({Participant(seat.target, seat.host, seat.clock, role), seat.client,
                    std::make_shared<std::atomic<bool>>(false), nullptr});
}

void StressRun::Prepare(Seat& seat, const v1::StressSpec& spec) {
  const auto index = static_cast<size_t>(&seat - seats_.data());
  const auto deliver = [this, index, overflowed = seat.overflowed](auto what) {
    if (!inbox_.Push({index, std::move(what)})) overflowed->store(true);
  };
  seat.participant.Prepare(clock_.MonotonicNs());
  seat.call =
      seat.client->Run([deliver](v1::RunResponse response) { deliver(std::move(response)); },
                       [deliver](absl::Status status) { deliver(std::move(status)); });
  v1::RunRequest request;
  *request.mutable_prepare() = spec;
  request.mutable_prepare()->set_run_token(run_token_);
  request.mutable_prepare()->set_describe_settings(true);
  // When it does not take the message, its end tells why.
  seat.call->Send(std::move(request));
  heartbeats_.Add(seat.call.get());
}

void StressRun::PrepareClients() {
  std::vector<uint32_t> ports;
  for (size_t i = 0; i < input_.servers.size(); ++i) {
    ports.push_back(seats_[i].participant.preparation().listen_port());
  }
  const std::vector<ClientPart> parts = ClientParts(input_, ports);
  for (size_t i = 0; i < input_.clients.size(); ++i) {
    const ClientPart& part = parts[input_.clients[i].share];
    Seat& seat = seats_[input_.servers.size() + i];
    seat.participant.Expect(part.spec, part.path_names);
    Prepare(seat, part.spec);
  }
}

bool StressRun::IsBlocked() const {
  return std::any_of(seats_.begin(), seats_.end(), [](const Seat& seat) {
    return !seat.participant.ended() && !seat.participant.preparation().blockers().empty();
  });
}

void StressRun::StartAll() {
  int64_t worst_round_trip_ns = 0;
  for (const Seat& seat : seats_) {
    worst_round_trip_ns =
        std::max(worst_round_trip_ns, seat.participant.clock().largest_round_trip_ns);
  }
  const int64_t now_ns = clock_.MonotonicNs();
  const int64_t lead_ns = std::max(kLeastStartLeadNs, 3 * worst_round_trip_ns);
  start_ns_ = now_ns + lead_ns;
  start_time_ = clock_.Now() + absl::Nanoseconds(lead_ns);
  next_view_ns_ = *start_ns_ + interval_ns_ + std::min(interval_ns_ / 4, kLongestViewLagNs);
  for (Seat& seat : seats_) {
    if (!seat.participant.prepared()) continue;
    v1::RunRequest request;
    *request.mutable_start() = seat.participant.Start(*start_ns_, now_ns);
    seat.call->Send(std::move(request));
  }
}

void StressRun::StopAll(size_t first, size_t end) {
  for (size_t i = first; i < end; ++i) {
    Seat& seat = seats_[i];
    if (seat.participant.ended()) continue;
    seat.participant.Stop();
    SendStop(*seat.call);
  }
}

StressRun::Waited StressRun::Await(size_t first, size_t end, Goal goal, int64_t deadline_ns,
                                   const std::stop_token& interrupt) {
  size_t missing = CountMissing(first, end, goal);
  int handled = 0;
  while (missing > 0) {
    if (interrupt.stop_requested()) return Waited::kInterrupted;
    const auto event = inbox_.PopUntil(std::min(deadline_ns, next_check_ns_));
    if (event.has_value()) missing -= HandleTowards(*event, first, end, goal) ? 1 : 0;
    // After a pause of this process what waits is heard first, or everybody would seem silent.
    if (event.has_value() && ++handled < kMostEventsBetweenChecks) continue;
    handled = 0;
    const int64_t now_ns = clock_.MonotonicNs();
    if (next_check_ns_ > 0 && now_ns - next_check_ns_ > kPauseNs) {
      resumed_ns_ = now_ns;
      deadline_ns = std::max(deadline_ns, now_ns + kLeastSilenceNs);
    }
    if (now_ns >= deadline_ns) return missing == 0 ? Waited::kReached : Waited::kDeadline;
    if (now_ns < next_check_ns_) continue;
    next_check_ns_ = now_ns + kCheckPeriodNs;
    EndBrokenSeats();
    if (CloseInterval() || HasLostItsServers()) return Waited::kAborted;
    missing = CountMissing(first, end, goal);
  }
  return Waited::kReached;
}

bool StressRun::HandleTowards(const RunEvent& event, size_t first, size_t end, Goal goal) {
  if (std::holds_alternative<std::monostate>(event.what)) return false;
  const Participant& participant = seats_[event.seat].participant;
  const bool had_reached = (participant.*goal)();
  HandleEvent(event);
  return event.seat >= first && event.seat < end && !had_reached && (participant.*goal)();
}

size_t StressRun::CountMissing(size_t first, size_t end, Goal goal) const {
  return static_cast<size_t>(
      std::count_if(seats_.data() + first, seats_.data() + end,
                    [goal](const Seat& seat) { return !(seat.participant.*goal)(); }));
}

void StressRun::FailMissing(size_t first, size_t end, Goal goal, absl::string_view kind,
                            absl::string_view cause) {
  for (size_t i = first; i < end; ++i) {
    Seat& seat = seats_[i];
    if ((seat.participant.*goal)()) continue;
    seat.participant.Fail(kind, cause);
    if (seat.call != nullptr) seat.call->Cancel();
  }
}

void StressRun::HandleEvent(const RunEvent& event) {
  Seat& seat = seats_[event.seat];
  Participant& participant = seat.participant;
  if (participant.ended()) return;
  if (const auto* const status = std::get_if<absl::Status>(&event.what); status != nullptr) {
    return participant.HandleEnd(*status);
  }
  const auto& response = std::get<v1::RunResponse>(event.what);
  const uint64_t active_before = participant.measurement().live().active;
  participant.Handle(response, clock_.MonotonicNs());
  if (participant.failure().has_value()) return seat.call->Cancel();
  if (participant.is_client() && response.has_progress()) {
    HandleClientProgress(response.progress(), active_before,
                         participant.measurement().live().active);
  }
}

void StressRun::HandleClientProgress(const v1::Progress& progress, uint64_t active_before,
                                     uint64_t active_after) {
  // The participant has merged the same deltas, so these are well formed.
  interval_.Add(progress).IgnoreError();
  active_ += active_after - active_before;
  peak_active_ = std::max(peak_active_, active_);
}

void StressRun::EndBrokenSeats() {
  const int64_t patience_ns = std::max(kLeastSilenceNs, 3 * interval_ns_);
  const int64_t now_ns = clock_.MonotonicNs();
  // What agents said during a pause of this process may still be on its way through gRPC.
  const bool is_catching_up = resumed_ns_ > 0 && now_ns - resumed_ns_ < kLeastSilenceNs;
  for (Seat& seat : seats_) {
    if (seat.participant.ended()) continue;
    if (seat.overflowed->load()) {
      seat.participant.Fail(
          "failed", "sent more than this controller could take in: its numbers are not whole");
    } else if (seat.participant.IsSilent(now_ns, patience_ns) && !is_catching_up) {
      seat.participant.Fail("silent", absl::StrCat("nothing was heard of it for ",
                                                   patience_ns / 1'000'000'000, " s"));
    } else {
      continue;
    }
    if (seat.call != nullptr) seat.call->Cancel();
  }
}

bool StressRun::CloseInterval() {
  const int64_t now_ns = clock_.MonotonicNs();
  if (!start_ns_.has_value() || now_ns < next_view_ns_) return false;
  std::vector<const Participant*> participants;
  for (const Seat& seat : seats_) participants.push_back(&seat.participant);
  if (observer_ != nullptr) {
    observer_->OnInterval({participants, interval_, peak_active_, now_ns - *start_ns_, planned_ns_,
                           input_.spec.workload()});
  }
  interval_.Clear();
  // After a pause, for example in a debugger, views are skipped and not made up for.
  next_view_ns_ += (now_ns - next_view_ns_) / interval_ns_ * interval_ns_ + interval_ns_;
  return EndsByThreshold(participants);
}

bool StressRun::HasLostItsServers() {
  const size_t servers = input_.servers.size();
  const bool is_lost = !has_lost_servers_ && start_ns_.has_value() && servers > 0 &&
                       input_.spec.targets().empty() &&
                       CountMissing(0, servers, &Participant::ended) == 0 &&
                       CountMissing(servers, seats_.size(), &Participant::ended) > 0;
  has_lost_servers_ |= is_lost;
  return is_lost;
}

bool StressRun::EndsByThreshold(const std::vector<const Participant*>& participants) {
  const size_t servers = input_.servers.size();
  if (input_.abort_on.empty() || !broken_.empty() ||
      CountMissing(servers, seats_.size(), &Participant::ended) == 0) {
    return false;
  }
  v1::StressReport so_far;
  *so_far.mutable_total() = TotalOf(participants, peak_active_);
  if (so_far.total().measured_seconds() <= 0) return false;
  SetStartSkew(participants, so_far);
  for (const Threshold& threshold : input_.abort_on) {
    const v1::ThresholdResult result = threshold.Check(so_far);
    if (result.has_observed() && !result.passed() && !threshold.MayRecover(result.observed())) {
      broken_.push_back(result);
    }
  }
  return !broken_.empty();
}

RunOutcome StressRun::TakeOutcome(RunEnd end) {
  heartbeats_.Stop();
  RunOutcome outcome;
  outcome.end = end;
  outcome.start_ns = start_ns_;
  outcome.start_time = start_ns_.has_value() ? start_time_ : clock_.Now();
  outcome.peak_active = peak_active_;
  outcome.aborted_by = std::move(broken_);
  if (start_ns_.has_value())
    outcome.elapsed_ns = std::max<int64_t>(0, clock_.MonotonicNs() - *start_ns_);
  for (Seat& seat : seats_) seat.call.reset();  // waits for the last callback
  for (Seat& seat : seats_) outcome.participants.push_back(std::move(seat.participant));
  return outcome;
}

}  // namespace tcpfleet::controller
