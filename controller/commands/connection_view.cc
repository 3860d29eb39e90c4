#include "controller/commands/connection_view.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/base/suggest.h"
#include "common/base/units.h"
#include "common/sockets/state_names.h"

namespace tcpfleet::controller {
namespace {

using sockets::Field;
using sockets::FieldInfo;
using sockets::FieldValues;

constexpr char kAbsent[] = "-";

std::vector<std::string> FieldNames() {
  std::vector<std::string> names;
  for (const FieldInfo& info : sockets::AllFields()) names.emplace_back(info.name);
  return names;
}

std::vector<Field> FieldsOrAll(absl::Span<const Field> fields) {
  if (!fields.empty()) return {fields.begin(), fields.end()};
  std::vector<Field> all;
  for (const FieldInfo& info : sockets::AllFields()) all.push_back(info.field);
  return all;
}

std::string NameOf(Field field) {
  return std::string(sockets::FindField(static_cast<uint32_t>(field))->name);
}

std::string StateOf(const ConnectionRow& row) {
  const std::optional<uint64_t> state = row.sample->values.Find(Field::kState);
  return state ? std::string(sockets::StateName(*state)) : "";
}

std::string Raw(const FieldValues& values, Field field) {
  const std::optional<uint64_t> value = values.Find(field);
  return value ? absl::StrCat(*value) : kAbsent;
}

std::string Counted(const FieldValues& values, Field field) {
  const std::optional<uint64_t> value = values.Find(field);
  return value ? base::FormatCount(static_cast<double>(*value)) : kAbsent;
}

// "0.045/0.012", milliseconds.
std::string RttAndVariance(const FieldValues& values) {
  const std::optional<uint64_t> rtt = values.Find(Field::kRtt);
  const std::optional<uint64_t> rttvar = values.Find(Field::kRttvar);
  if (!rtt || !rttvar) return kAbsent;
  return absl::StrFormat("%.3f/%.3f", static_cast<double>(*rtt) / 1e3,
                         static_cast<double>(*rttvar) / 1e3);
}

// "0/3": in flight now / in all.
std::string Retransmits(const FieldValues& values) {
  const std::string total = Raw(values, Field::kTotalRetrans);
  return total == kAbsent ? kAbsent : absl::StrCat(Raw(values, Field::kRetrans), "/", total);
}

std::string BitsPerSecond(const FieldValues& values, Field field) {
  const std::optional<uint64_t> rate = values.Find(field);
  if (!rate) return kAbsent;
  return absl::StrCat(base::FormatCount(static_cast<double>(*rate) * 8), "bps");
}

struct TableColumn {
  const char* header;
  std::string (*text)(const FieldValues& values);
};
constexpr TableColumn kFamiliar[] = {
    {"RTT/VAR ms", &RttAndVariance},
    {"CWND", [](const FieldValues& values) { return Raw(values, Field::kSndCwnd); }},
    {"RETRANS", &Retransmits},
    {"SENT", [](const FieldValues& values) { return Counted(values, Field::kBytesSent); }},
    {"ACKED", [](const FieldValues& values) { return Counted(values, Field::kBytesAcked); }},
    {"RECEIVED", [](const FieldValues& values) { return Counted(values, Field::kBytesReceived); }},
    {"DELIVERY",
     [](const FieldValues& values) { return BitsPerSecond(values, Field::kDeliveryRate); }},
};

template <class Key>
void SortBy(std::vector<ConnectionRow>& rows, bool descending, Key key) {
  std::stable_sort(rows.begin(), rows.end(), [&](const ConnectionRow& a, const ConnectionRow& b) {
    return descending ? key(b) < key(a) : key(a) < key(b);
  });
}

}  // namespace

absl::StatusOr<std::vector<Field>> ParseFields(absl::string_view list) {
  std::vector<Field> fields;
  for (absl::string_view name : absl::StrSplit(list, ',')) {
    name = absl::StripAsciiWhitespace(name);
    const FieldInfo* info = sockets::FindField(name);
    if (info == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown field '", name, "'", base::DidYouMean(name, FieldNames())));
    }
    if (std::find(fields.begin(), fields.end(), info->field) == fields.end()) {
      fields.push_back(info->field);
    }
  }
  return fields;
}

absl::StatusOr<SortKey> ParseSortKey(absl::string_view text) {
  SortKey key;
  key.descending = absl::ConsumePrefix(&text, "-");
  if (text == "host" || text == "local" || text == "peer") {
    key.by = text == "host"    ? SortKey::By::kHost
             : text == "local" ? SortKey::By::kLocal
                               : SortKey::By::kPeer;
    return key;
  }
  key.by = SortKey::By::kField;
  if (const FieldInfo* info = sockets::FindField(text)) {
    key.field = info->field;
    return key;
  }
  std::vector<std::string> names = FieldNames();
  names.insert(names.end(), {"host", "local", "peer"});
  return absl::InvalidArgumentError(
      absl::StrCat("cannot sort by '", text, "'", base::DidYouMean(text, names)));
}

void SortRows(std::vector<ConnectionRow>& rows, const SortKey& key) {
  switch (key.by) {
    case SortKey::By::kHost:
      return SortBy(rows, key.descending, [](const ConnectionRow& row) { return *row.agent; });
    case SortKey::By::kLocal:
      return SortBy(rows, key.descending,
                    [](const ConnectionRow& row) { return row.sample->identity.local; });
    case SortKey::By::kPeer:
      return SortBy(rows, key.descending,
                    [](const ConnectionRow& row) { return row.sample->identity.remote; });
    case SortKey::By::kField: {
      const auto first_without = std::stable_partition(
          rows.begin(), rows.end(),
          [&](const ConnectionRow& row) { return row.sample->values.Has(key.field); });
      std::stable_sort(rows.begin(), first_without,
                       [&](const ConnectionRow& a, const ConnectionRow& b) {
                         const uint64_t of_a = a.sample->values.Get(key.field);
                         const uint64_t of_b = b.sample->values.Get(key.field);
                         return key.descending ? of_b < of_a : of_a < of_b;
                       });
    }
  }
}

Table ConnectionTable(absl::Span<const ConnectionRow> rows, absl::Span<const Field> fields) {
  using Align = Table::Align;
  std::vector<Table::Column> columns = {
      {"HOST"},  {"STATE"}, {"RECV-Q", Align::kRight}, {"SEND-Q", Align::kRight},
      {"LOCAL"}, {"PEER"}};
  if (fields.empty()) {
    for (const TableColumn& column : kFamiliar) columns.push_back({column.header, Align::kRight});
  }
  for (const Field field : fields) columns.push_back({NameOf(field), Align::kRight});
  Table table(std::move(columns));
  for (const ConnectionRow& row : rows) {
    const FieldValues& values = row.sample->values;
    std::vector<Cell> cells = {*row.agent,
                               StateOf(row),
                               Raw(values, Field::kReceiveQueue),
                               Raw(values, Field::kSendQueue),
                               row.sample->identity.local.ToString(),
                               row.sample->identity.remote.ToString()};
    if (fields.empty()) {
      for (const TableColumn& column : kFamiliar) cells.emplace_back(column.text(values));
    }
    for (const Field field : fields) cells.emplace_back(Raw(values, field));
    table.AddRow(std::move(cells));
  }
  return table;
}

v1::ConnectionRecord ToRecord(const ConnectionRow& row, absl::Span<const Field> fields) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  v1::ConnectionRecord record;
  record.set_agent(*row.agent);
  record.set_state(StateOf(row));
  record.set_local(identity.local.ToString());
  record.set_peer(identity.remote.ToString());
  record.set_cookie(identity.cookie);
  if (identity.uid) record.set_uid(*identity.uid);
  record.set_inode(identity.inode);
  record.set_congestion_control(identity.congestion_control);
  for (const Field field : FieldsOrAll(fields)) {
    if (const std::optional<uint64_t> value = row.sample->values.Find(field)) {
      (*record.mutable_fields())[NameOf(field)] = *value;
    }
  }
  return record;
}

CsvRow ConnectionCsvHeader(absl::Span<const Field> fields) {
  CsvRow header = {"agent",  "state", "local", "peer",
                   "cookie", "uid",   "inode", "congestion_control"};
  for (const Field field : FieldsOrAll(fields)) header.push_back(NameOf(field));
  return header;
}

CsvRow ConnectionCsvRow(const ConnectionRow& row, absl::Span<const Field> fields) {
  const sockets::ConnectionIdentity& identity = row.sample->identity;
  CsvRow cells = {*row.agent,
                  StateOf(row),
                  identity.local.ToString(),
                  identity.remote.ToString(),
                  absl::StrCat(identity.cookie),
                  identity.uid ? absl::StrCat(*identity.uid) : "",
                  absl::StrCat(identity.inode),
                  identity.congestion_control};
  for (const Field field : FieldsOrAll(fields)) {
    const std::optional<uint64_t> value = row.sample->values.Find(field);
    cells.push_back(value ? absl::StrCat(*value) : "");
  }
  return cells;
}

}  // namespace tcpfleet::controller
