#include "agent/load/run_supervisor.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "agent/kernel/settings.h"
#include "agent/load/client_worker.h"
#include "agent/load/load_wish.h"
#include "agent/load/preflight.h"
#include "agent/load/server_worker.h"
#include "agent/load/socket_options.h"
#include "common/base/clock.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/net_namespace.h"
#include "common/sys/thread.h"

namespace tcpfleet::agent {
namespace {

// Started waits this long for the first connection to open or fail.
constexpr int64_t kStartedPatienceNs = 500'000'000;
// Around the start the CPUs belong to the load threads: of other agents on the same host, too.
constexpr int64_t kStartPeaceNs = 20'000'000;
// An interval's numbers wait this long for a late worker, then go without it.
constexpr int64_t kReportPatienceNs = 50'000'000;
constexpr int64_t kLongestWaitNs = 100'000'000;

uint64_t NetworkNamespace() {
  const absl::StatusOr<sys::NetNamespace> current = sys::NetNamespace::Current();
  return current.ok() ? current->Inode().value_or(0) : 0;
}

}  // namespace

int64_t IntervalEndNs(const RunPlan& plan, int64_t start_ns, int64_t now_ns) {
  const auto end_after = [&](int64_t origin_ns) {
    return origin_ns + ((now_ns - origin_ns) / plan.interval_ns + 1) * plan.interval_ns;
  };
  const int64_t measure_ns = start_ns + plan.warmup_ns;
  if (now_ns >= measure_ns) return end_after(measure_ns);
  const int64_t end_ns = end_after(start_ns);
  return end_ns < measure_ns ? end_ns : measure_ns + plan.interval_ns;
}

RunSupervisor::RunSupervisor(const AgentLoadLimits& limits, LoadBudget& budget, RunControl& control,
                             RunEventSink& sink)
    : limits_(limits), budget_(budget), control_(control), sink_(sink) {}

absl::Status RunSupervisor::Run() {
  absl::Status status = Lead();
  StopWorkers();
  lease_ = LoadBudget::Lease();
  if (status.ok()) SendEnd();
  return status;
}

absl::Status RunSupervisor::Lead() {
  for (;;) {
    TF_RETURN_IF_ERROR(HandleRequests());
    const int64_t now_ns = base::MonotonicNowNs();
    if (control_.MustStop(now_ns)) return absl::OkStatus();
    Step(now_ns);
    if (merger_ && merger_->AllFinal()) return absl::OkStatus();
    control_.WaitForChange(NextStepNs(now_ns));
  }
}

absl::Status RunSupervisor::HandleRequests() {
  for (;;) {
    TF_ASSIGN_OR_RETURN(std::optional<v1::RunRequest> request, control_.Pop());
    if (!request) return absl::OkStatus();
    switch (request->step_case()) {
      case v1::RunRequest::kPrepare:
        TF_RETURN_IF_ERROR(Prepare(request->prepare()));
        break;
      case v1::RunRequest::kStart:
        TF_RETURN_IF_ERROR(Arm(request->start()));
        break;
      default:
        return absl::InvalidArgumentError("a request of a run has no step this agent knows");
    }
  }
}

absl::Status RunSupervisor::Prepare(const v1::StressSpec& spec) {
  if (plan_) return absl::FailedPreconditionError("Prepare came twice in one run");
  TF_ASSIGN_OR_RETURN(RunPlan plan, PlanRun(spec, limits_, sys::AllowedCpus()));
  TF_RETURN_IF_ERROR(CheckSocketOptions(spec, plan.options));
  TF_RETURN_IF_ERROR(ResolveTargets(limits_, plan));
  TF_RETURN_IF_ERROR(PlanPorts(plan));
  TF_ASSIGN_OR_RETURN(lease_, budget_.Reserve(WishOf(plan)));
  plan.governor = budget_.governor();
  plan_ = std::move(plan);

  v1::RunResponse event;
  v1::Prepared& prepared = *event.mutable_prepared();
  TF_RETURN_IF_ERROR(NewWorkers(prepared));
  prepared.set_threads(plan_->threads);
  for (size_t i = 0; i < plan_->targets.size(); ++i) {
    v1::ResolvedTarget& target = *prepared.add_targets();
    *target.mutable_target() = spec.targets(static_cast<int>(i));
    for (const base::Endpoint& endpoint : plan_->targets[i].endpoints) {
      target.add_addresses(endpoint.address.ToString());
    }
  }
  const HostBounds bounds = ReadHostBounds();
  if (bounds.available_memory_bytes) {
    TF_RETURN_IF_ERROR(CheckAvailableMemory(limits_, *bounds.available_memory_bytes));
  }
  PreflightResult preflight = CheckHost(*plan_, bounds);
  for (std::string& line : preflight.warnings) prepared.add_warnings(std::move(line));
  for (std::string& line : preflight.blockers) prepared.add_blockers(std::move(line));
  for (const base::IpAddress& source : plan_->ports.sources) {
    prepared.add_sources(source.ToString());
  }
  if (spec.describe_settings()) {
    for (auto& [key, value] : ReadTcpSettings()) {
      (*prepared.mutable_settings())[key] = std::move(value);
    }
  }
  merger_.emplace(workers_.size(), NetworkNamespace());
  for (const auto& worker : workers_) worker->Start();
  sink_.Send(std::move(event));
  return absl::OkStatus();
}

absl::Status RunSupervisor::NewWorkers(v1::Prepared& prepared) {
  uint16_t port = 0;
  for (uint32_t i = 0; i < plan_->threads; ++i) {
    if (plan_->is_client) {
      auto worker = ClientWorker::Create(*plan_, control_, i);
      if (!worker.ok()) return base::WithContext("load thread", worker.status());
      workers_.push_back(*std::move(worker));
    } else {
      auto worker = ServerWorker::Create(*plan_, control_, i, port);
      if (!worker.ok()) return base::WithContext("load server", worker.status());
      port = (*worker)->port();
      workers_.push_back(*std::move(worker));
    }
  }
  prepared.set_listen_port(port);
  return absl::OkStatus();
}

absl::Status RunSupervisor::Arm(const v1::StartAt& start) {
  if (!plan_) return absl::FailedPreconditionError("Start came before Prepare");
  if (control_.start_ns() != 0) return absl::FailedPreconditionError("Start came twice in one run");
  const int64_t ahead_ns = start.monotonic_ns() - base::MonotonicNowNs();
  if (ahead_ns > absl::ToInt64Nanoseconds(kFarthestStart)) {
    return absl::InvalidArgumentError(
        absl::StrCat("start is ", absl::FormatDuration(absl::Nanoseconds(ahead_ns)),
                     " ahead, it must be within ", absl::FormatDuration(kFarthestStart),
                     " of this agent's monotonic clock"));
  }
  v1::RunResponse event;
  event.mutable_armed()->set_ahead_ns(ahead_ns);
  sink_.Send(std::move(event));
  if (ahead_ns < 0) {
    control_.RequestStop(v1::Finished::CAUSE_LATE_START);
    return absl::OkStatus();
  }
  control_.SetStart(start.monotonic_ns());
  host_watch_.emplace(limits_, base::MonotonicNowNs(), sys::ProcessCpuNs());
  boundary_ns_ = IntervalEndNs(*plan_, start.monotonic_ns(), start.monotonic_ns());
  for (const auto& worker : workers_) worker->Wake();
  return absl::OkStatus();
}

void RunSupervisor::Step(int64_t now_ns) {
  if (control_.start_ns() == 0) return;
  if (!started_sent_ && IsStartedKnown(now_ns)) SendStarted();
  ReadKernelCounters(now_ns);
  const bool interval_over = now_ns >= boundary_ns_;
  if (interval_over || now_ns >= measure_end_ns() + plan_->cooldown_ns) Collect();
  if (interval_over && (AllReported() || now_ns >= boundary_ns_ + kReportPatienceNs)) {
    SendInterval(now_ns);
    CheckHostLimits(now_ns);
    boundary_ns_ = IntervalEndNs(*plan_, control_.start_ns(), now_ns);
  }
}

int64_t RunSupervisor::NextStepNs(int64_t now_ns) const {
  int64_t next_ns = now_ns + kLongestWaitNs;
  if (control_.start_ns() == 0) return next_ns;
  if (!counters_before_) next_ns = std::min(next_ns, counters_before_ns());
  const int64_t told_ns = std::max(begun_ns(), control_.start_ns()) + kStartPeaceNs;
  if (!started_sent_ && told_ns > now_ns) next_ns = std::min(next_ns, told_ns);
  if (!counters_after_) next_ns = std::min(next_ns, measure_end_ns());
  const int64_t interval_ns =
      boundary_ns_ > now_ns ? boundary_ns_ : boundary_ns_ + kReportPatienceNs;
  return std::min(next_ns, interval_ns);
}

// At the two instants that the measured time lies between. What cannot be read is not reported.
void RunSupervisor::ReadKernelCounters(int64_t now_ns) {
  const auto read = [] { return ReadNetCounters().value_or(NetCounters()); };
  if (!counters_before_ && now_ns >= counters_before_ns()) counters_before_ = read();
  if (!counters_after_ && now_ns >= measure_end_ns()) counters_after_ = read();
}

// Before the start nothing moves that the run could be blamed for.
int64_t RunSupervisor::counters_before_ns() const {
  return plan_->warmup_ns == 0 ? measure_ns() - kStartPeaceNs : measure_ns();
}

int64_t RunSupervisor::begun_ns() const {
  return plan_->is_client ? control_.first_connect_ns() : control_.start_ns();
}

bool RunSupervisor::IsStartedKnown(int64_t now_ns) {
  if (begun_ns() == 0 || now_ns < begun_ns() + kStartPeaceNs) return false;
  return control_.FirstOutcomeKnown() || now_ns >= begun_ns() + kStartedPatienceNs;
}

void RunSupervisor::Collect() {
  for (size_t i = 0; i < workers_.size(); ++i) merger_->Collect(i, workers_[i]->mailbox());
}

bool RunSupervisor::AllReported() const {
  for (size_t i = 0; i < workers_.size(); ++i) {
    if (!merger_->HasReported(i, boundary_ns_)) return false;
    if (workers_[i]->SamplesTcpInfo() && !merger_->HasSwept(i, boundary_ns_)) return false;
  }
  return true;
}

void RunSupervisor::CheckHostLimits(int64_t now_ns) {
  const absl::Status status = host_watch_->Check(now_ns);
  if (status.ok() || !limit_reached_.empty()) return;
  limit_reached_ = std::string(status.message());
  control_.RequestStop(v1::Finished::CAUSE_HOST_LIMIT);
}

// Natural ends have stopped them already; then this only joins.
void RunSupervisor::StopWorkers() {
  const bool have_ended = merger_ && merger_->AllFinal();
  if (!have_ended) control_.RequestStop(v1::Finished::CAUSE_STOPPED);
  for (const auto& worker : workers_) worker->Wake();
  for (const auto& worker : workers_) worker->Join();
  if (merger_) Collect();
  workers_.clear();
}

}  // namespace tcpfleet::agent
