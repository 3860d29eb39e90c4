#include "agent/load/mailbox.h"

#include <iterator>
#include <utility>

namespace tcpfleet::agent {

void RunHistograms::Merge(const RunHistograms& other) {
  const auto add = [](const stats::Histogram& from, stats::Histogram& to) {
    if (from.count() != 0) to.Merge(from);
  };
  add(other.connect_ns, connect_ns);
  add(other.response_ns, response_ns);
  add(other.service_ns, service_ns);
  add(other.lateness_ns, lateness_ns);
  connect_one_ns.Merge(other.connect_one_ns);
  connect_more_ns.Merge(other.connect_more_ns);
  add(other.tcp_info.rtt_us, tcp_info.rtt_us);
  add(other.tcp_info.min_rtt_us, tcp_info.min_rtt_us);
  add(other.tcp_info.snd_cwnd, tcp_info.snd_cwnd);
}

void RunHistograms::Clear() {
  for (stats::Histogram* histogram : {&connect_ns, &response_ns, &service_ns, &lateness_ns,
                                      &tcp_info.rtt_us, &tcp_info.min_rtt_us, &tcp_info.snd_cwnd}) {
    if (histogram->count() != 0) histogram->Clear();
  }
  connect_one_ns.Clear();
  connect_more_ns.Clear();
}

void Mailbox::Post(WorkerReport& report) {
  base::MutexLock lock(mutex_);
  has_news_ = true;
  report_.measured = report.measured;
  report_.final = report.final;
  report_.monotonic_ns = report.monotonic_ns;
  report_.counters = report.counters;
  report_.tcp_info = report.tcp_info;
  report_.histograms.Merge(report.histograms);
  report.histograms.Clear();
  for (size_t i = 0; i < report.targets.size(); ++i) {
    report_.targets[i].CopyCountsFrom(report.targets[i]);
    report_.targets[i].MergeHistograms(report.targets[i]);
    report.targets[i].ClearHistograms();
  }
  std::swap(report_.slowest, report.slowest);
  for (RawConnectionSample& row : report.closed) {
    if (report_.closed.size() < closed_rows_) {
      report_.closed.push_back(row);
    } else {
      ++report_.dropped_rows;
    }
  }
  report.closed.clear();
  report_.dropped_rows += std::exchange(report.dropped_rows, 0);
}

void Mailbox::PostSweep(int64_t now_ns, std::vector<RawConnectionSample>& live) {
  base::MutexLock lock(mutex_);
  has_news_ = true;
  report_.sweep_ns = now_ns;
  std::swap(report_.live, live);
}

void Mailbox::Restart() {
  base::MutexLock lock(mutex_);
  report_.histograms.Clear();
  for (TargetNumbers& target : report_.targets) target.ClearHistograms();
}

bool Mailbox::Take(WorkerReport& report) {
  base::MutexLock lock(mutex_);
  if (!std::exchange(has_news_, false)) return false;
  report.histograms.Clear();
  report.closed.clear();
  report.measured = report_.measured;
  report.final = report_.final;
  report.monotonic_ns = report_.monotonic_ns;
  report.counters = report_.counters;
  report.tcp_info = report_.tcp_info;
  std::swap(report.histograms, report_.histograms);
  report.targets.resize(report_.targets.size());
  for (TargetNumbers& target : report.targets) target.ClearHistograms();
  std::swap(report.targets, report_.targets);
  // Counts stay: the next news may be a sweep only.
  for (size_t i = 0; i < report.targets.size(); ++i) {
    report_.targets[i].CopyCountsFrom(report.targets[i]);
  }
  std::swap(report.slowest, report_.slowest);
  std::swap(report.closed, report_.closed);
  report.dropped_rows = std::exchange(report_.dropped_rows, 0);
  if (report.sweep_ns != report_.sweep_ns) {
    report.sweep_ns = report_.sweep_ns;
    std::swap(report.live, report_.live);
  }
  return true;
}

}  // namespace tcpfleet::agent
