#include "controller/stress/report_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <map>

#include "common/base/units.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/host_list.h"
#include "controller/stress/failure_hints.h"
#include "controller/stress/measurement.h"
#include "controller/stress/options.h"
#include "controller/stress/short_name.h"

namespace tcpfleet::controller {
namespace {

constexpr const char* kUnknown = "-";
constexpr const char* kIndent = "           ";  // under the labels
using Align = Table::Align;

std::string Us(bool known, double us) { return known ? base::FormatMicroseconds(us) : kUnknown; }

std::string SignedUs(double us) {
  return absl::StrCat(us < 0 ? "-" : "+", base::FormatMicroseconds(std::fabs(us)));
}

std::string Count(uint64_t count) { return base::FormatCount(static_cast<double>(count)); }

std::string Time(uint64_t ms) { return absl::FormatDuration(absl::Milliseconds(ms)); }

bool HasResponses(const v1::StressSpec& spec) {
  return spec.workload() == v1::StressSpec::WORKLOAD_CRR ||
         spec.workload() == v1::StressSpec::WORKLOAD_RR;
}

bool KeepsConnections(const v1::StressSpec& spec) {
  return spec.workload() == v1::StressSpec::WORKLOAD_RR ||
         spec.workload() == v1::StressSpec::WORKLOAD_HOLD;
}

absl::string_view CloseName(v1::StressSpec::CloseMode mode) {
  return mode == v1::StressSpec::CLOSE_MODE_FIN ? "fin" : "rst";
}

Style VerdictStyle(absl::string_view verdict) {
  return verdict == "PASS" ? Style::kGreen : verdict == "PARTIAL" ? Style::kYellow : Style::kRed;
}

std::string RateText(double rate) {
  return rate > 0 ? absl::StrCat(base::FormatCount(rate), "/s") : "no rate limit";
}

// "30s/5s/3"
std::string KeepaliveText(const v1::SocketOptions& options) {
  if (!options.keepalive()) return "off";
  return absl::StrCat(options.keepalive_idle_seconds(), "s/", options.keepalive_interval_seconds(),
                      "s/", options.keepalive_probes());
}

class ReportPrinter {
 public:
  ReportPrinter(std::ostream& out, const v1::StressReport& report, int width, bool color)
      : out_(out), report_(report), spec_(report.run().spec()), width_(width), color_(color) {}

  void Print() {
    PrintHeadline();
    if (WasMeasured()) {
      PrintOperations();
      PrintNetwork();
    }
    if (report_.agents_size() > 0) {
      PrintServers();
      PrintFailedOperations();
      PrintSocketOptions();
      PrintWarnings();
    }
    PrintThresholds();
    PrintAgentFailures();
    PrintVerdict();
  }

 private:
  void PrintHeadline() {
    std::vector<std::string> targets;
    for (const v1::Target& target : spec_.targets()) {
      targets.push_back(absl::StrCat(target.host(), ":", target.port()));
    }
    for (const v1::RunResult& agent : report_.agents()) {
      if (agent.role() == "server") targets.push_back(agent.name());
    }
    std::string headline(WorkloadName(spec_.workload()));
    if (!targets.empty()) absl::StrAppend(&headline, " to ", absl::StrJoin(targets, ", "));
    out_ << Styled(Style::kBold, Printable(headline), color_) << ", close "
         << CloseName(spec_.close_mode());
    if (HasResponses(spec_)) {
      out_ << ", request " << spec_.request_bytes() << " B, response " << spec_.response_bytes()
           << " B";
    }
    const v1::RunResult& total = report_.total();
    out_ << "\nrequested  " << Count(spec_.connections()) << " connections, "
         << RateText(spec_.rate_per_second()) << ", " << Time(spec_.duration_ms()) << " after "
         << (spec_.warmup_ms() == 0 ? "no" : absl::StrCat(Time(spec_.warmup_ms()), " of"))
         << " warm-up\nachieved   ";
    if (!WasMeasured()) {
      out_ << "nothing was measured\n\n";
      return;
    }
    // The others open and close between two reports: how many are open then says nothing.
    if (KeepsConnections(spec_)) out_ << Count(total.active()) << " connections at once, ";
    out_ << base::FormatCount(total.rate_per_second()) << "/s over "
         << absl::StrFormat("%.1f s", total.measured_seconds());
    if (report_.has_start_skew_us()) {
      out_ << ", start skew " << base::FormatMicroseconds(report_.start_skew_us()) << " ± "
           << base::FormatMicroseconds(report_.total().clock_uncertainty_us());
    }
    out_ << "\n\n";
  }

  bool WasMeasured() const { return report_.total().measured_seconds() > 0; }

  // Clients, then their total.
  template <class AddRow>
  void ForClients(AddRow add_row) const {
    int clients = 0;
    for (const v1::RunResult& agent : report_.agents()) {
      if (agent.role() != "client") continue;
      add_row(ShortAgentName(agent.name()), agent, Style::kPlain);
      ++clients;
    }
    if (clients > 1) add_row("total", report_.total(), Style::kBold);
  }

  void Print(const Table& table) {
    table.Print(out_, width_, color_);
    out_ << "\n";
  }

  void PrintOperations() {
    std::vector<Table::Column> columns{{"CLIENT"},
                                       {"RATE/S", Align::kRight},
                                       {"OK", Align::kRight},
                                       {"FAILED", Align::kRight},
                                       {"CONN P50", Align::kRight},
                                       {"P99", Align::kRight}};
    if (HasResponses(spec_)) {
      columns.push_back({"RESP P50", Align::kRight});
      columns.push_back({"P99", Align::kRight});
    }
    columns.push_back({"CONN MAX", Align::kRight});
    columns.push_back({"CANCELLED", Align::kRight});
    Table table(columns);
    ForClients([&](const std::string& name, const v1::RunResult& result, Style style) {
      const uint64_t failed = FailedOperations(result);
      const v1::Distribution& connect = result.connect_latency_us();
      const v1::Distribution& response = result.response_latency_us();
      std::vector<Cell> cells{{name, style},
                              base::FormatCount(result.rate_per_second()),
                              Count(result.succeeded()),
                              {Count(failed), failed > 0 ? Style::kRed : Style::kPlain},
                              Us(connect.has_p50(), connect.p50()),
                              Us(connect.has_p99(), connect.p99())};
      if (HasResponses(spec_)) {
        cells.emplace_back(Us(response.has_p50(), response.p50()));
        cells.emplace_back(Us(response.has_p99(), response.p99()));
      }
      cells.emplace_back(Us(connect.has_max(), connect.max()));
      cells.emplace_back(Count(result.cancelled()));
      table.AddRow(std::move(cells));
    });
    Print(table);
  }

  void PrintNetwork() {
    Table table({{"CLIENT"},
                 {"RTT P50", Align::kRight},
                 {"P99", Align::kRight},
                 {"RETRANSMITS", Align::kRight},
                 {"SAMPLED", Align::kRight},
                 {"CPU/1K", Align::kRight},
                 {"FIRST SYN", Align::kRight}});
    ForClients([&](const std::string& name, const v1::RunResult& result, Style style) {
      const v1::TcpInfoReport& info = result.tcp_info();
      const v1::Distribution& rtt = info.rtt_us();
      const bool has_cost = result.succeeded() > 0;
      const double cpu_us_per_1k =
          has_cost ? result.cpu_seconds() * 1e9 / static_cast<double>(result.succeeded()) : 0;
      table.AddRow({{name, style},
                    Us(rtt.has_p50(), rtt.p50()),
                    Us(rtt.has_p99(), rtt.p99()),
                    result.has_tcp_info() ? Count(info.total_retransmits()) : kUnknown,
                    result.has_tcp_info() ? Count(info.connections_sampled()) : kUnknown,
                    Us(has_cost, cpu_us_per_1k),
                    FirstSyn(result)});
    });
    Print(table);
  }

  static std::string FirstSyn(const v1::RunResult& result) {
    if (!result.has_first_syn_offset_us()) return kUnknown;
    return absl::StrCat(SignedUs(result.first_syn_offset_us()), " ± ",
                        base::FormatMicroseconds(result.clock_uncertainty_us()));
  }

  void PrintServers() {
    bool any = false;
    for (const v1::RunResult& agent : report_.agents()) {
      if (agent.role() != "server") continue;
      any = true;
      out_ << "server     " << Printable(agent.name()) << ": accepted "
           << Count(agent.connections_accepted());
      for (const auto& [name, count] : Sorted(agent.accept_failed())) {
        out_ << ", accept failed: " << Printable(name) << " " << Count(count) << Hint(name);
      }
      out_ << "\n";
    }
    if (any) out_ << "\n";
  }

  static std::map<std::string, uint64_t> Sorted(
      const google::protobuf::Map<std::string, uint64_t>& counts) {
    return {counts.begin(), counts.end()};
  }

  std::string Hint(const std::string& failure_class) const {
    const std::string hint = FailureHint(failure_class, spec_);
    return hint.empty() ? "" : absl::StrCat(": ", hint);
  }

  void PrintFailedOperations() {
    const v1::RunResult& total = report_.total();
    if (FailedOperations(total) > 0) {
      out_ << absl::StrFormat("failed     %s of %s operations (%.3g%%)\n",
                              Count(FailedOperations(total)), Count(total.attempted()),
                              total.failed_percent());
    }
    for (const auto& [name, count] : Sorted(total.failed())) {
      if (count == 0) continue;
      out_ << kIndent
           << Styled(Style::kRed, absl::StrCat(Printable(name), " ", Count(count)), color_)
           << Hint(name) << "\n";
    }
    if (total.connections_lost() > 0) {
      out_ << "lost       " << Count(total.connections_lost())
           << " open connections broke while idle\n";
    }
  }

  // Agents that say the same, on one line.
  void PrintFolded(absl::string_view label,
                   const std::map<std::string, std::vector<std::string>>& names_by_text) {
    for (const auto& [text, names] : names_by_text) {
      out_ << absl::StrFormat("%-9s  %s: %s\n", label, Printable(FoldNames(names)),
                              Printable(text));
    }
  }

  void PrintSocketOptions() {
    std::map<std::string, std::vector<std::string>> names;
    for (const v1::RunResult& agent : report_.agents()) {
      if (!agent.has_socket_options()) continue;
      const v1::SocketOptions& options = agent.socket_options();
      names[absl::StrCat("TCP_NODELAY ", options.no_delay() ? "on" : "off", ", keepalive ",
                         KeepaliveText(options), ", close ", options.linger_reset() ? "rst" : "fin",
                         ", SO_REUSEADDR ", options.reuse_address() ? "on" : "off")]
          .push_back(absl::StrCat(agent.name(), agent.role() == "server" ? " (server)" : ""));
    }
    PrintFolded("in force", names);
  }

  void PrintWarnings() {
    std::map<std::string, std::vector<std::string>> names;
    for (const v1::RunResult& agent : report_.agents()) {
      for (const std::string& warning : agent.warnings()) names[warning].push_back(agent.name());
    }
    PrintFolded("warning", names);
  }

  void PrintThresholds() {
    for (const v1::ThresholdResult& threshold : report_.thresholds()) {
      out_ << "threshold  " << threshold.expression() << "  "
           << (threshold.has_observed() ? absl::StrCat("observed ", threshold.observed())
                                        : "nothing to observe")
           << "  "
           << (threshold.passed() ? Styled(Style::kGreen, "ok", color_)
                                  : Styled(Style::kRed, "BROKEN", color_))
           << "\n";
    }
  }

  void PrintAgentFailures() {
    const std::vector<v1::AgentFailure> failures(report_.failures().begin(),
                                                 report_.failures().end());
    for (const std::string& line : FailureLines(failures)) {
      out_ << "agent      " << Styled(Style::kRed, Printable(line), color_) << "\n";
    }
  }

  void PrintVerdict() {
    out_ << "verdict    " << Styled(VerdictStyle(report_.verdict()), report_.verdict(), color_)
         << "  " << Printable(report_.verdict_reason()) << "\n";
  }

  std::ostream& out_;
  const v1::StressReport& report_;
  const v1::StressSpec& spec_;
  const int width_;
  const bool color_;
};

}  // namespace

void PrintReport(std::ostream& out, const v1::StressReport& report, int width, bool color) {
  ReportPrinter(out, report, width, color).Print();
}

}  // namespace tcpfleet::controller
