#include "controller/tui/connection_detail.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/units.h"
#include "controller/cli/text.h"
#include "controller/connections/peers.h"
#include "controller/connections/row_query.h"
#include "controller/tui/rate_text.h"
#include "controller/tui/sparkline.h"
#include "controller/tui/wrap.h"

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;

// Looking for the other end reads the whole table.
constexpr int64_t kPeerSearchPeriodNs = 10'000'000'000;
constexpr int kFactIndent = 9;  // behind "Process  "

std::string Cell(Kind kind, const ConnectionRow& row, absl::Span<const HostView> hosts) {
  return CellText({.kind = kind}, row, hosts);
}

void AddPoint(std::vector<float>& points, float value) {
  points.push_back(value);
  if (points.size() > ConnectionDetail::kMostPoints) points.erase(points.begin());
}

void AddPoints(std::vector<float>& points, const Trace& trace) {
  for (size_t i = 0; i < trace.size(); ++i) AddPoint(points, trace.at(i));
}

std::string Percent(const std::optional<double>& share) {
  return share.has_value() ? absl::StrFormat("%.1f %%", *share * 100) : "unknown";
}

std::string Ends(const ConnectionRow& row, absl::Span<const HostView> hosts) {
  return absl::StrCat(Cell(Kind::kHost, row, hosts), " ", Cell(Kind::kLocal, row, hosts), " -> ",
                      Cell(Kind::kPeer, row, hosts));
}

}  // namespace

void ConnectionDetail::Observe(const FleetTable& table) {
  const absl::Span<const HostView> hosts = table.hosts();
  const int64_t frame_ns = key_.host < hosts.size() ? hosts[key_.host].last_frame_unix_ns : 0;
  if (frame_ns == frame_ns_ && sample_.has_value()) return;
  const ConnectionRow* const row = FindRow(table, key_);
  ended_ = row == nullptr;
  if (row != nullptr) Remember(*row, frame_ns);
  frame_ns_ = frame_ns;
}

void ConnectionDetail::Remember(const ConnectionRow& row, int64_t frame_ns) {
  const auto newest = [](const Trace& trace) {
    return trace.size() == 0 ? NAN : trace.at(trace.size() - 1);
  };
  if (!sample_.has_value() || frame_ns < frame_ns_) {  // first seen, or gone back in time
    for (auto* points : {&send_rate_, &receive_rate_, &rtt_us_}) points->clear();
    AddPoints(send_rate_, row.send_rate);
    AddPoints(receive_rate_, row.receive_rate);
    AddPoints(rtt_us_, row.rtt_us);
  } else {
    AddPoint(send_rate_, newest(row.send_rate));
    AddPoint(receive_rate_, newest(row.receive_rate));
    AddPoint(rtt_us_, newest(row.rtt_us));
  }
  sample_ = *row.sample;
  row_ = row;
  row_.sample = &*sample_;
}

void ConnectionDetail::FindPeer(const FleetTable& table) {
  if (peer_.has_value() || !sample_.has_value() || ended_) return;
  const int64_t now_ns = table.now_unix_ns();
  if (peer_sought_ns_ != 0 && std::abs(now_ns - peer_sought_ns_) < kPeerSearchPeriodNs) return;
  peer_sought_ns_ = now_ns;
  const ConnectionRow* const row = FindRow(table, key_);
  if (row == nullptr) return;
  const ConnectionRow* const far = PeerIndex(table).PeerOf(*row);
  if (far != nullptr) peer_ = KeyOf(*far);
}

bool ConnectionDetail::OnKey(const Key& key) {
  const size_t page = 10;
  if (key.code == Key::Code::kUp || key.code == Key::Code::kWheelUp || key.Is('k')) {
    scroll_ -= std::min<size_t>(scroll_, 1);
  } else if (key.code == Key::Code::kDown || key.code == Key::Code::kWheelDown || key.Is('j')) {
    ++scroll_;
  } else if (key.code == Key::Code::kPageUp) {
    scroll_ -= std::min(scroll_, page);
  } else if (key.code == Key::Code::kPageDown) {
    scroll_ += page;
  } else if (key.code == Key::Code::kHome) {
    scroll_ = 0;
  } else {
    return false;
  }
  scroll_ = std::min(scroll_, most_scroll_);
  return true;
}

std::vector<ConnectionDetail::Text> ConnectionDetail::Description(const FleetTable& table,
                                                                  const ConnectionRow* far) const {
  const absl::Span<const HostView> hosts = table.hosts();
  const sockets::ConnectionIdentity& identity = sample_->identity;
  std::vector<Text> lines;
  const auto cell = [&](Kind kind) { return Cell(kind, row_, hosts); };
  lines.push_back({absl::StrCat("Process  ", cell(Kind::kProcess), "  pid ", cell(Kind::kPid),
                                "  uid ", cell(Kind::kUid), "  ", cell(Kind::kCommand)),
                   {}});
  lines.push_back(
      {absl::StrCat("Socket   ", cell(Kind::kState), "  ", cell(Kind::kCongestionControl), "  age ",
                    cell(Kind::kAge), "  cookie ", identity.cookie, "  inode ", identity.inode,
                    "  netns ", cell(Kind::kNamespace), "  cgroup ", cell(Kind::kCgroup)),
       {}});
  const sockets::Derived& derived = row_.derived;
  lines.push_back(
      {absl::StrCat("Now      send ", cell(Kind::kSendRate), "  receive ", cell(Kind::kReceiveRate),
                    "  delivery ", cell(Kind::kDeliveryRate), "  retransmitted ",
                    cell(Kind::kRetransShare), "  limited by ", cell(Kind::kLimited)),
       {}});
  lines.push_back(
      {absl::StrCat("Time     busy ", Percent(derived.busy_share),
                    ", waiting for the peer's window ", Percent(derived.rwnd_limited_share),
                    ", for the send buffer ", Percent(derived.sndbuf_limited_share)),
       {}});
  if (far != nullptr) {
    lines.push_back({absl::StrCat("Pair     ", ExplainPair(row_, *far, hosts)), kBoldLook});
  } else {
    lines.push_back({"Peer     not in this fleet, or not certain", kDimLook});
  }
  return lines;
}

std::vector<ConnectionDetail::Text> ConnectionDetail::Fields(const FleetTable& table,
                                                             const ConnectionRow* far,
                                                             int width) const {
  std::vector<std::string> cells;
  std::vector<std::string> absent;
  size_t widest = 0;
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    const bool near_has = sample_->values.Has(info.field);
    const bool far_has = far != nullptr && far->sample->values.Has(info.field);
    if (!near_has && !far_has) {
      absent.emplace_back(info.name);
      continue;
    }
    const Column column{.kind = Kind::kField, .field = info.field};
    std::string text = absl::StrCat(info.name, " ", CellText(column, row_, table.hosts()));
    if (far != nullptr) absl::StrAppend(&text, " | ", CellText(column, *far, table.hosts()));
    widest = std::max(widest, static_cast<size_t>(std::max(0, DisplayWidth(text))));
    cells.push_back(std::move(text));
  }
  std::vector<Text> lines;
  lines.push_back({far == nullptr ? "FIELDS" : "FIELDS  this end | the other end", kTitleLook});
  const size_t columns = std::max<size_t>(1, static_cast<size_t>(width + 2) / (widest + 2));
  const size_t rows = (cells.size() + columns - 1) / columns;
  for (size_t y = 0; y < rows; ++y) {
    std::string line;
    for (size_t index = y; index < cells.size(); index += rows) {
      const auto used = static_cast<size_t>(std::max(0, DisplayWidth(cells[index])));
      absl::StrAppend(&line, cells[index], std::string(widest + 2 - used, ' '));
    }
    lines.push_back({std::move(line), {}});
  }
  if (!absent.empty()) {
    std::string line = "Not reported by this kernel or sampler:";
    for (const std::string& name : absent) {
      if (DisplayWidth(line) + static_cast<int>(name.size()) + 1 > width) {
        lines.push_back({std::exchange(line, " "), kDimLook});
      }
      absl::StrAppend(&line, " ", name);
    }
    lines.push_back({line, kDimLook});
  }
  return lines;
}

int ConnectionDetail::DrawPlots(Canvas& canvas, int y, int height) const {
  const int width = (canvas.width() - 4) / 3;
  int x = 0;
  const auto draw = [&](absl::string_view title, const std::vector<float>& values,
                        std::string (*format)(double)) {
    const Plot plot = DrawPlot(values, width, height);
    const std::string top = std::isnan(plot.largest)
                                ? "unknown"
                                : absl::StrCat("max ", format(static_cast<double>(plot.largest)));
    canvas.Put(x, y, absl::StrCat(title, "  ", top), kBoldLook, width);
    for (size_t i = 0; i < plot.lines.size(); ++i) {
      canvas.Put(x, y + 1 + static_cast<int>(i), plot.lines[i], {.tone = Tone::kAccent}, width);
    }
    x += width + 2;
  };
  draw("SEND", send_rate_, &RateText);
  draw("RECEIVE", receive_rate_, &RateText);
  draw("RTT", rtt_us_, &base::FormatMicroseconds);
  return y + 1 + height;
}

void ConnectionDetail::Draw(Canvas& canvas, int begin, int end, const FleetTable& table) {
  canvas.Clear(begin, end);
  Observe(table);
  if (!sample_.has_value()) {
    canvas.Put(0, begin, "this connection is not there at this time", kBoldLook);
    return;
  }
  FindPeer(table);
  const ConnectionRow* const far = peer_.has_value() ? FindRow(table, *peer_) : nullptr;
  int y = begin;
  canvas.Put(
      0, y,
      absl::StrCat(Ends(row_, table.hosts()), ended_ ? "  ENDED: these are its last values" : ""));
  canvas.SetLineLook(y++, kTitleLook);
  for (const Text& fact : Description(table, far)) {
    for (const std::string& line : Wrapped(fact.text, canvas.width(), kFactIndent)) {
      if (y < end) canvas.Put(0, y++, line, fact.look);
    }
  }
  const int plot_height = std::clamp((end - begin - 12) / 4, 2, 8);
  if (y + plot_height + 4 < end) y = DrawPlots(canvas, y, plot_height);

  const std::vector<Text> fields = Fields(table, far, canvas.width());
  const auto room = static_cast<size_t>(std::max(0, end - y));
  most_scroll_ = fields.size() > room ? fields.size() - room : 0;
  scroll_ = std::min(scroll_, most_scroll_);
  for (size_t i = scroll_; i < fields.size() && y < end; ++i) {
    canvas.Put(0, y, fields[i].text, fields[i].look);
    if (fields[i].look == kTitleLook) canvas.SetLineLook(y, kTitleLook);
    ++y;
  }
}

}  // namespace tcpfleet::controller
