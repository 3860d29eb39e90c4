#include "agent/kernel/cpu_tables.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

// Of softnet_stat.
constexpr size_t kFewestColumns = 9;
constexpr size_t kReceivedRps = 9;
constexpr size_t kFlowLimit = 10;
constexpr size_t kBacklogLength = 11;
constexpr size_t kCpu = 12;

using Numbers = std::vector<uint64_t>;

absl::StatusOr<Numbers> ParseHexLine(absl::string_view line) {
  Numbers numbers;
  for (const absl::string_view word : absl::StrSplit(line, ' ', absl::SkipEmpty())) {
    if (!absl::SimpleHexAtoi(word, &numbers.emplace_back())) {
      return absl::DataLossError(
          absl::StrCat("'", word.substr(0, 40), "' is no hexadecimal number"));
    }
  }
  return numbers;
}

absl::StatusOr<std::vector<Numbers>> ParseHexLines(absl::Span<const absl::string_view> lines) {
  if (lines.empty() || lines.size() > kMostCpus) {
    return absl::DataLossError(absl::StrCat("has lines of ", lines.size(), " CPUs"));
  }
  std::vector<Numbers> all;
  for (const absl::string_view line : lines) {
    TF_ASSIGN_OR_RETURN(all.emplace_back(), ParseHexLine(line));
  }
  return all;
}

}  // namespace

absl::StatusOr<std::vector<v1::SoftnetCpu>> ParseSoftnet(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  TF_ASSIGN_OR_RETURN(const std::vector<Numbers> rows, ParseHexLines(lines));
  std::vector<v1::SoftnetCpu> cpus;
  for (const Numbers& row : rows) {
    if (row.size() < kFewestColumns) {
      return absl::DataLossError(absl::StrCat("a line has ", row.size(), " columns only"));
    }
    v1::SoftnetCpu& cpu = cpus.emplace_back();
    cpu.set_cpu(static_cast<uint32_t>(row.size() > kCpu ? row[kCpu] : cpus.size() - 1));
    cpu.set_processed(row[0]);
    cpu.set_dropped(row[1]);
    cpu.set_time_squeeze(row[2]);
    if (row.size() > kReceivedRps) cpu.set_received_rps(row[kReceivedRps]);
    if (row.size() > kFlowLimit) cpu.set_flow_limit(row[kFlowLimit]);
    if (row.size() > kBacklogLength) cpu.set_backlog_length(row[kBacklogLength]);
  }
  return cpus;
}

absl::StatusOr<CpuTable> ParseCpuTable(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
  if (lines.empty()) return absl::DataLossError("is empty");
  const std::vector<absl::string_view> names = absl::StrSplit(lines[0], ' ', absl::SkipEmpty());
  TF_ASSIGN_OR_RETURN(const std::vector<Numbers> rows,
                      ParseHexLines(absl::MakeConstSpan(lines).subspan(1)));
  CpuTable table;
  for (const Numbers& row : rows) {
    if (row.size() != names.size()) {
      return absl::DataLossError(
          absl::StrCat("has ", names.size(), " names and ", row.size(), " values"));
    }
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == "entries") {
        table.entries = row[i];
      } else {
        table.counters[std::string(names[i])] += row[i];
      }
    }
  }
  return table;
}

}  // namespace tcpfleet::agent
