#include "agent/load/report_merger.h"

#include <algorithm>
#include <utility>

#include "common/stats/histogram_proto.h"

namespace tcpfleet::agent {

ReportMerger::ReportMerger(size_t workers, uint64_t network_namespace)
    : network_namespace_(network_namespace), reports_(workers) {}

void ReportMerger::Collect(size_t worker, Mailbox& mailbox) {
  WorkerReport& report = reports_[worker];
  if (!mailbox.Take(report)) return;
  Distributions& distributions = report.measured ? measured_ : warmup_;
  distributions.run.Merge(report.histograms);
  distributions.targets.resize(report.targets.size());
  for (size_t i = 0; i < report.targets.size(); ++i) {
    distributions.targets[i].MergeHistograms(report.targets[i]);
  }
  dropped_rows_ += report.dropped_rows;
  for (const RawConnectionSample& row : report.closed) {
    if (closed_.size() < kMostClosedRows) {
      closed_.push_back(row);
    } else {
      ++dropped_rows_;
    }
  }
}

bool ReportMerger::HasReported(size_t worker, int64_t boundary_ns) const {
  return reports_[worker].final || reports_[worker].monotonic_ns >= boundary_ns;
}

bool ReportMerger::HasSwept(size_t worker, int64_t boundary_ns) const {
  return reports_[worker].final || reports_[worker].sweep_ns >= boundary_ns;
}

bool ReportMerger::AllFinal() const {
  return std::all_of(reports_.begin(), reports_.end(),
                     [](const WorkerReport& report) { return report.final; });
}

bool ReportMerger::AllMeasured() const {
  return std::all_of(reports_.begin(), reports_.end(),
                     [](const WorkerReport& report) { return report.measured; });
}

bool ReportMerger::IsConsistent() const {
  return std::all_of(reports_.begin(), reports_.end(), [this](const WorkerReport& report) {
    return report.measured == reports_.front().measured;
  });
}

v1::Progress ReportMerger::TakeProgress() {
  Counters total;
  TcpInfoCounts tcp_info;
  int64_t measured_ns = 0;
  v1::Progress progress;
  for (const WorkerReport& report : reports_) {
    total.Merge(report.counters);
    tcp_info.total_retransmits += report.tcp_info.total_retransmits;
    tcp_info.lost_segments += report.tcp_info.lost_segments;
    tcp_info.connections_sampled += report.tcp_info.connections_sampled;
    measured_ns = std::max(measured_ns, report.counters.measured_ns);
    progress.set_monotonic_ns(std::max(progress.monotonic_ns(), report.monotonic_ns));
  }
  *progress.mutable_counters() = ToProto(total, measured_ns);
  progress.set_measured(AllMeasured());
  Distributions& distributions = progress.measured() ? measured_ : warmup_;
  RunHistograms& histograms = distributions.run;
  *progress.mutable_connect_latency() = stats::ToDelta(histograms.connect_ns);
  *progress.mutable_response_latency() = stats::ToDelta(histograms.response_ns);
  if (histograms.service_ns.count() > 0) {
    *progress.mutable_service_latency() = stats::ToDelta(histograms.service_ns);
  }
  if (histograms.lateness_ns.count() > 0) {
    *progress.mutable_send_lateness() = stats::ToDelta(histograms.lateness_ns);
  }
  if (histograms.connect_one_ns.count() > 0) {
    *progress.mutable_connect_latency_one_retransmit() = histograms.connect_one_ns.ToDelta();
  }
  if (histograms.connect_more_ns.count() > 0) {
    *progress.mutable_connect_latency_more_retransmits() = histograms.connect_more_ns.ToDelta();
  }
  v1::TcpInfoSummary& summary = *progress.mutable_tcp_info();
  *summary.mutable_rtt_us() = stats::ToDelta(histograms.tcp_info.rtt_us);
  *summary.mutable_min_rtt_us() = stats::ToDelta(histograms.tcp_info.min_rtt_us);
  *summary.mutable_snd_cwnd() = stats::ToDelta(histograms.tcp_info.snd_cwnd);
  summary.set_total_retransmits(tcp_info.total_retransmits);
  summary.set_lost_segments(tcp_info.lost_segments);
  summary.set_connections_sampled(tcp_info.connections_sampled);
  histograms.Clear();
  AddTargets(distributions, progress);
  return progress;
}

void ReportMerger::AddTargets(Distributions& distributions, v1::Progress& progress) const {
  for (size_t i = 0; i < distributions.targets.size(); ++i) {
    TargetNumbers& target = distributions.targets[i];
    target.CopyCountsFrom(TargetNumbers());
    for (const WorkerReport& report : reports_) {
      if (i < report.targets.size()) target.AddCounts(report.targets[i]);
    }
    AddToProto(target, progress);
    target.ClearHistograms();
  }
}

void ReportMerger::AddExemplars(uint32_t most, v1::Progress& progress) {
  std::vector<SlowOperation> all;
  for (WorkerReport& report : reports_) {
    all.insert(all.end(), report.slowest.begin(), report.slowest.end());
  }
  AddSlowest(all, most, progress);
}

v1::ConnectionFrame ReportMerger::TakeFrame(int64_t now_ns) {
  for (const RawConnectionSample& row : closed_) ended_.insert(row.key.cookie);
  sockets::FrameHead head{.sequence = ++polls_, .monotonic_ns = now_ns};
  uint64_t seen = closed_.size();
  for (const WorkerReport& report : reports_) {
    if (report.final) continue;  // its sockets are closed
    for (const RawConnectionSample& row : report.live) {
      const uint64_t cookie = row.key.cookie;
      if (ended_.contains(cookie) || ended_before_.contains(cookie)) continue;
      encoder_.AddLive(ToSample(row));
      ++seen;
    }
  }
  for (const RawConnectionSample& row : closed_) {
    encoder_.AddClosed(ToSample(row), v1::ConnectionClose::REASON_CLOSED);
  }
  closed_.clear();
  ended_before_ = std::exchange(ended_, {});
  head.completeness.set_dropped(std::exchange(dropped_rows_, 0));
  head.completeness.set_seen(seen + head.completeness.dropped());
  return encoder_.Finish(std::move(head));
}

sockets::ConnectionSample ReportMerger::ToSample(const RawConnectionSample& raw) const {
  sockets::ConnectionSample sample;
  sample.identity.cookie = raw.key.cookie;
  sample.identity.network_namespace = network_namespace_;
  sample.identity.local = raw.key.local;
  sample.identity.remote = raw.key.remote;
  sample.identity.congestion_control = raw.key.congestion_control.data();
  sockets::ReadTcpInfoInto({raw.raw.data(), raw.raw_length}, raw.monotonic_ns, sample);
  // tcp_info begins with the state.
  sample.values.Set(sockets::Field::kState, static_cast<uint64_t>(raw.raw[0]));
  return sample;
}

}  // namespace tcpfleet::agent
