#include "controller/monitor/monitor_text.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <utility>

#include "common/base/units.h"
#include "controller/cli/color.h"
#include "controller/cli/table.h"
#include "controller/cli/text.h"
#include "controller/monitor/alert_level.h"
#include "controller/monitor/series.h"
#include "controller/monitor/threshold.h"
#include "controller/monitor/time_proto.h"

namespace tcpfleet::controller {
namespace {

struct Line {
  std::string text;
  Style style = Style::kPlain;
};
using Lines = std::vector<Line>;

constexpr size_t kMostTop = 6;
constexpr size_t kMostPortUses = 10;
constexpr size_t kFewestLines = 2;  // a header and how many there are

std::string AgeText(absl::Duration age) {
  return base::FormatAge(std::max(age, absl::ZeroDuration()));
}

// `styles`: of the rows, in order; fewer of them leave the others plain.
Lines LinesOf(const Table& table, absl::Span<const Style> styles = {}) {
  if (table.empty()) return {};
  std::ostringstream text;
  table.Print(text);
  Lines lines;
  for (const absl::string_view line : absl::StrSplit(text.str(), '\n', absl::SkipEmpty())) {
    const size_t row = lines.size() - 1;  // of the header none
    lines.push_back({std::string(line), row < styles.size() ? styles[row] : Style::kPlain});
  }
  lines.front().style = Style::kBold;
  return lines;
}

Style StyleOf(absl::string_view level) {
  if (level == "crit") return Style::kRed;
  return level == "warn" ? Style::kYellow : Style::kPlain;
}

// "states  ESTAB 1.2k, TIME-WAIT 300": largest first.
template <class Key>
std::string TopLine(const char* title, const std::map<Key, uint64_t>& counts) {
  std::vector<std::pair<Key, uint64_t>> top(counts.begin(), counts.end());
  std::stable_sort(top.begin(), top.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  if (top.size() > kMostTop) top.resize(kMostTop);
  const std::string list = absl::StrJoin(top, ", ", [](std::string* out, const auto& one) {
    absl::StrAppend(out, one.first, " ", base::FormatCount(static_cast<double>(one.second)));
  });
  return absl::StrFormat("%-10s %s", title, list.empty() ? "none" : list);
}

std::string HostsLine(const v1::MonitorReport& report) {
  std::map<std::string, int> health;
  for (const v1::MonitoredHost& host : report.hosts()) ++health[host.health()];
  std::string line =
      absl::StrFormat("%-10s %d answer, %d silent", "hosts",
                      report.hosts_size() - report.failures_size(), report.failures_size());
  const char* separator = "; ";
  for (const char* name : {"crit", "warn", "info", "unknown", "ok"}) {
    if (health[name] == 0) continue;
    absl::StrAppend(&line, separator, health[name], " ", name);
    separator = ", ";
  }
  return line;
}

std::string HeadLine(const v1::MonitorReport& report) {
  std::map<std::string, uint64_t> states;
  for (const v1::Alert& alert : report.alerts()) ++states[alert.state()];
  std::string line =
      absl::StrFormat("monitor    for %s, every %.3g s; alerts: %d firing, %d pending",
                      AgeText(ToTime(report.ended_at()) - ToTime(report.started_at())),
                      report.interval_seconds(), states["firing"], states["pending"]);
  if (report.alerts_dropped() > 0) {
    absl::StrAppend(&line, ", ", report.alerts_dropped(), " too many to list");
  }
  return line;
}

std::string WhereOf(const v1::Alert& alert) {
  return alert.network_namespace().empty()
             ? alert.host()
             : absl::StrCat(alert.host(), "/", alert.network_namespace());
}

std::string WhatOf(const v1::Alert& alert) {
  return alert.subject().empty() ? alert.title()
                                 : absl::StrCat(alert.title(), " (", alert.subject(), ")");
}

Lines AlertLines(const v1::MonitorReport& report) {
  using Align = Table::Align;
  Table table({{"SEVERITY"}, {"STATE"}, {"SINCE", Align::kRight}, {"HOST"}, {"ALERT"}});
  std::vector<Style> styles;
  const absl::Time now = ToTime(report.ended_at());
  for (const v1::Alert& alert : report.alerts()) {
    styles.push_back(alert.state() == "firing" ? StyleOf(alert.severity()) : Style::kDim);
    const auto& since = alert.state() == "firing"    ? alert.fired_at()
                        : alert.state() == "pending" ? alert.since()
                                                     : alert.resolved_at();
    std::string what = WhatOf(alert);
    if (alert.has_unknown_since()) {
      what = absl::StrCat("unknown for ", AgeText(now - ToTime(alert.unknown_since())), ": ", what);
    }
    table.AddRow({alert.severity(), alert.state(), AgeText(now - ToTime(since)), WhereOf(alert),
                  std::move(what)});
  }
  return LinesOf(table, styles);
}

// Of the agent's own namespace.
std::string LastOf(const v1::MonitoredHost& host, absl::string_view series) {
  for (const v1::SeriesSummary& summary : host.series()) {
    if (!summary.network_namespace().empty() || series != absl::string_view(summary.name())) {
      continue;
    }
    if (!summary.has_last() || !summary.unknown_why().empty()) return "?";
    return summary.unit() == "share" ? absl::StrFormat("%.3g %%", 100 * summary.last())
                                     : base::FormatCount(summary.last());
  }
  return "?";
}

int HealthRank(const std::string& health) {
  if (health == "unknown")
    return static_cast<int>(AlertLevel::kInfo);  // not nothing, not a warning
  return 2 * static_cast<int>(ParseAlertLevel(health).value_or(AlertLevel::kNone));
}

Lines HostLines(const v1::MonitorReport& report) {
  using Align = Table::Align;
  Table table({{"HOST"},
               {"HEALTH"},
               {"CONNECTIONS", Align::kRight},
               {"TIME-WAIT", Align::kRight},
               {"OUT/S", Align::kRight},
               {"IN/S", Align::kRight},
               {"FAIL/S", Align::kRight},
               {"RESENT", Align::kRight},
               {"PORTS", Align::kRight},
               {"UNKNOWN"}});
  std::vector<const v1::MonitoredHost*> hosts;
  for (const v1::MonitoredHost& host : report.hosts()) hosts.push_back(&host);
  std::stable_sort(hosts.begin(), hosts.end(), [](const auto* a, const auto* b) {
    return HealthRank(a->health()) > HealthRank(b->health());
  });
  std::vector<Style> styles;
  for (const v1::MonitoredHost* host : hosts) {
    styles.push_back(StyleOf(host->health()));
    table.AddRow({host->name(), host->health(), LastOf(*host, "connections"),
                  LastOf(*host, "time_wait"), LastOf(*host, "connect_rate"),
                  LastOf(*host, "accept_rate"), LastOf(*host, "error_rate"),
                  LastOf(*host, "retransmitted_share"), LastOf(*host, "port_use"), host->why()});
  }
  return LinesOf(table, styles);
}

double ShareOf(const v1::PortUse& use) {
  return use.usable() == 0 ? 0 : static_cast<double>(use.used()) / use.usable();
}

Lines PortUseLines(const v1::MonitorReport& report) {
  using Align = Table::Align;
  std::vector<std::pair<std::string, const v1::PortUse*>> uses;
  for (const v1::MonitoredHost& host : report.hosts()) {
    for (const v1::PortUse& use : host.port_use()) uses.emplace_back(host.name(), &use);
  }
  std::stable_sort(uses.begin(), uses.end(), [](const auto& a, const auto& b) {
    return ShareOf(*a.second) > ShareOf(*b.second);
  });
  if (uses.size() > kMostPortUses) uses.resize(kMostPortUses);
  Table table({{"PORTS OF"}, {"TOWARDS"}, {"SHARE", Align::kRight}, {"USED"}, {"PROCESS"}});
  for (const auto& [host, use] : uses) {
    const bool is_v6 = use->peer_address().find(':') != std::string::npos;
    table.AddRow(
        {host,
         absl::StrCat(is_v6 ? "[" : "", use->peer_address(), is_v6 ? "]:" : ":", use->peer_port()),
         absl::StrFormat("%.3g %%", 100 * ShareOf(*use)),
         absl::StrCat(use->used(), " of ", use->usable()), use->owner().comm()});
  }
  return LinesOf(table);
}

Lines PatternLines(const v1::MonitorReport& report) {
  Table table({{"PATTERN"}, {"HOST"}, {"SERIES"}, {"HOW"}});
  for (const v1::MonitoredHost& host : report.hosts()) {
    for (const v1::SeriesSummary& series : host.series()) {
      const std::string& kind = series.pattern().kind();
      if (kind.empty() || kind == "flat" || kind == "none" || kind == "unknown") continue;
      table.AddRow({kind, host.name(),
                    series.network_namespace().empty()
                        ? series.name()
                        : absl::StrCat(series.name(), " of ", series.network_namespace()),
                    series.pattern().why()});
    }
  }
  return LinesOf(table);
}

Lines SinkLines(const v1::MonitorReport& report) {
  Table table({{"SINK"}, {"TOLD"}, {"TROUBLE"}});
  for (const v1::SinkStatus& sink : report.sinks()) {
    std::vector<std::string> trouble;
    if (sink.failed() > 0) trouble.push_back(absl::StrCat(sink.failed(), " given up"));
    if (sink.dropped() > 0) trouble.push_back(absl::StrCat(sink.dropped(), " dropped"));
    if (sink.waiting() > 0) trouble.push_back(absl::StrCat(sink.waiting(), " waiting"));
    if (!sink.last_error().empty()) trouble.push_back(sink.last_error());
    table.AddRow({sink.name(), absl::StrCat(sink.delivered()), absl::StrJoin(trouble, ", ")});
  }
  return LinesOf(table);
}

// The longest sections give way first.
void Fit(std::vector<Lines>& sections, size_t most_lines) {
  size_t total = 0;
  std::vector<size_t> kept;
  for (const Lines& section : sections) {
    kept.push_back(section.size());
    total += section.size();
  }
  for (; total > most_lines; --total) {
    const auto longest = std::max_element(kept.begin(), kept.end());
    if (*longest <= kFewestLines) break;
    --*longest;
  }
  for (size_t i = 0; i < sections.size(); ++i) {
    if (kept[i] == sections[i].size()) continue;
    const size_t hidden = sections[i].size() - kept[i] + 1;
    sections[i].resize(kept[i] - 1);
    sections[i].push_back({absl::StrCat("… and ", hidden, " more"), Style::kDim});
  }
}

}  // namespace

std::vector<std::string> DashboardLines(const v1::MonitorReport& report,
                                        const FleetTraffic& traffic, const DashboardSize& size) {
  std::vector<Lines> sections = {{{HeadLine(report)}},
                                 {{HostsLine(report)}},
                                 {{TopLine("states", traffic.states)}},
                                 {{TopLine("ports", traffic.local_ports)}},
                                 {{TopLine("processes", traffic.processes)}},
                                 AlertLines(report),
                                 HostLines(report),
                                 PortUseLines(report),
                                 PatternLines(report),
                                 SinkLines(report)};
  if (size.lines > 0) Fit(sections, static_cast<size_t>(size.lines));
  std::vector<std::string> lines;
  for (const Lines& section : sections) {
    for (const Line& line : section) {
      std::string text = Printable(line.text);
      if (size.columns > 0) text = Shortened(text, size.columns);
      lines.push_back(Styled(line.style, text, size.color));
    }
  }
  if (size.lines > 0 && lines.size() > static_cast<size_t>(size.lines)) {
    lines.resize(static_cast<size_t>(size.lines));
  }
  return lines;
}

std::string NotificationLine(const v1::AlertNotification& notification) {
  const v1::Alert& alert = notification.alert();
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", ToTime(notification.time()), absl::UTCTimeZone());
  return Printable(absl::StrCat(time, " ", notification.event(), " ", alert.severity(), " ",
                                WhereOf(alert), " ", alert.rule(), ": ", WhatOf(alert)));
}

}  // namespace tcpfleet::controller
