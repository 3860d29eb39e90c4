// The numbers of the clients.
#include <absl/strings/str_cat.h>

#include <cmath>

#include "common/base/units.h"
#include "controller/stress/load_shape.h"
#include "controller/stress/measurement.h"
#include "controller/stress/options.h"
#include "controller/stress/report_sections.h"
#include "controller/stress/short_name.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;

// Clients, then their total.
template <class AddRow>
void ForClients(const ReportPage& page, AddRow add_row) {
  int clients = 0;
  for (const v1::RunResult& agent : page.report.agents()) {
    if (agent.role() != "client") continue;
    add_row(ShortAgentName(agent.name()), agent, Style::kPlain);
    ++clients;
  }
  if (clients > 1) add_row("total", page.report.total(), Style::kBold);
}

void AddTimes(const std::string& name, bool known, const v1::Distribution& times, Table& table) {
  if (!known || times.count() == 0) return;
  table.AddRow({name, UsText(times.has_p50(), times.p50()), UsText(times.has_p90(), times.p90()),
                UsText(times.has_p99(), times.p99()), UsText(times.has_p999(), times.p999()),
                UsText(times.has_max(), times.max()), CountText(times.count())});
}

std::string SignedUs(double us) {
  return absl::StrCat(us < 0 ? "-" : "+", base::FormatMicroseconds(std::fabs(us)));
}

std::string FirstSyn(const v1::RunResult& result) {
  if (!result.has_first_syn_offset_us()) return kUnknownText;
  return absl::StrCat(SignedUs(result.first_syn_offset_us()), " ± ",
                      base::FormatMicroseconds(result.clock_uncertainty_us()));
}

}  // namespace

void PrintTimes(const ReportPage& page) {
  Table table({{"TIMES"},
               {"P50", Align::kRight},
               {"P90", Align::kRight},
               {"P99", Align::kRight},
               {"P99.9", Align::kRight},
               {"MAX", Align::kRight},
               {"COUNT", Align::kRight}});
  const v1::RunResult& total = page.report.total();
  if (HasResponses(page.spec())) {
    AddTimes("response", total.has_response_latency_us(), total.response_latency_us(), table);
    if (IsOpenLoop(page.spec())) {
      AddTimes("  service", total.has_service_latency_us(), total.service_latency_us(), table);
    }
  }
  AddTimes("sent late by", total.has_send_lateness_us(), total.send_lateness_us(), table);
  AddTimes("connect", total.has_connect_latency_us(), total.connect_latency_us(), table);
  const v1::Distribution& one = total.connect_latency_one_retransmit_us();
  const v1::Distribution& more = total.connect_latency_more_retransmits_us();
  if (one.count() + more.count() > 0) {
    AddTimes("  no SYN resent", total.has_connect_latency_no_retransmit_us(),
             total.connect_latency_no_retransmit_us(), table);
    AddTimes("  1 SYN resent", true, one, table);
    AddTimes("  2+ SYNs resent", true, more, table);
  }
  if (!table.empty()) PrintTable(page, table);
}

void PrintOperations(const ReportPage& page) {
  const bool streams = page.spec().workload() == v1::StressSpec::WORKLOAD_STREAM;
  const bool responses = HasResponses(page.spec());
  std::vector<Table::Column> columns{{"CLIENT"}};
  const auto add_columns = [&](std::initializer_list<const char*> names) {
    for (const char* const name : names) columns.push_back({name, Align::kRight});
  };
  if (streams) add_columns({"SENT", "RECEIVED"});
  if (!streams) add_columns({"RATE/S"});
  add_columns({"OK", "FAILED", "CONN P50", "P99"});
  if (responses) add_columns({"RESP P50", "P99"});
  add_columns({"CONN MAX", "CANCELLED"});
  Table table(columns);
  ForClients(page, [&](const std::string& name, const v1::RunResult& result, Style style) {
    const uint64_t failed = FailedOperations(result);
    const v1::Distribution& connect = result.connect_latency_us();
    const v1::Distribution& response = result.response_latency_us();
    std::vector<Cell> cells{{name, style}};
    if (streams) {
      cells.emplace_back(BitRateText(result.bits_sent_per_second()));
      cells.emplace_back(BitRateText(result.bits_received_per_second()));
    } else {
      cells.emplace_back(base::FormatCount(result.rate_per_second()));
    }
    cells.emplace_back(CountText(result.succeeded()));
    cells.emplace_back(CountText(failed), failed > 0 ? Style::kRed : Style::kPlain);
    cells.emplace_back(UsText(connect.has_p50(), connect.p50()));
    cells.emplace_back(UsText(connect.has_p99(), connect.p99()));
    if (responses) {
      cells.emplace_back(UsText(response.has_p50(), response.p50()));
      cells.emplace_back(UsText(response.has_p99(), response.p99()));
    }
    cells.emplace_back(UsText(connect.has_max(), connect.max()));
    cells.emplace_back(CountText(result.cancelled()));
    table.AddRow(std::move(cells));
  });
  PrintTable(page, table);
}

void PrintNetwork(const ReportPage& page) {
  const bool streams = page.spec().workload() == v1::StressSpec::WORKLOAD_STREAM;
  Table table({{"CLIENT"},
               {"RTT P50", Align::kRight},
               {"P99", Align::kRight},
               {"RETRANSMITS", Align::kRight},
               {"SAMPLED", Align::kRight},
               {streams ? "CPU/GB" : "CPU/1K", Align::kRight},
               {"FIRST SYN", Align::kRight}});
  ForClients(page, [&](const std::string& name, const v1::RunResult& result, Style style) {
    const v1::TcpInfoReport& info = result.tcp_info();
    const v1::Distribution& rtt = info.rtt_us();
    const double work =
        streams ? static_cast<double>(result.bytes_sent() + result.bytes_received()) / 1e9
                : static_cast<double>(result.succeeded()) / 1e3;
    table.AddRow({{name, style},
                  UsText(rtt.has_p50(), rtt.p50()),
                  UsText(rtt.has_p99(), rtt.p99()),
                  result.has_tcp_info() ? CountText(info.total_retransmits()) : kUnknownText,
                  result.has_tcp_info() ? CountText(info.connections_sampled()) : kUnknownText,
                  UsText(work > 0, work > 0 ? result.cpu_seconds() * 1e6 / work : 0),
                  FirstSyn(result)});
  });
  PrintTable(page, table);
}

}  // namespace tcpfleet::controller
