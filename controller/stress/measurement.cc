#include "controller/stress/measurement.h"

#include <algorithm>
#include <cstddef>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "controller/stress/progress_check.h"

namespace tcpfleet::controller {
namespace {

constexpr double kNsPerUs = 1e3;

uint64_t SumOf(const google::protobuf::Map<std::string, uint64_t>& counts) {
  uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

void AddClasses(const google::protobuf::Map<std::string, uint64_t>& from,
                google::protobuf::Map<std::string, uint64_t>& to) {
  for (const auto& [name, count] : from) to[name] += count;
}

double PerSecond(uint64_t now, uint64_t before, int64_t elapsed_ns) {
  return (static_cast<double>(now) - static_cast<double>(before)) * 1e9 /
         static_cast<double>(elapsed_ns);
}

// Of a delta that has been checked.
std::optional<LivePercentiles> PercentilesOf(const v1::HistogramDelta& delta) {
  MergedHistogram histogram;
  return histogram.Add(delta).ok() ? PercentilesOf(histogram, kNsPerUs) : std::nullopt;
}

}  // namespace

std::optional<LivePercentiles> PercentilesOf(const MergedHistogram& histogram, double unit) {
  if (histogram.empty()) return std::nullopt;
  return LivePercentiles{histogram.Percentile(50) / unit, histogram.Percentile(99) / unit};
}

std::optional<LivePercentiles> PercentilesOf(std::vector<uint64_t>& values) {
  if (values.empty()) return std::nullopt;
  const auto at_percent = [&](size_t percent) {
    const auto position =
        values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * percent / 100);
    std::nth_element(values.begin(), position, values.end());
    return static_cast<double>(*position);
  };
  return LivePercentiles{at_percent(50), at_percent(99)};
}

absl::Status Measurement::Apply(const v1::Progress& progress) {
  TF_RETURN_IF_ERROR(CheckProgress(progress, paths_.size()));
  if (progress.measured() && !measured_) ForgetWarmUp();
  TF_RETURN_IF_ERROR(histograms_.Add(progress));
  TF_RETURN_IF_ERROR(ApplyTargets(progress));
  UpdateLive(progress);
  measured_ = progress.measured();
  counted_at_ns_ = progress.monotonic_ns();
  counters_ = progress.counters();
  peak_active_ = std::max(peak_active_, counters_.active());
  if (broken_identity_.empty()) broken_identity_ = IdentityProblem(counters_);
  if (!progress.exemplars().empty()) {
    exemplars_.assign(progress.exemplars().begin(), progress.exemplars().end());
  }
  if (progress.has_kernel_counters()) kernel_counters_ = progress.kernel_counters().changes();
  if (progress.has_tcp_info()) {
    v1::TcpInfoSummary& kept = tcp_info_.emplace();
    kept.set_total_retransmits(progress.tcp_info().total_retransmits());
    kept.set_lost_segments(progress.tcp_info().lost_segments());
    kept.set_connections_sampled(progress.tcp_info().connections_sampled());
  }
  return absl::OkStatus();
}

void Measurement::ForgetWarmUp() {
  histograms_.Clear();
  paths_.assign(paths_.size(), {});
}

absl::Status Measurement::ApplyTargets(const v1::Progress& progress) {
  for (int i = 0; i < progress.targets_size(); ++i) {
    const v1::TargetProgress& from = progress.targets(i);
    PathNumbers& path = paths_[static_cast<size_t>(i)];
    TF_RETURN_IF_ERROR(base::WithContext("connect latency of a target",
                                         path.connect_ns.Add(from.connect_latency())));
    TF_RETURN_IF_ERROR(base::WithContext("response latency of a target",
                                         path.response_ns.Add(from.response_latency())));
    TF_RETURN_IF_ERROR(base::WithContext("rtt of a target", path.rtt_us.Add(from.rtt_us())));
    path.counters.set_attempted(from.attempted());
    path.counters.set_succeeded(from.succeeded());
    path.counters.set_failed(from.failed());
    path.counters.set_bytes_sent(from.bytes_sent());
    path.counters.set_bytes_received(from.bytes_received());
  }
  return absl::OkStatus();
}

// Called before the new counters replace the old ones.
void Measurement::UpdateLive(const v1::Progress& progress) {
  const v1::RunCounters& now = progress.counters();
  const bool anew = progress.measured() != measured_ || counted_at_ns_ == 0;
  if (!anew && progress.monotonic_ns() > counted_at_ns_) {
    const int64_t elapsed_ns = progress.monotonic_ns() - counted_at_ns_;
    live_.rate_per_second = PerSecond(now.succeeded(), counters_.succeeded(), elapsed_ns);
    live_.bits_sent_per_second =
        8 * PerSecond(now.bytes_sent(), counters_.bytes_sent(), elapsed_ns);
    live_.bits_received_per_second =
        8 * PerSecond(now.bytes_received(), counters_.bytes_received(), elapsed_ns);
  } else if (now.measured_seconds() > 0) {
    const double seconds = now.measured_seconds();
    live_.rate_per_second = static_cast<double>(now.succeeded()) / seconds;
    live_.bits_sent_per_second = 8 * static_cast<double>(now.bytes_sent()) / seconds;
    live_.bits_received_per_second = 8 * static_cast<double>(now.bytes_received()) / seconds;
  }
  live_.reported = true;
  live_.measured = progress.measured();
  live_.active = now.active();
  live_.failed = SumOf(now.failed());
  if (progress.tcp_info().connections_sampled() > 0) {
    live_.retransmits = progress.tcp_info().total_retransmits();
  }
  live_.connect_us = PercentilesOf(progress.connect_latency());
  live_.response_us = PercentilesOf(progress.response_latency());
  live_.lateness_us = PercentilesOf(progress.send_lateness());
}

absl::Status Measurement::Apply(const v1::ConnectionFrame& frame) {
  TF_RETURN_IF_ERROR(decoder_.Apply(frame));
  live_rtts_us_.clear();
  const auto add = [this](const sockets::ConnectionSample& sample) {
    // 0 until the kernel has measured one.
    const uint64_t rtt_us = sample.values.Get(sockets::Field::kRtt);
    if (rtt_us > 0) live_rtts_us_.push_back(rtt_us);
  };
  for (const auto& [row, sample] : decoder_.rows()) add(sample);
  for (const sockets::ClosedConnection& closed : decoder_.closed()) add(closed.last);
  live_.rtt_us = PercentilesOf(live_rtts_us_);
  return absl::OkStatus();
}

void Measurement::FillResult(v1::RunResult& result) const {
  RunHistograms histograms;
  AddTo(result, histograms);
  result.set_active(peak_active_);
  *result.mutable_kernel_counters() = kernel_counters_;
  FinishTotal(histograms, result);
}

void Measurement::AddTo(v1::RunResult& total, RunHistograms& histograms) const {
  total.set_connections_opened(total.connections_opened() + counters_.connections_opened());
  total.set_connections_accepted(total.connections_accepted() + counters_.connections_accepted());
  total.set_connections_lost(total.connections_lost() + counters_.connections_lost());
  total.set_connections_dead(total.connections_dead() + counters_.connections_dead());
  total.set_reconnects(total.reconnects() + counters_.reconnects());
  AddClasses(counters_.accept_failed(), *total.mutable_accept_failed());
  if (!measured_) return;
  histograms.Merge(histograms_);
  total.set_attempted(total.attempted() + counters_.attempted());
  total.set_succeeded(total.succeeded() + counters_.succeeded());
  AddClasses(counters_.failed(), *total.mutable_failed());
  AddClasses(counters_.responses_by_status(), *total.mutable_responses_by_status());
  total.set_cancelled(total.cancelled() + counters_.cancelled());
  total.set_in_flight(total.in_flight() + counters_.in_flight());
  total.set_bytes_sent(total.bytes_sent() + counters_.bytes_sent());
  total.set_bytes_received(total.bytes_received() + counters_.bytes_received());
  total.set_cpu_seconds(total.cpu_seconds() + counters_.cpu_seconds());
  total.set_measured_seconds(std::max(total.measured_seconds(), counters_.measured_seconds()));
  if (!tcp_info_.has_value() || tcp_info_->connections_sampled() == 0) return;
  v1::TcpInfoReport& info = *total.mutable_tcp_info();
  info.set_total_retransmits(info.total_retransmits() + tcp_info_->total_retransmits());
  info.set_lost_segments(info.lost_segments() + tcp_info_->lost_segments());
  info.set_connections_sampled(info.connections_sampled() + tcp_info_->connections_sampled());
}

void FinishTotal(const RunHistograms& histograms, v1::RunResult& total) {
  if (total.attempted() > 0) {
    total.set_failed_percent(100.0 * static_cast<double>(FailedOperations(total)) /
                             static_cast<double>(total.attempted()));
  }
  if (const double seconds = total.measured_seconds(); seconds > 0) {
    total.set_rate_per_second(static_cast<double>(total.succeeded()) / seconds);
    total.set_bits_sent_per_second(8 * static_cast<double>(total.bytes_sent()) / seconds);
    total.set_bits_received_per_second(8 * static_cast<double>(total.bytes_received()) / seconds);
  }
  FillDistributions(histograms, total);
}

uint64_t FailedOperations(const v1::RunResult& result) { return SumOf(result.failed()); }

}  // namespace tcpfleet::controller
