#include "controller/connections/change_lines.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/time.h>
#include <google/protobuf/util/time_util.h>

#include <utility>

#include "common/base/status_macros.h"
#include "controller/cli/text.h"

namespace tcpfleet::controller {
namespace {

using Kind = Column::Kind;
using sockets::Field;

const std::vector<Column>& FirstLooks() {
  static const std::vector<Column> columns = {{Kind::kField, Field::kRtt},
                                              {Kind::kField, Field::kSndCwnd},
                                              {Kind::kSendRate},
                                              {Kind::kReceiveRate},
                                              {Kind::kField, Field::kTotalRetrans},
                                              {Kind::kLimited},
                                              {Kind::kProcess}};
  return columns;
}

}  // namespace

ChangeLines::ChangeLines(std::ostream& out, LineFormat format, std::vector<Column> columns)
    : out_(out),
      format_(format),
      columns_(std::move(columns)),
      shape_{.fields = FieldsAmong(columns_), .with_event = true} {
  if (columns_.empty()) columns_ = FirstLooks();
}

absl::Status ChangeLines::Write(const FrameChanges& changes, absl::Span<const HostView> hosts) {
  if (format_ == LineFormat::kCsv && !std::exchange(has_header_, true)) {
    WriteCsvRow(out_, ConnectionCsvHeader(shape_));
  }
  for (const sockets::ClosedConnection& closed : changes.closed) {
    ConnectionRow row;
    row.host = changes.host;
    row.sample = &closed.last;
    row.derived = sockets::DeriveFromTotals(closed.last.values);
    TF_RETURN_IF_ERROR(WriteLine("close", changes.unix_ns, row, hosts));
  }
  for (const ConnectionRow* row : changes.opened) {
    TF_RETURN_IF_ERROR(WriteLine(changes.first ? "present" : "open", changes.unix_ns, *row, hosts));
  }
  for (const ConnectionRow* row : changes.changed) {
    TF_RETURN_IF_ERROR(WriteLine("change", changes.unix_ns, *row, hosts));
  }
  return absl::OkStatus();
}

absl::Status ChangeLines::WriteLine(absl::string_view event, int64_t unix_ns,
                                    const ConnectionRow& row, absl::Span<const HostView> hosts) {
  if (format_ == LineFormat::kText) {
    out_ << TextOf(event, unix_ns, row, hosts) << '\n';
    return absl::OkStatus();
  }
  v1::ConnectionRecord record = ToRecord(row, hosts, shape_.fields);
  record.set_event(std::string(event));
  *record.mutable_time() = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(unix_ns);
  if (format_ == LineFormat::kJsonl) return WriteJsonl(out_, record);
  WriteCsvRow(out_, ConnectionCsvRow(record, shape_));
  return absl::OkStatus();
}

std::string ChangeLines::TextOf(absl::string_view event, int64_t unix_ns, const ConnectionRow& row,
                                absl::Span<const HostView> hosts) const {
  const auto cell = [&](const Column& column) { return CellText(column, row, hosts); };
  std::string line = absl::StrFormat(
      "%s  %-7s  %s  %s  %s > %s",
      absl::FormatTime("%H:%M:%E3S", absl::FromUnixNanos(unix_ns), absl::LocalTimeZone()), event,
      cell({Kind::kHost}), cell({Kind::kState}), cell({Kind::kLocal}), cell({Kind::kPeer}));
  for (const Column& column : columns_) {
    absl::StrAppend(&line, "  ", ColumnName(column), " ", cell(column));
  }
  return Printable(line);
}

}  // namespace tcpfleet::controller
