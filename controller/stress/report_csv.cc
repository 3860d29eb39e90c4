#include "controller/stress/report_csv.h"

#include <absl/strings/str_cat.h>

#include "controller/stress/measurement.h"

namespace tcpfleet::controller {
namespace {

void AddDistribution(bool known, const v1::Distribution& distribution, CsvRow& row) {
  const bool filled = known && distribution.count() > 0;
  for (const double value : {distribution.p50(), distribution.p99(), distribution.max()}) {
    row.push_back(filled ? absl::StrCat(value) : "");
  }
}

CsvRow CsvRowOf(const v1::RunResult& result, const std::string& name, const std::string& role) {
  const v1::TcpInfoReport& info = result.tcp_info();
  CsvRow row{name,
             result.address(),
             role,
             absl::StrCat(result.attempted()),
             absl::StrCat(result.succeeded()),
             absl::StrCat(FailedOperations(result)),
             absl::StrCat(result.cancelled()),
             absl::StrCat(result.rate_per_second()),
             absl::StrCat(result.active()),
             absl::StrCat(result.connections_accepted())};
  AddDistribution(result.has_connect_latency_us(), result.connect_latency_us(), row);
  AddDistribution(result.has_response_latency_us(), result.response_latency_us(), row);
  AddDistribution(info.has_rtt_us(), info.rtt_us(), row);
  row.push_back(result.has_tcp_info() ? absl::StrCat(info.total_retransmits()) : "");
  row.push_back(absl::StrCat(result.cpu_seconds()));
  row.push_back(result.has_first_syn_offset_us() ? absl::StrCat(result.first_syn_offset_us()) : "");
  row.push_back(result.has_clock_uncertainty_us() ? absl::StrCat(result.clock_uncertainty_us())
                                                  : "");
  AddDistribution(result.has_service_latency_us(), result.service_latency_us(), row);
  AddDistribution(result.has_send_lateness_us(), result.send_lateness_us(), row);
  for (const v1::Distribution* const connect : {&result.connect_latency_one_retransmit_us(),
                                                &result.connect_latency_more_retransmits_us()}) {
    row.push_back(result.has_connect_latency_us() ? absl::StrCat(connect->count()) : "");
  }
  row.push_back(absl::StrCat(result.bits_sent_per_second()));
  row.push_back(absl::StrCat(result.bits_received_per_second()));
  row.push_back(absl::StrCat(result.connections_lost()));
  row.push_back(absl::StrCat(result.reconnects()));
  return row;
}

}  // namespace

CsvRow StressCsvHeader() {
  return {"name",
          "address",
          "role",
          "attempted",
          "succeeded",
          "failed",
          "cancelled",
          "ratePerSecond",
          "active",
          "connectionsAccepted",
          "connectLatencyUs.p50",
          "connectLatencyUs.p99",
          "connectLatencyUs.max",
          "responseLatencyUs.p50",
          "responseLatencyUs.p99",
          "responseLatencyUs.max",
          "tcpInfo.rttUs.p50",
          "tcpInfo.rttUs.p99",
          "tcpInfo.rttUs.max",
          "tcpInfo.totalRetransmits",
          "cpuSeconds",
          "firstSynOffsetUs",
          "clockUncertaintyUs",
          "serviceLatencyUs.p50",
          "serviceLatencyUs.p99",
          "serviceLatencyUs.max",
          "sendLatenessUs.p50",
          "sendLatenessUs.p99",
          "sendLatenessUs.max",
          "connectLatencyOneRetransmitUs.count",
          "connectLatencyMoreRetransmitsUs.count",
          "bitsSentPerSecond",
          "bitsReceivedPerSecond",
          "connectionsLost",
          "reconnects"};
}

std::vector<CsvRow> StressCsvRows(const v1::StressReport& report) {
  std::vector<CsvRow> rows;
  for (const v1::RunResult& agent : report.agents())
    rows.push_back(CsvRowOf(agent, agent.name(), agent.role()));
  rows.push_back(CsvRowOf(report.total(), "total", ""));
  return rows;
}

}  // namespace tcpfleet::controller
