#include "controller/stress/report_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"
#include "controller/stress/report_sections.h"

namespace tcpfleet::controller {

std::string CountText(uint64_t count) { return base::FormatCount(static_cast<double>(count)); }

std::string UsText(bool known, double us) {
  return known ? base::FormatMicroseconds(us) : kUnknownText;
}

std::string BitRateText(double bits_per_second) {
  // "9.41 GB" of bits.
  std::string text = base::FormatBytes(bits_per_second);
  text.pop_back();
  return absl::StrCat(text, "bit/s");
}

void PrintTable(const ReportPage& page, const Table& table) {
  table.Print(page.out, page.width, page.color);
  page.out << "\n";
}

void PrintFolded(const ReportPage& page, absl::string_view label, const NamesByText& names) {
  for (const auto& [text, names_of_text] : names) {
    page.out << absl::StrFormat("%-9s  %s: %s\n", label, Printable(FoldNames(names_of_text)),
                                Printable(text));
  }
}

void PrintReport(std::ostream& out, const v1::StressReport& report, int width, bool color) {
  const ReportPage page{out, report, width, color};
  PrintHeadline(page);
  if (page.was_measured()) {
    PrintTimes(page);
    PrintOperations(page);
    PrintNetwork(page);
    PrintPaths(page);
    PrintSlowest(page);
  }
  PrintServers(page);
  PrintFailedOperations(page);
  PrintHttpStatus(page);
  PrintKernelCounters(page);
  PrintSocketOptions(page);
  PrintPreflight(page);
  PrintGeneratorLimited(page);
  PrintThresholds(page);
  PrintAgentFailures(page);
  PrintVerdict(page);
}

}  // namespace tcpfleet::controller
