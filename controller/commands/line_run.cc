#include "controller/commands/line_run.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"
#include "controller/connections/change_lines.h"
#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {
namespace {

constexpr absl::Duration kWait = absl::Milliseconds(200);

LineFormat FormatOf(OutputFormat output) {
  switch (output) {
    case OutputFormat::kCsv:
      return LineFormat::kCsv;
    case OutputFormat::kTable:
      return LineFormat::kText;
    default:
      return LineFormat::kJsonl;
  }
}

// Leaves in `changes` what matches; `closed` keeps the ended connections of it.
void Narrow(const filter::Filter& filter, absl::Span<const HostView> hosts, FrameChanges& changes,
            std::vector<sockets::ClosedConnection>& closed) {
  const HostView& host = hosts[changes.host];
  const auto misses = [&](const ConnectionRow* row) {
    return !filter.Matches(filter::Subject{.sample = row->sample,
                                           .derived = &row->derived,
                                           .host = host.name,
                                           .now_ns = host.last_frame_monotonic_ns});
  };
  std::erase_if(changes.opened, misses);
  std::erase_if(changes.changed, misses);
  for (const sockets::ClosedConnection& end : changes.closed) {
    if (filter.Matches(filter::Subject{
            .sample = &end.last, .host = host.name, .now_ns = host.last_frame_monotonic_ns})) {
      closed.push_back(end);
    }
  }
  changes.closed = closed;
}

void TellUpAndDown(const v1::RecordingEntry& entry, std::ostream& err) {
  if (entry.has_up()) err << "tcpfleet: " << Printable(entry.up().name()) << ": up\n";
  if (entry.has_down()) {
    err << "tcpfleet: " << Printable(entry.down().name())
        << ": down: " << Printable(entry.down().cause()) << '\n';
  }
}

}  // namespace

absl::Status PrintChanges(CommandContext& context, Feed& feed, const LineRun& run) {
  FleetTable table;
  ChangeLines lines(context.out, FormatOf(context.options.output), run.columns);
  const absl::Time end = context.clock.Now() + run.duration;
  const std::stop_token stop = context.interrupt->token();
  while (!stop.stop_requested() && !feed.ended() && context.out.good()) {
    const absl::Duration left = end - context.clock.Now();
    if (left <= absl::ZeroDuration()) break;
    const std::optional<v1::RecordingEntry> entry = feed.Next(std::min(left, kWait), stop);
    if (!entry.has_value()) continue;
    TellUpAndDown(*entry, context.err);
    FrameChanges changes;
    if (const absl::Status applied = table.Apply(*entry, &changes); !applied.ok()) {
      context.err << "tcpfleet: " << Printable(applied.message()) << '\n';
      continue;
    }
    if (!entry->has_frame()) continue;
    std::vector<sockets::ClosedConnection> closed;
    if (run.filter != nullptr) Narrow(*run.filter, table.hosts(), changes, closed);
    TF_RETURN_IF_ERROR(lines.Write(changes, table.hosts()));
    context.out.flush();
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::controller
