// Which rows of a fleet table somebody wants to see, in which order.
//
// Threads: pure functions.
// Errors:  InvalidArgument names the mistake, with a suggestion.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "common/filter/filter.h"
#include "controller/connections/fleet_table.h"

namespace tcpfleet::controller {

// A column of connections: what people sort by, group by and see. Every field of
// common/sockets/field.h is one by its name; so are host, local, lport, laddr, peer, pport, paddr,
// process, pid, command, cgroup, uid, cc, netns, age, send_rate, receive_rate, acked_rate,
// retrans_share, limited, and the filter language's other spellings of fields: recv_q, cwnd,
// last_data_sent, ...
struct Column {
  enum class Kind : uint8_t {
    kField,
    kHost,
    kState,
    kLocal,
    kLocalAddress,
    kLocalPort,
    kPeer,
    kPeerAddress,
    kPeerPort,
    kProcess,
    kPid,
    kCommand,
    kCgroup,
    kUid,
    kCongestionControl,
    kNamespace,
    kAge,
    kSendRate,
    kReceiveRate,
    kDeliveryRate,
    kRetransShare,
    kLimited
  };
  Kind kind = Kind::kField;
  sockets::Field field = sockets::Field::kState;  // of kField
  bool operator==(const Column&) const = default;
};
absl::StatusOr<Column> ParseColumn(absl::string_view name);
absl::StatusOr<std::vector<Column>> ParseColumns(absl::string_view list);  // "rtt,snd_cwnd"
std::string ColumnName(const Column& column);
// The kernel's fields that are among the columns.
sockets::FieldMask FieldsAmong(absl::Span<const Column> columns);

// "12.3 ms", "4.5 MB/s", "established": for people. "-" when unknown.
std::string CellText(const Column& column, const ConnectionRow& row,
                     absl::Span<const HostView> hosts);

struct RowOrder {
  Column column{Column::Kind::kHost};
  bool descending = false;
  bool operator==(const RowOrder&) const = default;
};
// "rtt", "-rtt": largest first.
absl::StatusOr<RowOrder> ParseRowOrder(absl::string_view text);

struct RowQuery {
  const filter::Filter* filter = nullptr;  // null: all
  RowOrder order = {};
  size_t most = 0;  // 0: all
  size_t from = 0;  // place of the first one wanted; less when the rows end before `most` of them
  // Instead of `from`, when it matches: the rows around this one's place.
  const ConnectionRow* around = nullptr;
};
struct RowSelection {
  std::vector<const ConnectionRow*> rows;  // ordered; rows without the column's value come last
  size_t matched = 0;                      // before `most` cut them
  size_t begin = 0;                        // place of the first of `rows` among them
  std::optional<size_t> place;             // of `around`
};
RowSelection SelectRows(const FleetTable& table, const RowQuery& query);
// The same of any rows of these hosts.
RowSelection SelectRows(std::vector<const ConnectionRow*> rows, absl::Span<const HostView> hosts,
                        const RowQuery& query);

// Rows folded by the values of some columns, largest groups first.
struct RowGroup {
  std::vector<std::string> keys;  // one per column, as CellText gives them
  std::vector<const ConnectionRow*> rows;
  double send_rate = 0;
  double receive_rate = 0;
  uint64_t bytes_sent = 0;  // sums of what the kernel reports
  uint64_t bytes_received = 0;
  uint64_t retransmits = 0;  // tcpi_total_retrans
  std::optional<double> rtt_us_p50;
  std::optional<double> rtt_us_max;
};
std::vector<RowGroup> GroupRows(absl::Span<const ConnectionRow* const> rows,
                                absl::Span<const Column> by, absl::Span<const HostView> hosts);

}  // namespace tcpfleet::controller
