#include "controller/stress/measurement.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/stats/histogram_proto.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kLongestFailureClass = 64;
constexpr double kNsPerUs = 1e3;

using ClassCounts = google::protobuf::Map<std::string, uint64_t>;

uint64_t SumOf(const ClassCounts& counts) {
  uint64_t sum = 0;
  for (const auto& [name, count] : counts) sum += count;
  return sum;
}

absl::Status CheckClasses(const ClassCounts& counts) {
  if (counts.size() > kMostFailureClasses) {
    return absl::InvalidArgumentError(absl::StrCat("progress has ", counts.size(),
                                                   " failure classes, at most ",
                                                   kMostFailureClasses, " make sense"));
  }
  for (const auto& [name, count] : counts) {
    if (name.empty() || name.size() > kLongestFailureClass) {
      return absl::InvalidArgumentError("progress has a failure class without a usable name");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckCounters(const v1::RunCounters& counters) {
  for (const double seconds : {counters.cpu_seconds(), counters.measured_seconds()}) {
    if (!std::isfinite(seconds) || seconds < 0) {
      return absl::InvalidArgumentError(absl::StrCat("progress says ", seconds, " seconds"));
    }
  }
  TF_RETURN_IF_ERROR(CheckClasses(counters.failed()));
  return CheckClasses(counters.accept_failed());
}

std::string IdentityProblem(const v1::RunCounters& counters) {
  const uint64_t failed = SumOf(counters.failed());
  if (counters.attempted() ==
      counters.succeeded() + failed + counters.cancelled() + counters.in_flight()) {
    return "";
  }
  return absl::StrCat(counters.attempted(), " attempted are not ", counters.succeeded(),
                      " succeeded + ", failed, " failed + ", counters.cancelled(), " cancelled + ",
                      counters.in_flight(), " in flight");
}

absl::Status AddNamed(absl::string_view name, const v1::HistogramDelta& delta,
                      std::optional<stats::Histogram>& histogram) {
  if (delta.counts().empty() && delta.bucket_deltas().empty()) return absl::OkStatus();
  if (!std::isfinite(delta.sum())) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": histogram delta has the sum ", delta.sum()));
  }
  if (!histogram.has_value()) histogram.emplace();
  return base::WithContext(name, stats::AddDelta(delta, *histogram));
}

void MergeInto(const std::optional<stats::Histogram>& from, std::optional<stats::Histogram>& to) {
  if (!from.has_value()) return;
  if (!to.has_value()) to.emplace();
  to->Merge(*from);
}

v1::Distribution ToDistribution(const stats::Histogram& histogram, double unit) {
  v1::Distribution distribution;
  distribution.set_count(histogram.count());
  if (histogram.count() == 0) return distribution;
  distribution.set_min(static_cast<double>(histogram.min()) / unit);
  distribution.set_p50(histogram.Percentile(50) / unit);
  distribution.set_p90(histogram.Percentile(90) / unit);
  distribution.set_p99(histogram.Percentile(99) / unit);
  distribution.set_p999(histogram.Percentile(99.9) / unit);
  distribution.set_max(static_cast<double>(histogram.max()) / unit);
  distribution.set_mean(histogram.Mean() / unit);
  return distribution;
}

void FillDistributions(const RunHistograms& histograms, v1::RunResult& result) {
  if (const auto& connect_ns = histograms.connect_ns; connect_ns.has_value()) {
    *result.mutable_connect_latency_us() = ToDistribution(*connect_ns, kNsPerUs);
  }
  if (const auto& response_ns = histograms.response_ns; response_ns.has_value()) {
    *result.mutable_response_latency_us() = ToDistribution(*response_ns, kNsPerUs);
  }
  if (const auto& rtt_us = histograms.rtt_us; rtt_us.has_value()) {
    *result.mutable_tcp_info()->mutable_rtt_us() = ToDistribution(*rtt_us, 1);
  }
  if (const auto& min_rtt_us = histograms.min_rtt_us; min_rtt_us.has_value()) {
    *result.mutable_tcp_info()->mutable_min_rtt_us() = ToDistribution(*min_rtt_us, 1);
  }
  if (const auto& snd_cwnd = histograms.snd_cwnd; snd_cwnd.has_value()) {
    *result.mutable_tcp_info()->mutable_snd_cwnd() = ToDistribution(*snd_cwnd, 1);
  }
}

}  // namespace

absl::Status RunHistograms::Add(const v1::Progress& progress) {
  TF_RETURN_IF_ERROR(AddNamed("connect latency", progress.connect_latency(), connect_ns));
  TF_RETURN_IF_ERROR(AddNamed("response latency", progress.response_latency(), response_ns));
  TF_RETURN_IF_ERROR(AddNamed("rtt", progress.tcp_info().rtt_us(), rtt_us));
  TF_RETURN_IF_ERROR(AddNamed("min rtt", progress.tcp_info().min_rtt_us(), min_rtt_us));
  return AddNamed("snd_cwnd", progress.tcp_info().snd_cwnd(), snd_cwnd);
}

void RunHistograms::Merge(const RunHistograms& other) {
  MergeInto(other.connect_ns, connect_ns);
  MergeInto(other.response_ns, response_ns);
  MergeInto(other.rtt_us, rtt_us);
  MergeInto(other.min_rtt_us, min_rtt_us);
  MergeInto(other.snd_cwnd, snd_cwnd);
}

void RunHistograms::Clear() {
  for (auto* histogram : {&connect_ns, &response_ns, &rtt_us, &min_rtt_us, &snd_cwnd}) {
    histogram->reset();
  }
}

std::optional<LivePercentiles> PercentilesOf(const std::optional<stats::Histogram>& histogram,
                                             double unit) {
  if (!histogram.has_value() || histogram->count() == 0) return std::nullopt;
  return LivePercentiles{histogram->Percentile(50) / unit, histogram->Percentile(99) / unit};
}

absl::Status Measurement::Apply(const v1::Progress& progress) {
  TF_RETURN_IF_ERROR(CheckCounters(progress.counters()));
  if (progress.measured() && !measured_) histograms_.Clear();
  TF_RETURN_IF_ERROR(histograms_.Add(progress));
  UpdateLive(progress);
  measured_ = progress.measured();
  counted_at_ns_ = progress.monotonic_ns();
  counters_ = progress.counters();
  peak_active_ = std::max(peak_active_, counters_.active());
  if (broken_identity_.empty()) broken_identity_ = IdentityProblem(counters_);
  if (progress.has_tcp_info()) {
    tcp_info_ = progress.tcp_info();
    tcp_info_->clear_rtt_us();
    tcp_info_->clear_min_rtt_us();
    tcp_info_->clear_snd_cwnd();
  }
  return absl::OkStatus();
}

// Called before the new counters replace the old ones.
void Measurement::UpdateLive(const v1::Progress& progress) {
  const v1::RunCounters& now = progress.counters();
  const bool anew = progress.measured() != measured_ || counted_at_ns_ == 0;
  if (!anew && progress.monotonic_ns() > counted_at_ns_) {
    const auto succeeded =
        static_cast<double>(now.succeeded()) - static_cast<double>(counters_.succeeded());
    live_.rate_per_second =
        succeeded * 1e9 / static_cast<double>(progress.monotonic_ns() - counted_at_ns_);
  } else if (now.measured_seconds() > 0) {
    live_.rate_per_second = static_cast<double>(now.succeeded()) / now.measured_seconds();
  }
  live_.reported = true;
  live_.measured = progress.measured();
  live_.active = now.active();
  live_.failed = SumOf(now.failed());
  if (progress.tcp_info().connections_sampled() > 0) {
    live_.retransmits = progress.tcp_info().total_retransmits();
  }
  RunHistograms interval;
  if (!interval.Add(progress).ok()) return;  // Cannot be: histograms_ took the same deltas.
  live_.connect_us = PercentilesOf(interval.connect_ns, kNsPerUs);
  live_.response_us = PercentilesOf(interval.response_ns, kNsPerUs);
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
  if (live_rtts_us_.empty()) {
    live_.rtt_us.reset();
    return absl::OkStatus();
  }
  const auto at_percent = [this](size_t percent) {
    const auto position = live_rtts_us_.begin() +
                          static_cast<std::ptrdiff_t>((live_rtts_us_.size() - 1) * percent / 100);
    std::nth_element(live_rtts_us_.begin(), position, live_rtts_us_.end());
    return static_cast<double>(*position);
  };
  live_.rtt_us = LivePercentiles{at_percent(50), at_percent(99)};
  return absl::OkStatus();
}

void Measurement::FillResult(v1::RunResult& result) const {
  RunHistograms histograms;
  AddTo(result, histograms);
  result.set_active(peak_active_);
  FinishTotal(histograms, result);
}

void Measurement::AddTo(v1::RunResult& total, RunHistograms& histograms) const {
  total.set_connections_opened(total.connections_opened() + counters_.connections_opened());
  total.set_connections_accepted(total.connections_accepted() + counters_.connections_accepted());
  total.set_connections_lost(total.connections_lost() + counters_.connections_lost());
  for (const auto& [name, count] : counters_.accept_failed()) {
    (*total.mutable_accept_failed())[name] += count;
  }
  if (!measured_) return;
  histograms.Merge(histograms_);
  total.set_attempted(total.attempted() + counters_.attempted());
  total.set_succeeded(total.succeeded() + counters_.succeeded());
  for (const auto& [name, count] : counters_.failed()) (*total.mutable_failed())[name] += count;
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
  if (total.measured_seconds() > 0) {
    total.set_rate_per_second(static_cast<double>(total.succeeded()) / total.measured_seconds());
  }
  FillDistributions(histograms, total);
}

uint64_t FailedOperations(const v1::RunResult& result) { return SumOf(result.failed()); }

}  // namespace tcpfleet::controller
