#include "controller/commands/line_run.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"
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

// Writes of the changes what the filter selects.
class Writer {
 public:
  Writer(CommandContext& context, const LineRun& run)
      : filter_(run.filter),
        lines_(context.out, run.format.value_or(FormatOf(context.options.output)), run.columns) {}

  absl::Status Write(FrameChanges changes, absl::Span<const HostView> hosts) {
    std::vector<sockets::ClosedConnection> closed;
    if (filter_ != nullptr) Narrow(hosts[changes.host], changes, closed);
    return lines_.Write(changes, hosts);
  }

  // What is there now, as what was there before the first line.
  absl::Status WritePresent(const FleetTable& table, int64_t unix_ns) {
    std::map<uint32_t, FrameChanges> by_host;
    for (const ConnectionRow* row : table.Rows()) by_host[row->host].opened.push_back(row);
    for (auto& [host, changes] : by_host) {
      changes.host = host;
      changes.unix_ns = unix_ns;
      changes.first = true;
      TF_RETURN_IF_ERROR(Write(std::move(changes), table.hosts()));
    }
    return absl::OkStatus();
  }

 private:
  // Leaves in `changes` what matches; `closed` keeps the ended connections of it.
  void Narrow(const HostView& host, FrameChanges& changes,
              std::vector<sockets::ClosedConnection>& closed) const {
    filter::Subject subject{
        .sample = nullptr, .host = host.name, .now_ns = host.last_frame_monotonic_ns};
    const auto misses = [&](const ConnectionRow* row) {
      subject.sample = row->sample;
      subject.derived = &row->derived;
      return !filter_->Matches(subject);
    };
    std::erase_if(changes.opened, misses);
    std::erase_if(changes.changed, misses);
    subject.derived = nullptr;
    for (const sockets::ClosedConnection& end : changes.closed) {
      subject.sample = &end.last;
      if (filter_->Matches(subject)) closed.push_back(end);
    }
    changes.closed = closed;
  }

  const filter::Filter* const filter_;
  ChangeLines lines_;
};

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
  Writer writer(context, run);
  bool has_begun = run.from_unix_ns == 0;
  const absl::Time end = context.clock.Now() + run.duration;
  const std::stop_token stop = context.interrupt->token();
  while (!stop.stop_requested() && !feed.ended() && context.out.good()) {
    const absl::Duration left = end - context.clock.Now();
    if (left <= absl::ZeroDuration()) break;
    const std::optional<v1::RecordingEntry> entry = feed.Next(std::min(left, kWait), stop);
    if (!entry.has_value()) continue;
    if (!has_begun && static_cast<int64_t>(entry->unix_ns()) > run.from_unix_ns) {
      TF_RETURN_IF_ERROR(writer.WritePresent(table, run.from_unix_ns));
      has_begun = true;
    }
    if (run.tells_hosts) TellUpAndDown(*entry, context.err);
    FrameChanges changes;
    if (const absl::Status applied = table.Apply(*entry, &changes); !applied.ok()) {
      context.err << "tcpfleet: " << Printable(applied.message()) << '\n';
      continue;
    }
    if (!has_begun || !entry->has_frame()) continue;
    TF_RETURN_IF_ERROR(writer.Write(std::move(changes), table.hosts()));
    context.out.flush();
  }
  return has_begun ? absl::OkStatus() : writer.WritePresent(table, run.from_unix_ns);
}

}  // namespace tcpfleet::controller
