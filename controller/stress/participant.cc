#include "controller/stress/participant.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/units.h"
#include "common/sockets/field.h"
#include "common/sockets/field_values.h"
#include "controller/fleet/failure.h"
#include "controller/stress/load_shape.h"

namespace tcpfleet::controller {
namespace {

// Clock values of agents are untrusted: nonsense in gives nonsense out, not undefined behaviour.
int64_t WrappingAdd(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}
int64_t WrappingSubtract(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

// Warnings, blockers and settings of a host are far less.
constexpr size_t kMostPreparedBytes = 1 << 20;

v1::SlowOperation DescribeExemplar(const v1::Exemplar& exemplar) {
  v1::SlowOperation operation;
  operation.set_response_latency_us(static_cast<double>(exemplar.response_ns()) / 1e3);
  operation.set_service_latency_us(static_cast<double>(exemplar.service_ns()) / 1e3);
  operation.set_local(exemplar.local());
  operation.set_peer(exemplar.remote());
  operation.set_cookie(exemplar.cookie());
  sockets::FieldValues values;
  const auto ended_ns =
      WrappingAdd(exemplar.due_monotonic_ns(), static_cast<int64_t>(exemplar.response_ns()));
  values.SetTcpInfo(
      absl::MakeConstSpan(reinterpret_cast<const std::byte*>(exemplar.tcp_info().data()),
                          exemplar.tcp_info().size()),
      ended_ns);
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    // Moments are of the agent's clock.
    if (info.kind == sockets::FieldKind::kMoment) continue;
    if (const auto value = values.Find(info.field); value.has_value()) {
      (*operation.mutable_fields())[std::string(info.name)] = *value;
    }
  }
  return operation;
}

}  // namespace

void Participant::Expect(const v1::StressSpec& spec, std::vector<std::string> path_names) {
  measurement_.Expect(IsOpenLoop(spec), path_names.size());
  const std::optional<double> first_due = FirstDueSeconds(spec);
  first_due_ns_.reset();
  constexpr double kFarFutureSeconds = 1e6;
  if (first_due.has_value() && *first_due < kFarFutureSeconds)
    first_due_ns_ = static_cast<int64_t>(*first_due * 1e9);
  path_names_ = std::move(path_names);
}

v1::StartAt Participant::Start(int64_t start_ns, int64_t now_ns) {
  start_ns_ = start_ns;
  Advance(Phase::kStarting, now_ns);
  v1::StartAt start;
  start.set_monotonic_ns(WrappingAdd(start_ns, clock_.offset_ns));
  return start;
}

void Participant::Handle(const v1::RunResponse& response, int64_t now_ns) {
  if (ended()) return;
  last_heard_ns_ = now_ns;
  const bool before_start = phase_ < Phase::kStarting;
  switch (response.event_case()) {
    case v1::RunResponse::kPrepared:
      return HandlePrepared(response.prepared());
    case v1::RunResponse::kArmed:
      return before_start ? Fail("failed", "said Armed before it was given a start")
                          : HandleArmed(response.armed());
    case v1::RunResponse::kStarted:
      return before_start ? Fail("failed", "started before it was given a start")
                          : HandleStarted(response.started());
    case v1::RunResponse::kProgress:
      return before_start ? Fail("failed", "reported progress before it was given a start")
                          : Measured(measurement_.Apply(response.progress()));
    case v1::RunResponse::kConnections:
      return before_start ? Fail("failed", "reported connections before it was given a start")
                          : Measured(measurement_.Apply(response.connections()));
    case v1::RunResponse::kFinished:
      return HandleFinished(response.finished());
    case v1::RunResponse::EVENT_NOT_SET:
      return;  // of a newer agent
  }
}

void Participant::HandlePrepared(const v1::Prepared& prepared) {
  if (phase_ != Phase::kPreparing) return Fail("failed", "said Prepared twice");
  const uint32_t port = prepared.listen_port();
  if (role_ == v1::StressSpec::ROLE_SERVER && (port == 0 || port > 65535)) {
    return Fail("failed", absl::StrCat("says that it listens on port ", port));
  }
  if (prepared.ByteSizeLong() > kMostPreparedBytes) {
    return Fail("failed", "sent more than 1 MiB to say that it is ready");
  }
  preparation_ = prepared;
  phase_ = Phase::kPrepared;
}

void Participant::HandleArmed(const v1::Armed& armed) {
  phase_ = Phase::kArmed;
  if (armed.ahead_ns() < 0) {
    const double behind_us = -static_cast<double>(armed.ahead_ns()) / 1e3;
    Fail("late", absl::StrCat("got the start signal ", base::FormatMicroseconds(behind_us),
                              " after the start and did not run"));
  }
}

void Participant::HandleStarted(const v1::Started& started) {
  if (started.has_first_connect_monotonic_ns()) {
    first_connect_ns_ = WrappingSubtract(started.first_connect_monotonic_ns(), clock_.offset_ns);
  }
  if (started.has_socket_options()) socket_options_ = started.socket_options();
}

void Participant::HandleFinished(const v1::Finished& finished) {
  const auto fail = [&](absl::string_view kind, absl::string_view cause) {
    Fail(kind, finished.detail().empty() ? std::string(cause)
                                         : absl::StrCat(cause, ": ", finished.detail()));
  };
  switch (finished.cause()) {
    case v1::Finished::CAUSE_DONE:
      if (!started()) return fail("failed", "finished before it was given a start");
      phase_ = Phase::kEnded;
      return;
    case v1::Finished::CAUSE_STOPPED:
      if (!stop_sent_) return fail("failed", "stopped although nobody asked it to");
      phase_ = Phase::kEnded;
      return;
    case v1::Finished::CAUSE_LEASE_EXPIRED:
      return fail("failed", "heard no heartbeat of this controller in time and stopped its load");
    case v1::Finished::CAUSE_DISCONNECTED:
      return fail("died", "lost the connection to this controller and stopped its load");
    case v1::Finished::CAUSE_AGENT_STOPPING:
      return fail("died", "the agent is shutting down");
    case v1::Finished::CAUSE_LATE_START:
      return fail("late", "got the start signal after the start and did not run");
    case v1::Finished::CAUSE_HOST_LIMIT:
      return fail("failed", "reached a limit of its host and stopped its load");
    default:
      return fail("failed", "ended for a reason that this version does not know");
  }
}

void Participant::HandleEnd(const absl::Status& status) {
  if (ended()) return;
  if (phase_ <= Phase::kPreparing) {
    refusal_ = status.ok() ? absl::InternalError("no answer") : status;
    if (status.ok()) return Fail("failed", "ended the run without preparing it");
    failure_ = DescribeFailure(target_, status, CallPhase::kFirstAnswer);
  } else if (status.ok()) {
    return Fail("died", "ended the run without a result");
  } else {
    failure_ = DescribeFailure(target_, status, CallPhase::kUnderWay);
  }
  phase_ = Phase::kEnded;
}

void Participant::Fail(absl::string_view kind, absl::string_view cause) {
  v1::AgentFailure& failure = failure_.emplace();
  failure.set_name(target_.name);
  failure.set_address(target_.address);
  failure.set_kind(std::string(kind));
  failure.set_cause(std::string(cause));
  phase_ = Phase::kEnded;
}

bool Participant::IsSilent(int64_t now_ns, int64_t patience_ns) const {
  if (phase_ != Phase::kStarting && phase_ != Phase::kArmed) return false;
  const int64_t since =
      phase_ == Phase::kArmed ? std::max(last_heard_ns_, *start_ns_) : last_heard_ns_;
  return now_ns - since > patience_ns;
}

std::optional<double> Participant::first_syn_offset_us() const {
  if (!first_connect_ns_.has_value() || !start_ns_.has_value() || !first_due_ns_.has_value()) {
    return std::nullopt;
  }
  const int64_t planned_ns = *start_ns_ + *first_due_ns_;
  return static_cast<double>(WrappingSubtract(*first_connect_ns_, planned_ns)) / 1e3;
}

v1::RunResult Participant::Result() const {
  v1::RunResult result;
  measurement_.FillResult(result);
  result.set_name(target_.name);
  result.set_address(target_.address);
  result.set_role(is_client() ? "client" : "server");
  result.set_version(host_.version());
  result.set_kernel(host_.kernel());
  if (const auto offset_us = first_syn_offset_us(); offset_us.has_value()) {
    result.set_first_syn_offset_us(*offset_us);
  }
  result.set_clock_uncertainty_us(static_cast<double>(clock_.uncertainty_ns) / 1e3);
  if (socket_options_.has_value()) *result.mutable_socket_options() = *socket_options_;
  *result.mutable_targets() = preparation_.targets();
  *result.mutable_warnings() = preparation_.warnings();
  *result.mutable_blockers() = preparation_.blockers();
  *result.mutable_sources() = preparation_.sources();
  return result;
}

std::vector<v1::PathResult> Participant::Paths() const {
  std::vector<v1::PathResult> paths;
  const double seconds = measurement_.measured_seconds();
  for (size_t i = 0; i < path_names_.size() && seconds > 0; ++i) {
    const PathNumbers& numbers = measurement_.paths()[i];
    v1::PathResult& path = paths.emplace_back();
    path.set_client(target_.name);
    path.set_target(path_names_[i]);
    path.set_attempted(numbers.counters.attempted());
    path.set_succeeded(numbers.counters.succeeded());
    path.set_failed(numbers.counters.failed());
    path.set_rate_per_second(static_cast<double>(path.succeeded()) / seconds);
    path.set_bits_sent_per_second(8 * static_cast<double>(numbers.counters.bytes_sent()) / seconds);
    path.set_bits_received_per_second(8 * static_cast<double>(numbers.counters.bytes_received()) /
                                      seconds);
    if (!numbers.connect_ns.empty())
      *path.mutable_connect_latency_us() = numbers.connect_ns.ToDistribution(1e3);
    if (!numbers.response_ns.empty())
      *path.mutable_response_latency_us() = numbers.response_ns.ToDistribution(1e3);
    if (!numbers.rtt_us.empty()) *path.mutable_rtt_us() = numbers.rtt_us.ToDistribution(1);
  }
  return paths;
}

std::vector<v1::SlowOperation> Participant::SlowOperations() const {
  std::vector<v1::SlowOperation> operations;
  if (!start_ns_.has_value()) return operations;
  const int64_t start_ns = WrappingAdd(*start_ns_, clock_.offset_ns);
  for (const v1::Exemplar& exemplar : measurement_.exemplars()) {
    v1::SlowOperation& operation = operations.emplace_back(DescribeExemplar(exemplar));
    operation.set_agent(target_.name);
    operation.set_due_seconds(
        static_cast<double>(WrappingSubtract(exemplar.due_monotonic_ns(), start_ns)) / 1e9);
  }
  return operations;
}

}  // namespace tcpfleet::controller
