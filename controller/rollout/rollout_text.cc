#include "controller/rollout/rollout_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <map>
#include <utility>

#include "common/sysctl/key.h"
#include "controller/cli/color.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"

namespace tcpfleet::controller {
namespace {

std::string SideEffects(const v1::RolloutHost& host) {
  return absl::StrJoin(host.side_effects(), ", ",
                       [](std::string* out, const v1::SysctlChange& change) {
                         absl::StrAppend(out, sysctl::DottedKey(change.key()), ": ",
                                         change.old_value(), " -> ", change.new_value());
                       });
}

std::string BecameOf(const v1::RolloutHost& host) {
  const std::string moved = SideEffects(host);
  return absl::StrCat(host.state(), host.why().empty() ? "" : ": ", host.why(),
                      moved.empty() ? "" : "; moved with it: ", moved);
}

void PrintHosts(std::ostream& out, const v1::RolloutWave& wave) {
  std::map<std::string, std::vector<std::string>> names;
  for (const v1::RolloutHost& host : wave.hosts()) names[BecameOf(host)].push_back(host.name());
  for (const auto& [what, hosts] : names) {
    out << "  " << Printable(FoldNames(hosts)) << ": " << Printable(what) << "\n";
  }
}

Style StyleOf(const v1::GateResult& gate) {
  if (gate.state() == "failed") return Style::kRed;
  return gate.state() == "passed" ? Style::kGreen : Style::kYellow;
}

std::string Number(bool has, double value) { return has ? absl::StrFormat("%.4g", value) : "-"; }

void PrintGates(std::ostream& out, const v1::RolloutWave& wave, bool color) {
  Table table({{"  GATE"},
               {"STATE"},
               {"BEFORE", Table::Align::kRight},
               {"AFTER", Table::Align::kRight},
               {"OTHERS BEFORE", Table::Align::kRight},
               {"OTHERS AFTER", Table::Align::kRight},
               {"TOLERANCE", Table::Align::kRight},
               {"WHY"}});
  for (const v1::GateResult& gate : wave.gates()) {
    table.AddRow({absl::StrCat("  ", gate.name()),
                  {gate.state(), StyleOf(gate)},
                  Number(gate.has_changed_before(), gate.changed_before()),
                  Number(gate.has_changed_after(), gate.changed_after()),
                  Number(gate.has_others_before(), gate.others_before()),
                  Number(gate.has_others_after(), gate.others_after()),
                  Number(gate.name() != "answers", gate.tolerance()),
                  gate.why()});
  }
  if (!table.empty()) table.Print(out, 0, color);
}

std::vector<std::string> NamesOf(const v1::RolloutWave& wave) {
  std::vector<std::string> names;
  for (const v1::RolloutHost& host : wave.hosts()) names.push_back(host.name());
  return names;
}

}  // namespace

std::string WaveLine(const v1::RolloutReport& report, size_t wave) {
  const v1::RolloutWave& entry = report.waves(static_cast<int>(wave));
  return absl::StrCat("wave ", wave + 1, " of ", report.waves_size(), ": ",
                      FoldNames(NamesOf(entry)), ": ", entry.state());
}

void PrintRollout(std::ostream& out, const v1::RolloutReport& report, bool color) {
  for (int i = 0; i < report.waves_size(); ++i) {
    out << Styled(Style::kBold, Printable(WaveLine(report, static_cast<size_t>(i))), color) << "\n";
    PrintHosts(out, report.waves(i));
    PrintGates(out, report.waves(i), color);
    out << "\n";
  }
  out << "rollout of plan " << Printable(report.plan().id().substr(0, 12)) << ": "
      << Printable(report.state());
  if (!report.why().empty()) out << ": " << Printable(report.why());
  out << "\n";
}

CsvRow RolloutCsvHeader() {
  return {"wave", "wave_state", "agent", "state", "transaction", "why", "side_effects"};
}

std::vector<CsvRow> RolloutCsvRows(const v1::RolloutReport& report) {
  std::vector<CsvRow> rows;
  for (int i = 0; i < report.waves_size(); ++i) {
    for (const v1::RolloutHost& host : report.waves(i).hosts()) {
      rows.push_back({absl::StrCat(i + 1), report.waves(i).state(), host.name(), host.state(),
                      host.transaction(), host.why(), SideEffects(host)});
    }
  }
  return rows;
}

}  // namespace tcpfleet::controller
