// Who reached whom how fast: a matrix where there is one to show, else a list, else the extremes.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/stress/report_sections.h"
#include "controller/stress/short_name.h"

namespace tcpfleet::controller {
namespace {

using Align = Table::Align;
using Value = std::function<std::optional<double>(const v1::PathResult& path)>;

constexpr size_t kWidestMatrix = 12;
constexpr int kLongestList = 20;
constexpr size_t kExtremes = 3;

struct PathNumber {
  std::string label;
  Value value;
  std::string (*text)(double value);
  bool low_is_bad;
};

std::array<PathNumber, 3> PathNumbers(bool streams) {
  const auto p99 = [](const v1::PathResult& path) {
    const v1::Distribution& connect = path.connect_latency_us();
    return connect.has_p99() ? std::optional(connect.p99()) : std::nullopt;
  };
  const auto rtt = [](const v1::PathResult& path) {
    return path.rtt_us().has_p50() ? std::optional(path.rtt_us().p50()) : std::nullopt;
  };
  const auto rate = [streams](const v1::PathResult& path) {
    return std::optional(streams ? path.bits_sent_per_second() + path.bits_received_per_second()
                                 : path.rate_per_second());
  };
  return {PathNumber{streams ? "BIT/S" : "RATE/S", rate, base::FormatCount, true},
          PathNumber{"CONNECT P99", p99, base::FormatMicroseconds, false},
          PathNumber{"RTT P50", rtt, base::FormatMicroseconds, false}};
}

std::string Text(const PathNumber& number, const v1::PathResult& path) {
  const std::optional<double> value = number.value(path);
  return value.has_value() ? number.text(*value) : kUnknownText;
}

std::vector<std::string> Names(const v1::StressReport& report,
                               const std::string& (v1::PathResult::*name)() const) {
  std::set<std::string> names;
  for (const v1::PathResult& path : report.paths()) names.insert((path.*name)());
  return {names.begin(), names.end()};
}

void PrintMatrix(const ReportPage& page, const PathNumber& number,
                 const std::vector<std::string>& clients, const std::vector<std::string>& targets) {
  std::map<std::pair<std::string, std::string>, const v1::PathResult*> paths;
  for (const v1::PathResult& path : page.report.paths()) {
    paths[{path.client(), path.target()}] = &path;
  }
  std::vector<Table::Column> columns{{absl::StrCat(number.label, " to")}};
  for (const std::string& target : targets) {
    columns.push_back({Printable(ShortAgentName(target)), Align::kRight});
  }
  Table table(columns);
  for (const std::string& client : clients) {
    std::vector<Cell> cells{absl::StrCat("from ", ShortAgentName(client))};
    for (const std::string& target : targets) {
      const auto path = paths.find({client, target});
      cells.emplace_back(path == paths.end() ? "" : Text(number, *path->second));
    }
    table.AddRow(std::move(cells));
  }
  PrintTable(page, table);
}

void PrintList(const ReportPage& page, const std::array<PathNumber, 3>& numbers) {
  Table table({{"CLIENT"},
               {"TARGET"},
               {numbers[0].label, Align::kRight},
               {"FAILED", Align::kRight},
               {numbers[1].label, Align::kRight},
               {numbers[2].label, Align::kRight}});
  for (const v1::PathResult& path : page.report.paths()) {
    table.AddRow({ShortAgentName(path.client()),
                  ShortAgentName(path.target()),
                  Text(numbers[0], path),
                  {CountText(path.failed()), path.failed() > 0 ? Style::kRed : Style::kPlain},
                  Text(numbers[1], path),
                  Text(numbers[2], path)});
  }
  PrintTable(page, table);
}

// "RATE/S     median 100, worst 12 a -> b, ..."
void PrintExtremes(const ReportPage& page, const PathNumber& number) {
  std::vector<std::pair<double, const v1::PathResult*>> known;
  for (const v1::PathResult& path : page.report.paths()) {
    if (const auto value = number.value(path); value.has_value()) {
      known.emplace_back(number.low_is_bad ? *value : -*value, &path);
    }
  }
  if (known.empty()) return;
  std::stable_sort(known.begin(), known.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  page.out << absl::StrCat(number.label, ": median ", Text(number, *known[known.size() / 2].second),
                           ", worst");
  for (size_t i = 0; i < std::min(kExtremes, known.size()); ++i) {
    const v1::PathResult& path = *known[i].second;
    page.out << (i > 0 ? "," : "") << " " << Text(number, path) << " "
             << Printable(ShortAgentName(path.client())) << " -> "
             << Printable(ShortAgentName(path.target()));
  }
  page.out << "\n";
}

}  // namespace

void PrintPaths(const ReportPage& page) {
  if (page.report.paths().empty()) return;
  const auto numbers = PathNumbers(page.spec().workload() == v1::StressSpec::WORKLOAD_STREAM);
  const std::vector<std::string> clients = Names(page.report, &v1::PathResult::client);
  const std::vector<std::string> targets = Names(page.report, &v1::PathResult::target);
  const size_t cells = clients.size() * targets.size();
  const bool is_dense = static_cast<size_t>(page.report.paths_size()) * 2 >= cells;
  if (clients.size() > 1 && clients.size() <= kWidestMatrix && targets.size() > 1 &&
      targets.size() <= kWidestMatrix && is_dense) {
    for (const PathNumber& number : numbers) {
      const bool any =
          std::any_of(page.report.paths().begin(), page.report.paths().end(),
                      [&](const v1::PathResult& path) { return number.value(path).has_value(); });
      if (any) PrintMatrix(page, number, clients, targets);
    }
  } else if (page.report.paths_size() <= kLongestList) {
    PrintList(page, numbers);
  } else {
    page.out << "paths      " << page.report.paths_size() << ": " << clients.size() << " clients, "
             << targets.size() << " targets\n";
    for (const PathNumber& number : numbers) {
      page.out << kUnderLabels;
      PrintExtremes(page, number);
    }
    page.out << "\n";
  }
}

}  // namespace tcpfleet::controller
