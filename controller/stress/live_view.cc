#include "controller/stress/live_view.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <numeric>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/stress/short_name.h"

namespace tcpfleet::controller {
namespace {

using Row = std::vector<std::string>;
// Long names must not push the numbers off the line.
constexpr int kNameColumns = 16;
constexpr size_t kWideGap = 2;

// Which columns there are.
struct Shown {
  bool responses = false;
  bool streams = false;
  bool lateness = false;
};
constexpr double kNotableLatenessUs = 1'000;

Row Header(const Shown& shown) {
  Row header{"AGENT"};
  const auto add = [&](std::initializer_list<const char*> names) {
    header.insert(header.end(), names.begin(), names.end());
  };
  if (shown.streams) add({"SENT BIT/S", "RECV BIT/S"});
  if (!shown.streams) add({"RATE/S"});
  add({"ACTIVE", "FAILED", "CONN P50/P99"});
  if (shown.responses) add({"RESP P50/P99"});
  if (shown.lateness) add({"LATE P50/P99"});
  add({"RTT P50/P99", "RETRANS"});
  return header;
}

std::string Compact(double us) {
  std::string text = base::FormatMicroseconds(us);
  std::erase(text, ' ');
  return text;
}

std::string Pair(const std::optional<LivePercentiles>& percentiles) {
  if (!percentiles.has_value()) return "-";
  return absl::StrCat(Compact(percentiles->p50), "/", Compact(percentiles->p99));
}

std::string Count(uint64_t count) { return base::FormatCount(static_cast<double>(count)); }

std::string Rate(const std::optional<double>& per_second) {
  return per_second.has_value() ? base::FormatCount(*per_second) : "-";
}

Row Numbers(const std::string& name, const LiveNumbers& live, const Shown& shown) {
  Row row{name};
  if (shown.streams) {
    row.push_back(Rate(live.bits_sent_per_second));
    row.push_back(Rate(live.bits_received_per_second));
  } else {
    row.push_back(Rate(live.rate_per_second));
  }
  row.push_back(live.reported ? Count(live.active) : "-");
  row.push_back(live.reported ? Count(live.failed) : "-");
  row.push_back(Pair(live.connect_us));
  if (shown.responses) row.push_back(Pair(live.response_us));
  if (shown.lateness) row.push_back(Pair(live.lateness_us));
  row.push_back(Pair(live.rtt_us));
  row.push_back(live.retransmits.has_value() ? Count(*live.retransmits) : "-");
  return row;
}

Row AgentRow(const Participant& participant, const Shown& shown) {
  const std::string name =
      Shortened(Printable(ShortAgentName(participant.target().name)), kNameColumns);
  const std::string role = participant.failure().has_value()
                               ? absl::StrCat(" ", participant.failure()->kind())
                           : participant.is_client() ? ""
                                                     : " server";
  LiveNumbers live = participant.measurement().live();
  if (!participant.is_client()) live.rate_per_second.reset();  // servers start no operations
  return Numbers(name + role, live, shown);
}

void AddRate(const std::optional<double>& part, std::optional<double>& total) {
  if (part.has_value()) total = total.value_or(0) + *part;
}

LiveNumbers TotalNumbers(const RunView& view) {
  LiveNumbers total;
  std::vector<uint64_t> rtts_us;
  for (const Participant* const participant : view.participants) {
    if (!participant->is_client()) continue;
    const LiveNumbers& live = participant->measurement().live();
    total.failed += live.failed;
    if (live.retransmits.has_value())
      total.retransmits = total.retransmits.value_or(0) + *live.retransmits;
    if (participant->failure().has_value()) continue;  // does nothing any more
    total.measured = total.measured || live.measured;
    total.reported = total.reported || live.reported;
    AddRate(live.rate_per_second, total.rate_per_second);
    AddRate(live.bits_sent_per_second, total.bits_sent_per_second);
    AddRate(live.bits_received_per_second, total.bits_received_per_second);
    total.active += live.active;
    const auto& of_agent = participant->measurement().live_rtts_us();
    rtts_us.insert(rtts_us.end(), of_agent.begin(), of_agent.end());
  }
  total.rtt_us = PercentilesOf(rtts_us);
  total.connect_us = PercentilesOf(view.interval.connect_ns, 1e3);
  total.response_us = PercentilesOf(view.interval.response_ns, 1e3);
  total.lateness_us = PercentilesOf(view.interval.lateness_ns, 1e3);
  return total;
}

Shown ShownOf(const RunView& view, const LiveNumbers& total, bool has_responses) {
  return {
      .responses = has_responses,
      .streams = view.workload == v1::StressSpec::WORKLOAD_STREAM,
      .lateness = total.lateness_us.has_value() && total.lateness_us->p99 >= kNotableLatenessUs};
}

std::string TimeLine(const RunView& view, bool measured) {
  const double elapsed = static_cast<double>(view.elapsed_ns) / 1e9;
  const double remaining = std::max(0.0, static_cast<double>(view.planned_ns) / 1e9 - elapsed);
  return absl::StrFormat("%.0f s elapsed, %.0f s to go%s", elapsed, remaining,
                         measured ? "" : " (warm-up)");
}

std::string Padded(const std::string& text, size_t width, bool left) {
  const auto used = static_cast<size_t>(std::max(0, DisplayWidth(text)));
  const std::string blanks(width > used ? width - used : 0, ' ');
  return left ? text + blanks : blanks + text;
}

// Aligned lines. Where they would be too wide the gaps shrink, then columns are left out.
std::vector<std::string> Aligned(const std::vector<Row>& rows, size_t columns) {
  std::vector<size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], static_cast<size_t>(std::max(0, DisplayWidth(row[i]))));
    }
  }
  const auto width_of = [&](size_t shown, size_t gap) {
    return std::accumulate(widths.begin(), widths.begin() + static_cast<std::ptrdiff_t>(shown),
                           gap * (shown - 1));
  };
  size_t shown = widths.size();
  const size_t gap = width_of(shown, kWideGap) <= columns ? kWideGap : 1;
  while (shown > 1 && width_of(shown, gap) > columns) --shown;
  std::vector<std::string> lines;
  for (const Row& row : rows) {
    std::string& line = lines.emplace_back();
    for (size_t i = 0; i < shown; ++i) {
      line += std::string(i > 0 ? gap : 0, ' ') + Padded(row[i], widths[i], i == 0);
    }
  }
  return lines;
}

}  // namespace

std::vector<std::string> LiveBlock(const RunView& view, bool has_responses, int columns,
                                   int most_lines) {
  const LiveNumbers total = TotalNumbers(view);
  constexpr size_t kFixedLines = 3;  // header, total, time
  const auto room = static_cast<size_t>(std::max(most_lines, 4)) - kFixedLines;
  const size_t agents = view.participants.size();
  const size_t shown = agents <= room ? agents : room - 1;

  const Shown columns_shown = ShownOf(view, total, has_responses);
  std::vector<Row> rows{Header(columns_shown)};
  for (size_t i = 0; i < shown; ++i) {
    rows.push_back(AgentRow(*view.participants[i], columns_shown));
  }
  rows.push_back(Numbers("total", total, columns_shown));
  std::vector<std::string> lines = Aligned(rows, static_cast<size_t>(columns));
  if (shown < agents)
    lines.insert(lines.end() - 1, absl::StrCat("… and ", agents - shown, " more"));
  lines.push_back(TimeLine(view, total.measured));
  for (std::string& line : lines) line = Shortened(line, columns);
  return lines;
}

std::string LiveLine(const RunView& view, bool has_responses) {
  const LiveNumbers total = TotalNumbers(view);
  std::string line = absl::StrCat(TimeLine(view, total.measured), ": ");
  if (!total.reported) return absl::StrCat(line, "no client has reported yet");
  const Shown shown = ShownOf(view, total, has_responses);
  if (shown.streams) {
    absl::StrAppend(&line, Rate(total.bits_sent_per_second), "bit/s sent, ",
                    Rate(total.bits_received_per_second), "bit/s received, ");
  } else {
    absl::StrAppend(&line, Rate(total.rate_per_second), "/s, ");
  }
  absl::StrAppend(&line, total.active, " active, ", total.failed, " failed, connect ",
                  Pair(total.connect_us));
  if (shown.responses) absl::StrAppend(&line, ", response ", Pair(total.response_us));
  if (shown.lateness) absl::StrAppend(&line, ", sent late by ", Pair(total.lateness_us));
  absl::StrAppend(&line, ", rtt ", Pair(total.rtt_us));
  if (total.retransmits.has_value()) {
    absl::StrAppend(&line, ", ", *total.retransmits, " retransmits");
  }
  return line;
}

}  // namespace tcpfleet::controller
