#include "controller/campaign/headline.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <array>

#include "common/base/units.h"
#include "controller/campaign/statistics.h"

namespace tcpfleet::controller {
namespace {

using Report = v1::StressReport;
using Read = std::optional<double>;

template <const v1::Distribution& (v1::RunResult::*distribution)() const,
          bool (v1::Distribution::*has)() const, double (v1::Distribution::*value)() const>
Read Percentile(const Report& report) {
  const v1::Distribution& of = (report.total().*distribution)();
  return (of.*has)() ? Read((of.*value)()) : std::nullopt;
}

Read Rate(const Report& report) {
  return report.total().measured_seconds() > 0 ? Read(report.total().rate_per_second())
                                               : std::nullopt;
}

bool IsStream(const Report& report) {
  return report.run().spec().workload() == v1::StressSpec::WORKLOAD_STREAM;
}

Read BitsSent(const Report& report) {
  return IsStream(report) ? Read(report.total().bits_sent_per_second()) : std::nullopt;
}

Read BitsReceived(const Report& report) {
  return IsStream(report) ? Read(report.total().bits_received_per_second()) : std::nullopt;
}

// In a closed loop it is the response latency.
template <bool (v1::Distribution::*has)() const, double (v1::Distribution::*value)() const>
Read Service(const Report& report) {
  const v1::Distribution& service = report.total().service_latency_us();
  return report.run().loop() != "closed" && (service.*has)() ? Read((service.*value)())
                                                             : std::nullopt;
}

Read FailedPercent(const Report& report) {
  return report.total().has_failed_percent() ? Read(report.total().failed_percent()) : std::nullopt;
}

Read CpuPerOperation(const Report& report) {
  return report.total().cpu_seconds() > 0 && report.total().succeeded() > 0
             ? Read(1e6 * report.total().cpu_seconds() /
                    static_cast<double>(report.total().succeeded()))
             : std::nullopt;
}

Read RttP50(const Report& report) {
  const v1::Distribution& rtt = report.total().tcp_info().rtt_us();
  return rtt.has_p50() ? Read(rtt.p50()) : std::nullopt;
}

Read Retransmits(const Report& report) {
  return report.total().has_tcp_info()
             ? Read(static_cast<double>(report.total().tcp_info().total_retransmits()))
             : std::nullopt;
}

using D = v1::Distribution;
using R = v1::RunResult;
constexpr std::array kNumbers = {
    HeadlineNumber{"ratePerSecond", "rate/s", &Rate},
    HeadlineNumber{"bitsSentPerSecond", "sent", &BitsSent},
    HeadlineNumber{"bitsReceivedPerSecond", "received", &BitsReceived},
    HeadlineNumber{"responseLatencyUs.p50", "response p50",
                   &Percentile<&R::response_latency_us, &D::has_p50, &D::p50>},
    HeadlineNumber{"responseLatencyUs.p99", "response p99",
                   &Percentile<&R::response_latency_us, &D::has_p99, &D::p99>},
    HeadlineNumber{"responseLatencyUs.p999", "response p99.9",
                   &Percentile<&R::response_latency_us, &D::has_p999, &D::p999>},
    HeadlineNumber{"serviceLatencyUs.p50", "service p50", &Service<&D::has_p50, &D::p50>},
    HeadlineNumber{"serviceLatencyUs.p99", "service p99", &Service<&D::has_p99, &D::p99>},
    HeadlineNumber{"sendLatenessUs.p99", "send lateness p99",
                   &Percentile<&R::send_lateness_us, &D::has_p99, &D::p99>},
    HeadlineNumber{"connectLatencyUs.p50", "connect p50",
                   &Percentile<&R::connect_latency_us, &D::has_p50, &D::p50>},
    HeadlineNumber{"connectLatencyUs.p99", "connect p99",
                   &Percentile<&R::connect_latency_us, &D::has_p99, &D::p99>},
    HeadlineNumber{"tcpInfo.rttUs.p50", "RTT p50", &RttP50},
    HeadlineNumber{"tcpInfo.totalRetransmits", "retransmits", &Retransmits},
    HeadlineNumber{"failedPercent", "failed", &FailedPercent},
    HeadlineNumber{"cpuUsPerOperation", "CPU/operation", &CpuPerOperation},
};

}  // namespace

absl::Span<const HeadlineNumber> HeadlineNumbers() { return kNumbers; }

std::string TitleOf(absl::string_view name) {
  for (const HeadlineNumber& number : kNumbers) {
    if (number.name == name) return std::string(number.title);
  }
  return std::string(name);
}

std::string NumberText(absl::string_view name, double value) {
  if (absl::StrContains(name, "Us.") || absl::EndsWith(name, "Us") ||
      absl::StartsWith(name, "cpuUs")) {
    return base::FormatMicroseconds(value);
  }
  if (absl::StartsWith(name, "bits")) return absl::StrCat(base::FormatCount(value), "bit/s");
  if (absl::EndsWith(name, "Percent")) return absl::StrFormat("%.3g%%", value);
  return base::FormatCount(value);
}

v1::NumberSpread SpreadOf(absl::string_view name, const std::vector<double>& values) {
  v1::NumberSpread spread;
  spread.set_name(std::string(name));
  spread.set_runs(static_cast<uint32_t>(values.size()));
  if (values.empty()) return spread;
  spread.set_median(Median(values));
  spread.set_min(*std::min_element(values.begin(), values.end()));
  spread.set_max(*std::max_element(values.begin(), values.end()));
  if (const auto variation = VariationPercent(values); variation.has_value()) {
    spread.set_variation_percent(*variation);
  }
  return spread;
}

}  // namespace tcpfleet::controller
