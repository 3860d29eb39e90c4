#include "controller/tui/header.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/time/time.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/fleet/host_list.h"
#include "controller/tui/rate_text.h"

namespace tcpfleet::controller {
namespace {

struct Totals {
  size_t up = 0;
  uint64_t connections = 0;
  double send_rate = 0;
  double receive_rate = 0;
  double retransmits_per_second = 0;
  uint64_t time_wait = 0;
  uint64_t syn_recv = 0;
};

Totals Sum(absl::Span<const HostView> hosts) {
  Totals totals;
  for (const HostView& host : hosts) {
    if (!host.up) continue;
    ++totals.up;
    totals.connections += host.connections;
    totals.send_rate += host.send_rate;
    totals.receive_rate += host.receive_rate;
    totals.retransmits_per_second += host.retransmits_per_second;
    totals.time_wait += host.completeness.time_wait();
    totals.syn_recv += host.completeness.syn_recv();
  }
  return totals;
}

std::string Counted(size_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string AgeText(const HostView& host, const Moment& moment) {
  if (host.last_frame_unix_ns == 0) return "no frame yet";
  const int64_t age_ns = std::max<int64_t>(0, moment.now_unix_ns - host.last_frame_unix_ns);
  return absl::StrCat("frame ", base::FormatAge(absl::Nanoseconds(age_ns)));
}

void DrawTotals(Canvas& canvas, absl::Span<const HostView> hosts, const Moment& moment) {
  const Totals totals = Sum(hosts);
  const bool moving = moment.mode == Moment::Mode::kLive || moment.mode == Moment::Mode::kReplay;
  int x = canvas.Put(0, 0, ModeText(moment),
                     {.tone = moving ? Tone::kGood : Tone::kWarning, .bold = true});
  bool has_room = true;  // what follows the first that does not fit is less important
  const auto put = [&](const std::string& text, Look look = {}) {
    has_room = has_room && x + 2 + DisplayWidth(text) <= canvas.width();
    if (has_room) x = canvas.Put(x + 2, 0, text, look);
  };
  const size_t down = hosts.size() - totals.up;
  put(absl::StrCat(Counted(totals.up, "host"), " up"));
  if (down > 0) put(absl::StrCat(down, " down"), {.tone = Tone::kBad, .bold = true});
  put(Counted(totals.connections, "connection"));
  put(absl::StrCat("send ", RateText(totals.send_rate)));
  put(absl::StrCat("recv ", RateText(totals.receive_rate)));
  put(absl::StrCat("retrans ", base::FormatCount(totals.retransmits_per_second), "/s"));
  if (!moment.recording.empty()) put(moment.recording, kBoldLook);
  if (totals.time_wait + totals.syn_recv > 0) {
    put(absl::StrCat("not shown: ", totals.time_wait, " TIME-WAIT, ", totals.syn_recv,
                     " SYN-RECV"));
  }
}

std::string HostNumbers(const HostView& host, const Moment& moment) {
  return absl::StrFormat("%9s  send %9s  recv %9s  retrans %4s/s  %s",
                         absl::StrCat(host.connections, " conns"), RateText(host.send_rate),
                         RateText(host.receive_rate),
                         base::FormatCount(host.retransmits_per_second), AgeText(host, moment));
}

void DrawHostLine(Canvas& canvas, int y, const HostView& host, const Moment& moment, int names) {
  canvas.Put(0, y, host.name, kBoldLook, names);
  const int x = names + 1;
  if (host.up) {
    canvas.Put(x, y, "up", {.tone = Tone::kGood});
    canvas.Put(x + 5, y, HostNumbers(host, moment));
  } else {
    canvas.Put(x, y, "DOWN", {.tone = Tone::kBad, .bold = true});
    canvas.Put(x + 5, y, host.down_cause.empty() ? "no answer yet" : host.down_cause);
  }
}

int NameWidth(absl::Span<const HostView> hosts, int most) {
  int width = 4;
  for (const HostView& host : hosts) {
    width = std::max(width, DisplayWidth(Printable(host.name)));
  }
  return std::min(width, most);
}

// Hosts that say the same on one line.
int DrawFoldedHosts(Canvas& canvas, int y, int most, absl::Span<const HostView> hosts) {
  std::vector<std::string> up;
  std::map<std::string, std::vector<std::string>> down;
  for (const HostView& host : hosts) {
    if (host.up) {
      up.push_back(host.name);
    } else {
      down[host.down_cause.empty() ? "no answer yet" : host.down_cause].push_back(host.name);
    }
  }
  int lines = 0;
  for (const auto& [cause, names] : down) {
    if (lines + 1 >= most) break;
    canvas.Put(0, y + lines++, absl::StrCat("DOWN ", FoldNames(names), ": ", cause),
               {.tone = Tone::kBad, .bold = true});
  }
  if (!up.empty()) canvas.Put(0, y + lines++, absl::StrCat("up ", FoldNames(up)));
  return lines;
}

// Each on its line, or folded where that takes too many.
int DrawHostList(Canvas& canvas, int y, absl::Span<const HostView> hosts, const Moment& moment) {
  const int most = std::max(1, canvas.height() / 3 - 4);
  if (static_cast<int>(hosts.size()) > most) return DrawFoldedHosts(canvas, y, most, hosts);
  const int names = NameWidth(hosts, canvas.width() / 5);
  for (const HostView& host : hosts) DrawHostLine(canvas, y++, host, moment, names);
  return static_cast<int>(hosts.size());
}

std::string QueryText(const QueryLine& query) {
  std::vector<std::string> parts;
  if (!query.watched.empty()) parts.push_back(absl::StrCat("watching: ", query.watched));
  if (!query.filter.empty()) {
    parts.push_back(
        absl::StrCat("filter: ", query.filter, " (", query.matched, " of ", query.all, ")"));
  }
  parts.push_back(absl::StrCat("sort: ", query.order));
  if (!query.group_by.empty()) parts.push_back(absl::StrCat("group: ", query.group_by));
  return absl::StrJoin(parts, "  ");
}

}  // namespace

std::string ModeText(const Moment& moment) {
  const std::string time = absl::FormatTime("%H:%M:%S", absl::FromUnixNanos(moment.shown_unix_ns),
                                            absl::LocalTimeZone());
  switch (moment.mode) {
    case Moment::Mode::kLive:
      return absl::StrCat("LIVE ", time);
    case Moment::Mode::kFrozen: {
      const int64_t back =
          std::max<int64_t>(0, (moment.newest_unix_ns - moment.shown_unix_ns) / 1'000'000'000);
      return absl::StrFormat("FROZEN %s (back %02d:%02d)", time, back / 60, back % 60);
    }
    case Moment::Mode::kReplay:
      return std::isfinite(moment.speed) ? absl::StrFormat("REPLAY %gx %s", moment.speed, time)
                                         : absl::StrCat("REPLAY max ", time);
    case Moment::Mode::kPaused:
      return absl::StrCat("PAUSED ", time);
    case Moment::Mode::kEnded:
      return absl::StrCat("END ", time);
  }
  return time;
}

std::vector<std::string> MissingPhrases(absl::Span<const HostView> hosts) {
  uint64_t dropped = 0;
  uint64_t torn = 0;
  uint64_t merged = 0;
  uint64_t unattributed = 0;
  std::vector<std::string> gaps;
  for (const HostView& host : hosts) {
    dropped += host.completeness.dropped();
    torn += host.completeness.torn();
    merged += host.missed_polls;
    unattributed += host.completeness.unattributed();
    if (host.completeness.gap()) gaps.push_back(host.name);
  }
  std::vector<std::string> phrases;
  if (dropped > 0) phrases.push_back(absl::StrCat(dropped, " rows over the limit"));
  if (torn > 0) phrases.push_back(absl::StrCat(torn, " unreadable records"));
  if (!gaps.empty()) phrases.push_back(absl::StrCat("gap in the last poll of ", FoldNames(gaps)));
  if (merged > 0) phrases.push_back(absl::StrCat(merged, " polls merged into later ones"));
  if (unattributed > 0) phrases.push_back(absl::StrCat(unattributed, " of unknown process"));
  return phrases;
}

int DrawHeader(Canvas& canvas, absl::Span<const HostView> hosts, const Moment& moment,
               const QueryLine& query, bool lists_hosts) {
  DrawTotals(canvas, hosts, moment);
  int y = 1;
  if (lists_hosts) y += DrawHostList(canvas, y, hosts, moment);
  canvas.Put(0, y++, QueryText(query));
  const std::vector<std::string> missing = MissingPhrases(hosts);
  if (!missing.empty()) {
    canvas.Put(0, y++, absl::StrCat("missing: ", absl::StrJoin(missing, ", ")),
               {.tone = Tone::kWarning});
  }
  if (!moment.trouble.empty())
    canvas.Put(0, y++, moment.trouble, {.tone = Tone::kBad, .bold = true});
  return y;
}

void DrawHosts(Canvas& canvas, int begin, int end, absl::Span<const HostView> hosts,
               const Moment& moment, size_t skip) {
  canvas.Clear(begin, end);
  const int names = NameWidth(hosts, canvas.width() / 4);
  canvas.Put(0, begin, "HOSTS");
  canvas.SetLineLook(begin, kTitleLook);
  int y = begin + 1;
  for (size_t i = skip; i < hosts.size() && y + 1 < end; ++i) {
    const HostView& host = hosts[i];
    DrawHostLine(canvas, y++, host, moment, names);
    std::vector<std::string> facts{host.address};
    const v1::DescribeResponse& about = host.description;
    if (!about.kernel().empty()) facts.push_back(absl::StrCat("Linux ", about.kernel()));
    if (!about.version().empty()) facts.push_back(absl::StrCat("agent ", about.version()));
    for (const v1::Collector& collector : about.collectors()) {
      if (collector.detail().empty()) continue;
      facts.push_back(absl::StrCat(collector.name(), ": ", collector.detail()));
    }
    facts.push_back(absl::StrCat("poll ", host.poll_sequence));
    facts.push_back(absl::StrCat(host.completeness.time_wait(), " TIME-WAIT, ",
                                 host.completeness.syn_recv(), " SYN-RECV not shown"));
    for (std::string& phrase : MissingPhrases(absl::MakeConstSpan(&host, 1))) {
      facts.push_back(std::move(phrase));
    }
    if (y < end) canvas.Put(names + 6, y++, absl::StrJoin(facts, ", "), kDimLook);
  }
}

}  // namespace tcpfleet::controller
