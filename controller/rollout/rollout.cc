#include "controller/rollout/rollout.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "controller/fleet/host_list.h"
#include "controller/fleet/kernel_snapshots.h"
#include "controller/rollout/gates.h"
#include "controller/rollout/host_steps.h"

namespace tcpfleet::controller {
namespace {

// Well within kReservationLease.
constexpr absl::Duration kRenewPeriod = absl::Seconds(30);

using Readings = std::vector<KernelReading>;  // one per member of the fleet

bool HasEnded(const v1::RolloutHost& host) {
  return host.state() == host_state::kConfirmed || host.state() == host_state::kUnchanged;
}

google::protobuf::Timestamp TimestampOf(absl::Time time) {
  const timespec moment = absl::ToTimespec(time);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(moment.tv_sec);
  timestamp.set_nanos(static_cast<int32_t>(moment.tv_nsec));
  return timestamp;
}

class Rollout {
 public:
  Rollout(RolloutWorld& world, v1::RolloutReport& report)
      : world_(world), report_(report), steps_(world.fleet, world.clock, report) {
    std::map<std::string, const v1::PlannedHost*> planned;
    for (const v1::PlannedHost& host : report.plan().hosts()) planned[host.name()] = &host;
    std::map<std::string, size_t> members;
    for (size_t i = 0; i < world.fleet.size(); ++i) {
      members[world.fleet.members()[i].target.name] = i;
    }
    for (v1::RolloutWave& wave : *report.mutable_waves()) {
      RolloutTargets& targets = waves_.emplace_back();
      for (v1::RolloutHost& host : *wave.mutable_hosts()) {
        FleetMember& member = world.fleet.members()[members.at(host.name())];
        targets.push_back({&member, planned.at(host.name()), &host});
        all_.push_back(targets.back());
        hosts_[host.name()] = &host;
      }
    }
  }

  ExitCode Try() {
    steps_.Reserve(all_);
    steps_.Release(all_);
    report_.set_state(rollout_state::kPlanned);
    return FailureCode();
  }

  ExitCode Run() {
    const ExitCode code = RunAll();
    steps_.Release(all_);
    const absl::Status saved = world_.save(report_);
    if (saved.ok() || code != kOk) return code;
    report_.set_why(std::string(saved.message()));
    return kPartial;
  }

  absl::Status Resume() {
    RolloutTargets open;
    for (const RolloutTarget& target : all_) {
      if (!HasEnded(*target.host)) open.push_back(target);
    }
    report_.clear_failures();
    report_.clear_why();
    steps_.Look(open);
    if (report_.settings().manual_confirm()) {
      for (const RolloutTarget& target : open) {
        if (target.host->state() != host_state::kApplied) continue;
        return absl::FailedPreconditionError(
            absl::StrCat(target.host->name(), " waits to be confirmed: 'tcpfleet sysctl confirm ",
                         report_.plan().id().substr(0, 12), "'"));
      }
    }
    RolloutTargets unconfirmed;
    for (const RolloutTarget& target : open) {
      if (target.host->state() == host_state::kApplied) unconfirmed.push_back(target);
    }
    steps_.RollBack(unconfirmed, "the rollout was broken off");
    for (const RolloutTarget& target : unconfirmed) {
      if (target.host->state() != host_state::kRolledBack) continue;
      target.host->set_state(host_state::kWaiting);
      target.host->clear_transaction();
      target.host->clear_why();
    }
    for (v1::RolloutWave& wave : *report_.mutable_waves()) {
      const bool is_over = std::all_of(wave.hosts().begin(), wave.hosts().end(), HasEnded);
      wave.set_state(is_over ? wave_state::kConfirmed : wave_state::kWaiting);
      if (!is_over) wave.clear_gates();
    }
    return absl::OkStatus();
  }

 private:
  enum class WaveEnd { kGoOn, kStop };

  ExitCode RunAll() {
    report_.set_state(rollout_state::kRunning);
    if (const absl::Status saved = world_.save(report_); !saved.ok()) return Refuse(saved);
    steps_.Reserve(all_);
    if (world_.stop.stop_requested())
      return End(rollout_state::kInterrupted, "interrupted", kAborted);
    if (TooManyFailures()) {
      const bool resumed = std::any_of(all_.begin(), all_.end(), [](const RolloutTarget& target) {
        return target.host->state() == host_state::kConfirmed;
      });
      const char* const written = resumed ? "; nothing more was written" : "; nothing was written";
      return End(rollout_state::kRefused, absl::StrCat(FailureText(), written), FailureCode());
    }
    if (const absl::Status saved = world_.save(report_); !saved.ok()) return Refuse(saved);
    first_ = Snapshot();
    if (NeedsWaves() && !Wait(Soak())) {
      return End(rollout_state::kInterrupted, "interrupted", kAborted);
    }
    for (size_t i = 0; i < waves_.size(); ++i) {
      if (report_.waves(static_cast<int>(i)).state() == wave_state::kConfirmed) continue;
      if (RunWave(i) == WaveEnd::kStop) return stop_code_;
    }
    return End(rollout_state::kDone, FailureText(), FailureText().empty() ? kOk : kPartial);
  }

  WaveEnd RunWave(size_t index) {
    v1::RolloutWave& wave = *report_.mutable_waves(static_cast<int>(index));
    const Readings second = Snapshot();
    *wave.mutable_started_at() = TimestampOf(world_.clock.Now());
    if (!Enter(index, wave_state::kApplying)) return Fail(index, report_.why());
    if (world_.stop.stop_requested()) return Interrupt(index);
    steps_.Apply(waves_[index]);
    if (world_.stop.stop_requested()) return Interrupt(index);
    if (const std::string why = WhyWaveFailed(index); !why.empty()) return Fail(index, why);
    const bool any_applied = Count(index, host_state::kApplied) > 0;
    if (any_applied) {
      if (!Enter(index, wave_state::kSoaking)) return Fail(index, report_.why());
      if (!Wait(Soak())) return Interrupt(index);
      const bool passes = PassesGates(index, second);
      if (world_.stop.stop_requested()) return Interrupt(index);
      if (!passes) return Fail(index, GateText(wave));
      if (report_.settings().manual_confirm()) return LeaveToConfirm(index);
      steps_.Confirm(waves_[index]);
      if (const std::string why = WhyWaveFailed(index); !why.empty()) return Fail(index, why);
      first_ = second;
    }
    *wave.mutable_ended_at() = TimestampOf(world_.clock.Now());
    return Enter(index, wave_state::kConfirmed) ? WaveEnd::kGoOn : Stop(report_.why());
  }

  bool PassesGates(size_t index, const Readings& second) {
    v1::RolloutWave& wave = *report_.mutable_waves(static_cast<int>(index));
    wave.clear_gates();
    const Readings third = Snapshot();
    std::vector<GateHost> changed;
    std::vector<GateHost> others;
    for (size_t member = 0; member < third.size(); ++member) {
      const std::string& name = world_.fleet.members()[member].target.name;
      const GateHost host{name, &first_[member], &second[member], &third[member]};
      const absl::string_view state = StateOf(name);
      if (state == host_state::kApplied) {
        changed.push_back(host);
      } else if (state.empty() || state == host_state::kWaiting ||
                 state == host_state::kUnchanged) {
        others.push_back(host);
      }
    }
    for (v1::GateResult& gate : JudgeGates(changed, others)) *wave.add_gates() = std::move(gate);
    Tell(index);
    return std::none_of(wave.gates().begin(), wave.gates().end(),
                        [](const v1::GateResult& gate) { return gate.state() == "failed"; });
  }

  static std::string GateText(const v1::RolloutWave& wave) {
    return absl::StrJoin(wave.gates(), "; ", [](std::string* out, const v1::GateResult& gate) {
      if (gate.state() != "failed") return;
      absl::StrAppend(out, out->empty() ? "" : "; ", gate.name(), ": ", gate.why());
    });
  }

  // Rolls the wave back, or keeps it when that is wanted.
  WaveEnd Fail(size_t index, const std::string& why) {
    if (report_.settings().keep_failed_wave()) {
      steps_.Confirm(waves_[index]);
      report_.mutable_waves(static_cast<int>(index))->set_state(wave_state::kFailed);
    } else {
      TakeBack(index, why);
    }
    return Stop(why);
  }

  WaveEnd Interrupt(size_t index) {
    TakeBack(index, "interrupted");
    stop_code_ = End(rollout_state::kInterrupted, "interrupted", kAborted);
    return WaveEnd::kStop;
  }

  WaveEnd Stop(const std::string& why) {
    stop_code_ = End(rollout_state::kStopped, why, kAborted);
    return WaveEnd::kStop;
  }

  WaveEnd LeaveToConfirm(size_t index) {
    report_.set_why(absl::StrCat("wave ", index + 1,
                                 " waits to be confirmed: 'tcpfleet sysctl confirm ",
                                 report_.plan().id().substr(0, 12), "', then apply --resume"));
    stop_code_ = kOk;
    return WaveEnd::kStop;
  }

  void TakeBack(size_t index, const std::string& why) {
    v1::RolloutWave& wave = *report_.mutable_waves(static_cast<int>(index));
    steps_.RollBack(waves_[index], why);
    const bool is_clean =
        std::none_of(wave.hosts().begin(), wave.hosts().end(), [](const v1::RolloutHost& host) {
          return host.state() == host_state::kUnreachable && !host.transaction().empty();
        });
    wave.set_state(is_clean ? wave_state::kRolledBack : wave_state::kFailed);
    *wave.mutable_ended_at() = TimestampOf(world_.clock.Now());
    Tell(index);
  }

  // False, and why, when that cannot be written down.
  bool Enter(size_t index, const char* state) {
    report_.mutable_waves(static_cast<int>(index))->set_state(state);
    Tell(index);
    const absl::Status saved = world_.save(report_);
    if (!saved.ok()) report_.set_why(std::string(saved.message()));
    return saved.ok();
  }

  void Tell(size_t index) {
    if (world_.on_wave) world_.on_wave(report_, index);
  }

  ExitCode Refuse(const absl::Status& status) {
    return End(rollout_state::kRefused, std::string(status.message()), kRefused);
  }

  ExitCode End(const char* state, const std::string& why, ExitCode code) {
    report_.set_state(state);
    report_.set_why(why);
    return code;
  }

  absl::Duration Soak() const { return absl::Seconds(report_.settings().soak_seconds()); }

  // False when interrupted.
  bool Wait(absl::Duration time) {
    const int64_t end_ns = world_.clock.MonotonicNs() + absl::ToInt64Nanoseconds(time);
    for (;;) {
      const int64_t next_ns =
          std::min(end_ns, world_.clock.MonotonicNs() + absl::ToInt64Nanoseconds(kRenewPeriod));
      if (!world_.clock.SleepUntil(next_ns, world_.stop)) return false;
      if (next_ns == end_ns) return !world_.stop.stop_requested();
      steps_.Renew(all_);
    }
  }

  Readings Snapshot() {
    if (report_.settings().soak_seconds() == 0) {
      return Readings(world_.fleet.size(), absl::FailedPreconditionError("there was no soak"));
    }
    v1::SnapshotKernelRequest request;
    request.add_parts(v1::SnapshotKernelRequest::PART_COUNTERS);
    return SnapshotKernels(world_.fleet, request, world_.stop);
  }

  bool NeedsWaves() const {
    return std::any_of(all_.begin(), all_.end(), [](const RolloutTarget& target) {
      return target.host->state() == host_state::kWaiting;
    });
  }

  // Empty for members without a part in the plan.
  absl::string_view StateOf(const std::string& name) const {
    const auto found = hosts_.find(name);
    return found == hosts_.end() ? absl::string_view() : absl::string_view(found->second->state());
  }

  size_t Count(size_t index, absl::string_view state) const {
    return static_cast<size_t>(
        std::count_if(waves_[index].begin(), waves_[index].end(),
                      [&](const RolloutTarget& target) { return target.host->state() == state; }));
  }

  std::string WhyWaveFailed(size_t index) const {
    if (TooManyFailures() || Count(index, host_state::kDamaged) > 0) return FailureText();
    // Hosts that could not be changed show nothing about the change, above all a canary.
    const bool none_left =
        std::all_of(waves_[index].begin(), waves_[index].end(),
                    [](const RolloutTarget& target) { return HasFailed(*target.host); });
    return none_left ? absl::StrCat("no host of the wave was changed: ", FailureText()) : "";
  }

  bool TooManyFailures() const {
    return std::count_if(all_.begin(), all_.end(), [](const RolloutTarget& target) {
             return HasFailed(*target.host);
           }) > report_.settings().max_fail();
  }

  // "web[1-3] (3): refused: ...; db1: unreachable: ..."
  std::string FailureText() const {
    std::map<std::string, std::vector<std::string>> names;
    for (const RolloutTarget& target : all_) {
      if (!HasFailed(*target.host)) continue;
      names[absl::StrCat(target.host->state(), ": ", target.host->why())].push_back(
          target.host->name());
    }
    return absl::StrJoin(names, "; ", [](std::string* out, const auto& entry) {
      absl::StrAppend(out, FoldNames(entry.second), ": ", entry.first);
    });
  }

  ExitCode FailureCode() const {
    ExitCode code = kOk;
    for (const RolloutTarget& target : all_) {
      if (target.host->state() == host_state::kRefused) return kRefused;
      if (HasFailed(*target.host)) code = kPartial;
    }
    return code;
  }

  RolloutWorld& world_;
  v1::RolloutReport& report_;
  HostSteps steps_;
  std::vector<RolloutTargets> waves_;
  RolloutTargets all_;
  std::map<std::string, const v1::RolloutHost*> hosts_;
  Readings first_;
  ExitCode stop_code_ = kOk;
};

}  // namespace

ExitCode TryRollout(RolloutWorld& world, v1::RolloutReport& report) {
  return Rollout(world, report).Try();
}

ExitCode RunRollout(RolloutWorld& world, v1::RolloutReport& report) {
  return Rollout(world, report).Run();
}

absl::Status ResumeRollout(RolloutWorld& world, v1::RolloutReport& report) {
  return Rollout(world, report).Resume();
}

}  // namespace tcpfleet::controller
