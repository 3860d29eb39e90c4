#include "controller/stress/session.h"

#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/fleet/failure.h"
#include "controller/stress/report.h"

namespace tcpfleet::controller {
namespace {

// Who answered, with a role, and who did not.
struct Cast {
  RunInput input;
  std::vector<v1::AgentFailure> missing;
  bool server_missing = false;
};

Cast AssembleCast(Fleet& fleet, const StressOptions& options, const Roles& roles,
                  const std::vector<Hello>& hellos) {
  Cast cast;
  cast.input.spec = options.spec;
  cast.input.shares = roles.clients.size();
  cast.input.links = roles.links;
  cast.input.force = options.force;
  if (options.abort_on_fail) cast.input.abort_on = options.thresholds;
  const auto members = fleet.members();
  for (size_t i = 0; i < members.size(); ++i) {
    if (!hellos[i].host.ok()) {
      cast.missing.push_back(DescribeFailure(members[i].target, hellos[i].host.status()));
    }
  }
  const auto seat = [&](size_t member) {
    RunSeat added;
    added.target = members[member].target;
    added.client = members[member].client.get();
    added.host = *hellos[member].host;
    added.clock = hellos[member].clock;
    return added;
  };
  for (size_t i = 0; i < roles.servers.size(); ++i) {
    const ServerRole& server = roles.servers[i];
    if (!hellos[server.member].host.ok()) {
      cast.server_missing = true;
      continue;
    }
    RunSeat& added = cast.input.servers.emplace_back(seat(server.member));
    added.data_address = server.data_address;
    added.spec = ServerSpec(options.spec, roles, i, added.host.limits().max_duration_seconds());
  }
  for (size_t share = 0; share < roles.clients.size(); ++share) {
    if (!hellos[roles.clients[share]].host.ok()) continue;
    cast.input.clients.emplace_back(seat(roles.clients[share])).share = share;
  }
  return cast;
}

// Servers first, as participants are.
std::vector<v1::SavedHost> HostsOf(const RunInput& input) {
  std::vector<v1::SavedHost> hosts;
  const auto add = [&](const std::vector<RunSeat>& seats, const char* role) {
    for (const RunSeat& seat : seats) {
      v1::SavedHost& host = hosts.emplace_back();
      host.set_name(seat.target.name);
      host.set_role(role);
      *host.mutable_host() = seat.host;
    }
  };
  add(input.servers, "server");
  add(input.clients, "client");
  return hosts;
}

std::vector<v1::SavedHistogram> HistogramsOf(const RunOutcome& outcome) {
  v1::RunResult ignored;
  RunHistograms merged;
  for (const Participant& participant : outcome.participants) {
    if (participant.is_client()) participant.measurement().AddTo(ignored, merged);
  }
  std::vector<v1::SavedHistogram> saved;
  const auto add = [&](const char* name, const MergedHistogram& histogram) {
    if (histogram.empty()) return;
    v1::SavedHistogram& added = saved.emplace_back();
    added.set_name(name);
    *added.mutable_histogram() = histogram.ToDelta();
  };
  add("connectLatency", merged.connect_ns);
  add("responseLatency", merged.response_ns);
  add("serviceLatency", merged.service_ns);
  add("sendLateness", merged.lateness_ns);
  return saved;
}

class Observers final : public RunObserver {
 public:
  explicit Observers(std::vector<RunObserver*> observers) : observers_(std::move(observers)) {}
  void OnInterval(const RunView& view) override {
    for (RunObserver* const observer : observers_) {
      if (observer != nullptr) observer->OnInterval(view);
    }
  }

 private:
  const std::vector<RunObserver*> observers_;
};

}  // namespace

void IntervalCollector::OnInterval(const RunView& view) {
  if (seen_++ % stride_ != 0) return;
  kept_.push_back(BuildInterval(view));
  FillDistributions(view.interval, *kept_.back().mutable_interval());
  const size_t agents = static_cast<size_t>(kept_.back().agents_size());
  if (kept_.size() <= kMostKeptIntervals && kept_.size() * agents <= kMostKeptResults) return;
  std::vector<v1::StressInterval> every_second;
  for (size_t i = 0; i < kept_.size(); i += 2) every_second.push_back(std::move(kept_[i]));
  kept_ = std::move(every_second);
  stride_ *= 2;
}

absl::StatusOr<SessionRun> StressSession::Run(const StressOptions& options, RunObserver* observer) {
  const std::vector<Hello> hellos = SayHello(fleet_, clock_, interrupt_);
  std::vector<AgentTarget> agents;
  for (const FleetMember& member : fleet_.members()) agents.push_back(member.target);
  std::vector<std::string> own_names;
  for (const Hello& hello : hellos) {
    own_names.push_back(hello.host.ok() ? hello.host->name() : std::string());
  }
  const absl::StatusOr<Roles> roles = AssignRoles(agents, own_names, options);
  if (!roles.ok()) {
    // Names of agents that were not asked any more are not mistakes.
    return interrupted() ? absl::CancelledError("interrupted") : roles.status();
  }

  Cast cast = AssembleCast(fleet_, options, *roles, hellos);
  SessionRun done;
  done.hosts = HostsOf(cast.input);
  RunOutcome outcome;
  outcome.start_time = clock_.Now();
  if (interrupted()) {
    outcome.end = RunEnd::kInterrupted;
  } else if (cast.server_missing) {
    outcome.end = RunEnd::kServerMissing;
  } else if (cast.input.clients.empty()) {
    outcome.end = RunEnd::kNoClient;
  } else {
    IntervalCollector collector;
    Observers observers({observer, &collector});
    QueueInbox inbox;
    outcome = StressRun(std::move(cast.input), clock_, inbox, &observers).Run(interrupt_);
    done.intervals = collector.Take();
    for (size_t i = 0; i < outcome.participants.size(); ++i) {
      *done.hosts[i].mutable_settings() = outcome.participants[i].preparation().settings();
    }
    done.histograms = HistogramsOf(outcome);
  }
  done.report = BuildReport(options, outcome, cast.missing);
  done.exit_code = JudgeRun(outcome, done.report).exit_code;
  return done;
}

}  // namespace tcpfleet::controller
