// What went wrong, with a word what it means and what would help.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <set>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/fleet/failure.h"
#include "controller/fleet/host_list.h"
#include "controller/stress/failure_hints.h"
#include "controller/stress/kernel_notes.h"
#include "controller/stress/measurement.h"
#include "controller/stress/report_sections.h"
#include "controller/stress/short_name.h"
#include "controller/stress/slow_cause.h"
#include "controller/stress/verdict.h"

namespace tcpfleet::controller {
namespace {

constexpr int kMostSlowest = 3;

std::map<std::string, uint64_t> Sorted(const google::protobuf::Map<std::string, uint64_t>& counts) {
  return {counts.begin(), counts.end()};
}

std::string Hint(const ReportPage& page, const std::string& failure_class) {
  const std::string hint = FailureHint(failure_class, page.spec());
  return hint.empty() ? "" : absl::StrCat(": ", hint);
}

Style VerdictStyle(absl::string_view verdict) {
  return verdict == "PASS" ? Style::kGreen : verdict == "PARTIAL" ? Style::kYellow : Style::kRed;
}

}  // namespace

void PrintSlowest(const ReportPage& page) {
  if (page.report.slowest().empty()) return;
  using Align = Table::Align;
  Table table({{"SLOWEST"},
               {"AT", Align::kRight},
               {"RESPONSE", Align::kRight},
               {"SERVICE", Align::kRight},
               {"LOCAL"},
               {"PEER"},
               {"CAUSE"}});
  for (int i = 0; i < std::min(kMostSlowest, page.report.slowest_size()); ++i) {
    const v1::SlowOperation& slow = page.report.slowest(i);
    table.AddRow({ShortAgentName(slow.agent()), absl::StrFormat("%.3f s", slow.due_seconds()),
                  base::FormatMicroseconds(slow.response_latency_us()),
                  base::FormatMicroseconds(slow.service_latency_us()), slow.local(), slow.peer(),
                  SlowCause(slow)});
  }
  PrintTable(page, table);
}

void PrintServers(const ReportPage& page) {
  bool any = false;
  for (const v1::RunResult& agent : page.report.agents()) {
    if (agent.role() != "server") continue;
    any = true;
    page.out << "server     " << Printable(agent.name()) << ": accepted "
             << CountText(agent.connections_accepted());
    for (const auto& [name, count] : Sorted(agent.accept_failed())) {
      page.out << ", accept failed: " << Printable(name) << " " << CountText(count)
               << Hint(page, name);
    }
    page.out << "\n";
  }
  if (any) page.out << "\n";
}

void PrintFailedOperations(const ReportPage& page) {
  const v1::RunResult& total = page.report.total();
  if (FailedOperations(total) > 0) {
    page.out << absl::StrFormat("failed     %s of %s operations (%.3g%%)\n",
                                CountText(FailedOperations(total)), CountText(total.attempted()),
                                total.failed_percent());
  }
  for (const auto& [name, count] : Sorted(total.failed())) {
    if (count == 0) continue;
    page.out << kUnderLabels
             << Styled(Style::kRed, absl::StrCat(Printable(name), " ", CountText(count)),
                       page.color)
             << Hint(page, name) << "\n";
  }
  if (total.connections_lost() > 0) {
    page.out << "lost       " << CountText(total.connections_lost())
             << " open connections broke while idle";
    if (total.connections_dead() > 0) {
      page.out << ", " << CountText(total.connections_dead()) << " of them silent for too long";
    }
    page.out << "\n";
  }
  if (total.reconnects() > 0) {
    page.out << "reopened   " << CountText(total.reconnects()) << " connections\n";
  }
}

void PrintHttpStatus(const ReportPage& page) {
  std::vector<std::string> classes;
  for (const auto& [name, count] : Sorted(page.report.total().responses_by_status())) {
    const bool is_error = name == "4xx" || name == "5xx";
    classes.push_back(Styled(is_error ? Style::kRed : Style::kPlain,
                             absl::StrCat(Printable(name), " ", CountText(count)), page.color));
  }
  if (!classes.empty()) page.out << "http       " << absl::StrJoin(classes, ", ") << "\n";
}

void PrintKernelCounters(const ReportPage& page) {
  struct Moved {
    int64_t change = 0;
    std::vector<std::string> names;
  };
  std::map<std::string, Moved> moved;
  std::set<std::pair<std::string, std::string>> seen;
  for (const v1::RunResult& agent : page.report.agents()) {
    for (const auto& [counter, change] : agent.kernel_counters()) {
      // An agent in both roles tells of the same host twice.
      if (change == 0 || KernelCounterNote(counter, page.spec()).empty() ||
          !seen.emplace(agent.name(), counter).second) {
        continue;
      }
      Moved& of_counter = moved[counter];
      of_counter.change += change;
      of_counter.names.push_back(agent.name());
    }
  }
  const char* label = "kernel     ";
  for (const auto& [counter, of_counter] : moved) {
    page.out << label << Printable(counter) << absl::StrFormat(" %+d", of_counter.change) << " on "
             << Printable(FoldNames(of_counter.names)) << ": "
             << KernelCounterNote(counter, page.spec()) << "\n";
    label = kUnderLabels;
  }
}

void PrintGeneratorLimited(const ReportPage& page) {
  const std::string why = GeneratorLateness(page.report);
  if (why.empty()) return;
  page.out << "generator  "
           << Styled(Style::kRed,
                     absl::StrCat("THE LOAD GENERATOR IS THE BOTTLENECK: ", Printable(why)),
                     page.color)
           << "\n"
           << kUnderLabels
           << "what helps: more agents or --threads, idle CPUs on these hosts, a lower --rate, "
              "--timer precise\n";
}

void PrintThresholds(const ReportPage& page) {
  for (const v1::ThresholdResult& threshold : page.report.thresholds()) {
    page.out << "threshold  " << Printable(threshold.expression()) << "  "
             << (threshold.has_observed() ? absl::StrCat("observed ", threshold.observed())
                                          : "nothing to observe")
             << "  "
             << (threshold.passed() ? Styled(Style::kGreen, "ok", page.color)
                                    : Styled(Style::kRed, "BROKEN", page.color))
             << "\n";
  }
}

void PrintAgentFailures(const ReportPage& page) {
  const std::vector<v1::AgentFailure> failures(page.report.failures().begin(),
                                               page.report.failures().end());
  for (const std::string& line : FailureLines(failures)) {
    page.out << "agent      " << Styled(Style::kRed, Printable(line), page.color) << "\n";
  }
}

void PrintVerdict(const ReportPage& page) {
  page.out << "verdict    "
           << Styled(VerdictStyle(page.report.verdict()), Printable(page.report.verdict()),
                     page.color)
           << "  " << Printable(page.report.verdict_reason()) << "\n";
}

}  // namespace tcpfleet::controller
