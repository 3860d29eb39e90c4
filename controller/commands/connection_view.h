// Connections of many agents as rows: sorted, and as a table, records or CSV.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/field.h"
#include "controller/cli/printer.h"
#include "controller/cli/table.h"
#include "tcpfleet/v1/report.pb.h"

namespace tcpfleet::controller {

// Points into the agent's snapshot.
struct ConnectionRow {
  const std::string* agent = nullptr;
  const sockets::ConnectionSample* sample = nullptr;
};

// "rtt,snd_cwnd". InvalidArgument for an unknown name, with a suggestion.
absl::StatusOr<std::vector<sockets::Field>> ParseFields(absl::string_view list);

struct SortKey {
  enum class By { kHost, kLocal, kPeer, kField };
  By by = By::kHost;
  sockets::Field field = sockets::Field::kState;  // of kField
  bool descending = false;
};
// "host", "local", "peer" or a field, after '-' for largest first.
absl::StatusOr<SortKey> ParseSortKey(absl::string_view text);

// Stable; rows without the field come last.
void SortRows(std::vector<ConnectionRow>& rows, const SortKey& key);

// The columns of `ss -ti` people look at first, or the given fields as the kernel reports them.
Table ConnectionTable(absl::Span<const ConnectionRow> rows,
                      absl::Span<const sockets::Field> fields);

// All fields when `fields` is empty.
v1::ConnectionRecord ToRecord(const ConnectionRow& row, absl::Span<const sockets::Field> fields);
CsvRow ConnectionCsvHeader(absl::Span<const sockets::Field> fields);
CsvRow ConnectionCsvRow(const ConnectionRow& row, absl::Span<const sockets::Field> fields);

}  // namespace tcpfleet::controller
