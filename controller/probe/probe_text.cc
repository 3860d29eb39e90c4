#include "controller/probe/probe_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/base/units.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/diagnose/labelled_text.h"
#include "controller/fleet/host_list.h"
#include "controller/probe/fold_paths.h"

namespace tcpfleet::controller {
namespace {

constexpr char kNone[] = "-";
constexpr size_t kMostWays = 6;  // lines

std::string OutcomesOf(const std::map<std::string, uint64_t>& failed) {
  std::vector<std::string> texts;
  for (const auto& [outcome, tries] : failed) {
    texts.push_back(failed.size() == 1 ? outcome : absl::StrCat(tries, " ", outcome));
  }
  return absl::StrJoin(texts, ", ");
}

std::string LatencyText(std::optional<double> us) {
  return us ? base::FormatMicroseconds(*us) : kNone;
}

Cell ResultOf(const FoldedPaths& row) {
  if (row.first().address().empty()) return {"no address", Style::kRed};
  const std::string ratio = absl::StrCat(row.connected(), "/", row.tries());
  const std::map<std::string, uint64_t> failed = row.failed();
  if (failed.empty()) {
    return {ratio, row.connected() > 0 ? Style::kGreen : Style::kPlain};
  }
  return {absl::StrCat(ratio, " ", OutcomesOf(failed)),
          row.connected() > 0 ? Style::kYellow : Style::kRed};
}

void PrintTable(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout) {
  using Align = Table::Align;
  Table table({{"HOSTS", Align::kLeft},
               {"ADDRESS", Align::kRight},
               {"CONNECTED", Align::kRight},
               {"MIN", Align::kRight},
               {"MEDIAN", Align::kRight},
               {"MAX", Align::kRight},
               {"SYN AGAIN", Align::kRight},
               {"RTT", Align::kRight}});
  const std::vector<FoldedPaths> rows = FoldPaths(report, [](const v1::ProbePath& path) {
    const std::map<std::string, uint64_t> failed(path.failed().begin(), path.failed().end());
    std::vector<std::string> outcomes;
    for (const auto& [outcome, tries] : failed) outcomes.push_back(outcome);
    return absl::StrCat("failed ", absl::StrJoin(outcomes, ","), " connected ",
                        path.connected() > 0, " because ", path.cause());
  });
  for (const FoldedPaths& row : rows) {
    const std::string& address = row.first().address();
    table.AddRow({FoldNames(row.agents()), address.empty() ? kNone : address, ResultOf(row),
                  LatencyText(row.latency_min_us()), LatencyText(row.latency_median_us()),
                  LatencyText(row.latency_max_us()),
                  address.empty() ? kNone : absl::StrCat(row.syn_retransmits()),
                  LatencyText(row.FieldMedian("rtt"))});
  }
  table.Print(out, layout.width, layout.color);
}

// "ts sack wscale:7,7, MSS 1448, path MTU 1500 (confirmed: ...)"
std::string WayText(const v1::ProbePath& path) {
  std::vector<std::string> parts;
  if (path.connected() > 0) {
    const std::string options = absl::StrJoin(path.options(), " ");
    parts.push_back(options.empty() ? "no options" : options);
    const auto mss = path.fields().find("snd_mss");
    if (mss != path.fields().end()) parts.push_back(absl::StrCat("MSS ", mss->second));
  }
  if (path.has_path_mtu()) {
    const v1::ProbePathMtu& mtu = path.path_mtu();
    const std::string size = mtu.has_bytes() ? absl::StrCat(mtu.bytes()) : "unknown";
    const absl::string_view doubt = mtu.confirmed() || !mtu.has_bytes() ? "" : ", not confirmed";
    const bool is_plain = mtu.detail().empty() || (mtu.confirmed() && !mtu.black_hole());
    const std::string detail = is_plain ? "" : absl::StrCat(" (", mtu.detail(), ")");
    parts.push_back(absl::StrCat("path MTU ", size, doubt, detail));
  }
  return absl::StrJoin(parts, ", ");
}

int LinesWidth(const ProbeLayout& layout) {
  return layout.width > 0 ? std::min(layout.width, kLabelledColumns) : kLabelledColumns;
}

bool HasOneAddress(const v1::ProbeReport& report) {
  return std::all_of(report.paths().begin(), report.paths().end(), [&](const v1::ProbePath& path) {
    return path.address() == report.paths(0).address();
  });
}

void PrintWays(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout) {
  const std::vector<FoldedPaths> ways = FoldPaths(report, &WayText);
  const bool has_one_address = HasOneAddress(report);
  for (size_t i = 0; i < std::min(ways.size(), kMostWays); ++i) {
    const v1::ProbePath& path = ways[i].first();
    PrintLabelled(
        out, i == 0 ? "path" : "",
        Printable(absl::StrCat(FoldNames(ways[i].agents()), has_one_address ? "" : " to ",
                               has_one_address ? "" : path.address(), ": ", WayText(path))),
        LinesWidth(layout));
  }
  if (ways.size() > kMostWays) {
    PrintLabelled(out, "",
                  absl::StrCat("and ", ways.size() - kMostWays, " more: --output json has them"));
  }
}

// Only names are resolved: an address takes next to no time.
void PrintResolution(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout) {
  const v1::ProbePath* slowest = nullptr;
  std::vector<double> times;
  std::set<std::string> agents;
  for (const v1::ProbePath& path : report.paths()) {
    if (path.address().empty() || !agents.insert(path.agent()).second) continue;
    // The target is the address itself.
    if (report.target().find(path.address()) != std::string::npos) return;
    times.push_back(path.resolution_us());
    if (slowest == nullptr || path.resolution_us() > slowest->resolution_us()) slowest = &path;
  }
  if (slowest == nullptr) return;
  std::sort(times.begin(), times.end());
  std::string text = base::FormatMicroseconds(times[(times.size() - 1) / 2]);
  if (times.size() > 1) {
    absl::StrAppend(&text, " (median), at most ",
                    base::FormatMicroseconds(slowest->resolution_us()), " on ", slowest->agent());
  }
  PrintLabelled(out, "resolved", Printable(text), LinesWidth(layout));
}

std::set<std::string> AgentsOf(const v1::ProbeReport& report) {
  std::set<std::string> agents;
  for (const v1::ProbePath& path : report.paths()) agents.insert(path.agent());
  return agents;
}

bool IsFailing(const v1::ProbePath& path) {
  return path.address().empty() || !path.failed().empty();
}

void PrintCauses(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout) {
  const size_t agents = AgentsOf(report).size();
  const int width = LinesWidth(layout);
  std::vector<FoldedPaths> folded = FoldPaths(report, [](const v1::ProbePath& path) {
    return path.cause().empty() ? "" : absl::StrCat(IsFailing(path), path.cause());
  });
  std::stable_partition(folded.begin(), folded.end(),
                        [](const FoldedPaths& one) { return IsFailing(one.first()); });
  for (const FoldedPaths& one : folded) {
    const v1::ProbePath& path = one.first();
    const std::vector<std::string> names = one.agents();
    out << (IsFailing(path) ? Styled(Style::kRed, "fails", layout.color)
                            : Styled(Style::kYellow, "note ", layout.color))
        << "  " << Printable(FoldNames(names));
    if (names.size() < agents) out << absl::StrFormat(", %d of %d hosts", names.size(), agents);
    if (!path.address().empty()) out << "  to " << path.address();
    const std::map<std::string, uint64_t> failed = one.failed();
    if (!failed.empty()) {
      out << "  " << one.tries() - one.connected() << " of " << one.tries()
          << " tries: " << Printable(OutcomesOf(failed));
    }
    out << '\n';
    PrintLabelled(out, "cause", Printable(path.cause()), width);
    for (int i = 0; i < path.fixes_size(); ++i) {
      PrintLabelled(out, i == 0 ? "fix" : "", Printable(path.fixes(i)), width);
    }
    if (path.confidence() == "low") {
      PrintLabelled(out, "but", "this is not certain: several causes look alike from here", width);
    }
    out << '\n';
  }
}

std::string NumberText(double value) { return absl::StrFormat("%.3f", value); }

std::string FieldText(const v1::ProbeTry& one, const std::string& field) {
  const auto found = one.fields().find(field);
  return found == one.fields().end() ? "" : absl::StrCat(found->second);
}

}  // namespace

void PrintProbe(std::ostream& out, const v1::ProbeReport& report, const ProbeLayout& layout) {
  if (report.paths().empty()) {
    out << "no host tried " << Printable(report.target()) << '\n';
    return;
  }
  PrintTable(out, report, layout);
  PrintResolution(out, report, layout);
  PrintWays(out, report, layout);
  out << '\n';
  PrintCauses(out, report, layout);
  std::set<std::string> failing;
  for (const v1::ProbePath& path : report.paths()) {
    if (IsFailing(path)) failing.insert(path.agent());
  }
  const size_t hosts = AgentsOf(report).size();
  out << Printable(report.target()) << " from " << hosts << (hosts == 1 ? " host: " : " hosts: ")
      << hosts - failing.size() << " connected every time, " << failing.size() << " did not\n";
}

CsvRow ProbeCsvHeader() {
  return {"agent",         "address",          "number",         "outcome",
          "duration_us",   "syn_retransmits",  "local",          "options",
          "rtt_us",        "snd_mss",          "path_mtu_bytes", "path_mtu_confirmed",
          "resolution_us", "resolution_error", "target_host",    "cause",
          "confidence"};
}

std::vector<CsvRow> ProbeCsvRows(const v1::ProbePath& path) {
  std::vector<CsvRow> rows;
  const auto add = [&](CsvRow row) {
    const bool has_mtu = path.path_mtu().has_bytes();
    for (const std::string& cell :
         {has_mtu ? absl::StrCat(path.path_mtu().bytes()) : "",
          std::string(!has_mtu                      ? ""
                      : path.path_mtu().confirmed() ? "true"
                                                    : "false"),
          path.has_resolution_us() ? NumberText(path.resolution_us()) : "", path.resolution_error(),
          path.target_host(), path.cause(), path.confidence()}) {
      row.push_back(cell);
    }
    rows.push_back(std::move(row));
  };
  for (const v1::ProbeTry& one : path.single_tries()) {
    add({path.agent(), path.address(), absl::StrCat(one.number()), one.outcome(),
         NumberText(one.duration_us()), absl::StrCat(one.syn_retransmits()), one.local(),
         absl::StrJoin(one.options(), " "), FieldText(one, "rtt"), FieldText(one, "snd_mss")});
  }
  if (path.single_tries().empty()) {
    add({path.agent(), path.address(), "", "", "", "", "", "", "", ""});
  }
  return rows;
}

}  // namespace tcpfleet::controller
