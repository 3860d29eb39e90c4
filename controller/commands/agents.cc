#include "controller/commands/agents.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "common/base/units.h"
#include "controller/cli/printer.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/commands/failures.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/hello.h"
#include "controller/fleet/host_list.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {
namespace {

constexpr double kNsPerUs = 1e3;

absl::string_view LevelName(v1::Collector::Level level) {
  switch (level) {
    case v1::Collector::LEVEL_FULL:
      return "full";
    case v1::Collector::LEVEL_DEGRADED:
      return "degraded";
    case v1::Collector::LEVEL_UNAVAILABLE:
      return "unavailable";
    default:
      return "unknown";
  }
}

bool AllFull(const v1::DescribeResponse& host) {
  for (const v1::Collector& collector : host.collectors()) {
    if (collector.level() != v1::Collector::LEVEL_FULL) return false;
  }
  return true;
}

// Two largest units: "3d 4h", "5m 12s".
std::string FormatUptime(double seconds) {
  if (!(seconds >= 0) || seconds > 1e10) return "?";
  const auto total = static_cast<int64_t>(seconds);
  const int64_t days = total / 86'400;
  const int64_t hours = total / 3'600 % 24;
  const int64_t minutes = total / 60 % 60;
  if (days > 0) return absl::StrFormat("%dd %dh", days, hours);
  if (hours > 0) return absl::StrFormat("%dh %dm", hours, minutes);
  if (minutes > 0) return absl::StrFormat("%dm %ds", minutes, total % 60);
  return absl::StrFormat("%ds", total);
}

std::string FormatOffset(const v1::AgentEntry& entry) {
  return absl::StrCat(entry.clock_offset_us() < 0 ? "-" : "+",
                      base::FormatMicroseconds(std::abs(entry.clock_offset_us())), " ±",
                      base::FormatMicroseconds(entry.clock_uncertainty_us()));
}

void PrintTable(const v1::AgentsReport& report, CommandContext& context) {
  using Align = Table::Align;
  Table table({{"NAME"},
               {"ADDRESS"},
               {"HOST"},
               {"VERSION"},
               {"KERNEL"},
               {"CPUS", Align::kRight},
               {"UPTIME", Align::kRight},
               {"CLOCK OFFSET", Align::kRight},
               {"COLLECTORS"}});
  std::vector<std::string> lines;  // what is missing, in order of first appearance
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::AgentEntry& entry : report.agents()) {
    const v1::DescribeResponse& host = entry.host();
    const bool full = AllFull(host);
    table.AddRow({entry.name(), entry.address(), host.name(), host.version(), host.kernel(),
                  absl::StrCat(host.cpus()), FormatUptime(host.uptime_seconds()),
                  FormatOffset(entry),
                  Cell(full ? "full" : "degraded", full ? Style::kGreen : Style::kYellow)});
    for (const v1::Collector& collector : host.collectors()) {
      if (collector.level() == v1::Collector::LEVEL_FULL) continue;
      const std::string line = absl::StrCat(collector.name(), " ", LevelName(collector.level()),
                                            ": ", collector.detail());
      if (names[line].empty()) lines.push_back(line);
      names[line].push_back(entry.name());
    }
  }
  if (table.empty()) return;
  table.Print(context.out, context.out_is_terminal ? context.terminal_columns : 0,
              context.out_color);
  for (const std::string& line : lines) {
    context.out << Printable(absl::StrCat(FoldNames(names[line]), ": ", line)) << '\n';
  }
}

void PrintCsv(const v1::AgentsReport& report, std::ostream& out) {
  std::vector<CsvRow> rows;
  for (const v1::AgentEntry& entry : report.agents()) {
    const v1::DescribeResponse& host = entry.host();
    std::vector<std::string> collectors;
    for (const v1::Collector& collector : host.collectors()) {
      collectors.push_back(absl::StrCat(collector.name(), "=", LevelName(collector.level())));
    }
    rows.push_back({entry.name(), entry.address(), host.name(), host.version(), host.kernel(),
                    host.boot_id(), absl::StrCat(host.network_namespace()),
                    absl::StrCat(host.cpus()), absl::StrFormat("%.0f", host.uptime_seconds()),
                    absl::StrFormat("%.3f", entry.clock_offset_us()),
                    absl::StrFormat("%.3f", entry.clock_uncertainty_us()),
                    absl::StrJoin(collectors, ";")});
  }
  WriteCsv(out,
           {"name", "address", "host", "version", "kernel", "boot_id", "network_namespace", "cpus",
            "uptime_seconds", "clock_offset_us", "clock_uncertainty_us", "collectors"},
           rows);
}

absl::Status Print(const v1::AgentsReport& report, CommandContext& context) {
  switch (context.options.output) {
    case OutputFormat::kTable:
      PrintTable(report, context);
      break;
    case OutputFormat::kJson:
      return WriteJson(context.out, report);
    case OutputFormat::kJsonl:
      for (const v1::AgentEntry& entry : report.agents()) {
        TF_RETURN_IF_ERROR(WriteJsonl(context.out, entry));
      }
      break;
    case OutputFormat::kCsv:
      PrintCsv(report, context.out);
      break;
  }
  return absl::OkStatus();
}

class AgentsCommand final : public Command {
 public:
  void AddOptions(CLI::App&) override {}

  absl::StatusOr<ExitCode> Run(CommandContext& context) override {
    TF_ASSIGN_OR_RETURN(const std::unique_ptr<Fleet> fleet, context.OpenFleet());
    std::vector<Hello> hellos = SayHello(*fleet, context.clock, context.interrupt->token());
    v1::AgentsReport report;
    for (size_t i = 0; i < hellos.size(); ++i) {
      const AgentTarget& target = fleet->members()[i].target;
      Hello& hello = hellos[i];
      if (!hello.host.ok()) {
        *report.add_failures() = DescribeFailure(target, hello.host.status());
        continue;
      }
      v1::AgentEntry& entry = *report.add_agents();
      entry.set_name(target.name);
      entry.set_address(target.address);
      *entry.mutable_host() = *std::move(hello.host);
      entry.set_clock_offset_us(static_cast<double>(hello.clock.offset_ns) / kNsPerUs);
      entry.set_clock_uncertainty_us(static_cast<double>(hello.clock.uncertainty_ns) / kNsPerUs);
    }
    TF_RETURN_IF_ERROR(Print(report, context));
    return ConcludeFanOut(context, hellos.size(), report.failures());
  }
};

}  // namespace

std::unique_ptr<Command> MakeAgentsCommand() { return std::make_unique<AgentsCommand>(); }

}  // namespace tcpfleet::controller
