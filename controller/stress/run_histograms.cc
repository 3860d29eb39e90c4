#include "controller/stress/run_histograms.h"

#include <array>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"

namespace tcpfleet::controller {
namespace {

constexpr double kNsPerUs = 1e3;

struct Series {
  const char* name;
  MergedHistogram RunHistograms::*histogram;
  const v1::HistogramDelta& (*delta)(const v1::Progress& progress);
};
using H = RunHistograms;
using P = const v1::Progress&;
constexpr std::array kSeries = {
    Series{"connect latency", &H::connect_ns, [](P p) -> auto& {return p.connect_latency();
}  // namespace
}  // namespace tcpfleet::controller
, Series{"connect latency with one retransmission", &H::connect_one_retransmit_ns,
         [](P p) -> auto& {return p.connect_latency_one_retransmit();
}
}
, Series{"connect latency with more retransmissions", &H::connect_more_retransmits_ns,
         [](P p) -> auto& {return p.connect_latency_more_retransmits();
}
}
, Series{"response latency", &H::response_ns, [](P p) -> auto& {return p.response_latency();
}
}
, Series{"service latency", &H::service_ns, [](P p) -> auto& {return p.service_latency();
}
}
, Series{"send lateness", &H::lateness_ns, [](P p) -> auto& {return p.send_lateness();
}
}
, Series{"rtt", &H::rtt_us, [](P p) -> auto& {return p.tcp_info().rtt_us();
}
}
, Series{"min rtt", &H::min_rtt_us, [](P p) -> auto& {return p.tcp_info().min_rtt_us();
}
}
, Series{"snd_cwnd", &H::snd_cwnd, [](P p) -> auto& {return p.tcp_info().snd_cwnd();
}
}
,
}
;

}  // namespace

absl::Status RunHistograms::Add(const v1::Progress& progress) {
  for (const Series& series : kSeries) {
    TF_RETURN_IF_ERROR(
        base::WithContext(series.name, (this->*series.histogram).Add(series.delta(progress))));
  }
  return absl::OkStatus();
}

void RunHistograms::Clear() {
  for (const Series& series : kSeries) (this->*series.histogram).Clear();
}

void RunHistograms::Merge(const RunHistograms& other) {
  open_loop = open_loop || other.open_loop;
  for (const Series& series : kSeries) {
    (this->*series.histogram).Merge(other.*series.histogram);
  }
}

void FillDistributions(const RunHistograms& histograms, v1::RunResult& result) {
  if (const MergedHistogram& all = histograms.connect_ns; !all.empty()) {
    const MergedHistogram& one = histograms.connect_one_retransmit_ns;
    const MergedHistogram& more = histograms.connect_more_retransmits_ns;
    *result.mutable_connect_latency_us() = all.ToDistribution(kNsPerUs);
    *result.mutable_connect_latency_no_retransmit_us() =
        all.Without(one).Without(more).ToDistribution(kNsPerUs);
    *result.mutable_connect_latency_one_retransmit_us() = one.ToDistribution(kNsPerUs);
    *result.mutable_connect_latency_more_retransmits_us() = more.ToDistribution(kNsPerUs);
  }
  if (const MergedHistogram& response = histograms.response_ns; !response.empty()) {
    *result.mutable_response_latency_us() = response.ToDistribution(kNsPerUs);
    if (!histograms.open_loop) *result.mutable_service_latency_us() = result.response_latency_us();
  }
  if (histograms.open_loop && !histograms.service_ns.empty()) {
    *result.mutable_service_latency_us() = histograms.service_ns.ToDistribution(kNsPerUs);
  }
  if (histograms.open_loop && !histograms.lateness_ns.empty()) {
    *result.mutable_send_lateness_us() = histograms.lateness_ns.ToDistribution(kNsPerUs);
  }
  if (!histograms.rtt_us.empty()) {
    *result.mutable_tcp_info()->mutable_rtt_us() = histograms.rtt_us.ToDistribution(1);
  }
  if (!histograms.min_rtt_us.empty()) {
    *result.mutable_tcp_info()->mutable_min_rtt_us() = histograms.min_rtt_us.ToDistribution(1);
  }
  if (!histograms.snd_cwnd.empty()) {
    *result.mutable_tcp_info()->mutable_snd_cwnd() = histograms.snd_cwnd.ToDistribution(1);
  }
}

}  // namespace tcpfleet::controller
