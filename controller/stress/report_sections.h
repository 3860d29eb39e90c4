// The sections of the report as text; report_text.cc puts them in order. Each prints nothing where
// it has nothing to say.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/table.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

struct ReportPage {
  std::ostream& out;
  const v1::StressReport& report;
  int width;  // of the terminal; 0: no limit
  bool color;

  const v1::StressSpec& spec() const { return report.run().spec(); }
  bool was_measured() const { return report.total().measured_seconds() > 0; }
};

void PrintHeadline(const ReportPage& page);
void PrintTimes(const ReportPage& page);
void PrintOperations(const ReportPage& page);
void PrintNetwork(const ReportPage& page);
void PrintPaths(const ReportPage& page);
void PrintSlowest(const ReportPage& page);
void PrintServers(const ReportPage& page);
void PrintFailedOperations(const ReportPage& page);
void PrintHttpStatus(const ReportPage& page);
void PrintKernelCounters(const ReportPage& page);
void PrintSocketOptions(const ReportPage& page);
void PrintPreflight(const ReportPage& page);
void PrintGeneratorLimited(const ReportPage& page);
void PrintThresholds(const ReportPage& page);
void PrintAgentFailures(const ReportPage& page);
void PrintVerdict(const ReportPage& page);

inline constexpr const char* kUnknownText = "-";
// Labels of single lines take 9 columns and two blanks.
inline constexpr const char* kUnderLabels = "           ";

std::string CountText(uint64_t count);
// "12.3 ms"; "-" when not known.
std::string UsText(bool known, double us);
// "9.41 Gbit/s"
std::string BitRateText(double bits_per_second);
void PrintTable(const ReportPage& page, const Table& table);

// Agents that say the same, on one line.
using NamesByText = std::map<std::string, std::vector<std::string>>;
void PrintFolded(const ReportPage& page, absl::string_view label, const NamesByText& names);

}  // namespace tcpfleet::controller
