#include "common/sockets/staged_frame.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <optional>

#include "common/base/status_macros.h"
#include "common/sockets/wire_reader.h"

namespace tcpfleet::sockets {
namespace {

// Of a message that describes one row.
constexpr size_t kMostRowMessageBytes = size_t{128} << 10;

template <class... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("connection frame: ", parts...));
}

// 64 bits of a bitmap, or those it has; `row` is a multiple of 8.
uint64_t BitsFrom(absl::string_view bitmap, size_t row) {
  const absl::string_view bytes = bitmap.substr(std::min(row / 8, bitmap.size()), sizeof(uint64_t));
  uint64_t bits = 0;
  if (!bytes.empty()) std::memcpy(&bits, bytes.data(), bytes.size());
  return bits;
}

absl::Status CheckColumn(const StagedColumns::Column& column, size_t rows) {
  const size_t size = (rows + 7) / 8;
  if ((!column.present.empty() && column.present.size() != size) ||
      (!column.absent.empty() && column.absent.size() != size)) {
    return absl::DataLossError(absl::StrCat("bitmaps of ", column.present.size(), " and ",
                                            column.absent.size(), " bytes for ", rows, " rows"));
  }
  size_t values = column.present.empty() ? rows : 0;
  for (size_t row = 0; row < rows; row += 64) {
    const uint64_t within = ~uint64_t{0} >> (64 - std::min<size_t>(64, rows - row));
    const uint64_t present = BitsFrom(column.present, row);
    const uint64_t absent = BitsFrom(column.absent, row);
    if (((present | absent) & ~within) != 0) return absl::DataLossError("bits beyond the last row");
    if (((column.present.empty() ? within : present) & absent) != 0) {
      return absl::DataLossError("a value both present and absent");
    }
    values += static_cast<size_t>(std::popcount(present));
  }
  if (column.deltas.empty()) return absl::OkStatus();
  const std::optional<size_t> deltas = CountVarints(column.deltas);
  if (!deltas) return absl::DataLossError("deltas end in the middle of a number");
  if (*deltas != values) {
    return absl::DataLossError(absl::StrCat(*deltas, " deltas for ", values, " present values"));
  }
  return absl::OkStatus();
}

// Appends the column to `columns`, whose rows are known, unless a newer version made it.
absl::Status ReadColumn(absl::string_view bytes, FieldMask& seen, StagedColumns& columns) {
  using Column = v1::Column;
  StagedColumns::Column column{};
  uint64_t field_id = 0;
  WireReader reader(bytes);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (record->field == Column::kFieldIdFieldNumber && !record->has_bytes) {
      field_id = record->number;
    } else if (record->field == Column::kPresentFieldNumber) {
      column.present = record->bytes;
    } else if (record->field == Column::kDeltasFieldNumber) {
      if (!column.deltas.empty() || !record->has_bytes) return Bad("deltas are not packed");
      column.deltas = record->bytes;
    } else if (record->field == Column::kAbsentFieldNumber) {
      column.absent = record->bytes;
    }
  }
  if (!reader.ok()) return Bad("not a whole column");
  const FieldInfo* info =
      field_id < kFieldSlots ? FindField(static_cast<uint32_t>(field_id)) : nullptr;
  if (info == nullptr) return absl::OkStatus();
  if (seen[SlotOf(info->field)]) return Bad("column ", info->name, " comes twice");
  seen.set(SlotOf(info->field));
  column.field = info->field;
  if (absl::Status status = CheckColumn(column, columns.rows.size()); !status.ok()) {
    return Bad("column ", info->name, ": ", status.message());
  }
  columns.columns.push_back(column);
  return absl::OkStatus();
}

absl::Status ReadColumns(const std::vector<absl::string_view>& from, StagedColumns& columns) {
  FieldMask seen;
  for (const absl::string_view column : from) {
    TF_RETURN_IF_ERROR(ReadColumn(column, seen, columns));
  }
  return absl::OkStatus();
}

class Stager {
 public:
  explicit Stager(const RowTable& before) : before_(before) {}

  absl::StatusOr<StagedFrame> Stage(absl::string_view rows);

 private:
  absl::Status ReadClosed(absl::string_view bytes);
  absl::Status CheckOpened() const;
  absl::Status CheckChanged() const;
  absl::Status ReadTail(absl::string_view bytes);
  bool Exists(uint32_t row) const {
    return WasOpened(row) || (before_.Find(row) != nullptr && !WasClosed(row));
  }
  bool WasClosed(uint32_t row) const {
    return std::binary_search(frame_.closed.rows.begin(), frame_.closed.rows.end(), row);
  }
  bool WasOpened(uint32_t row) const {
    return std::binary_search(frame_.opened.rows().begin(), frame_.opened.rows().end(), row);
  }

  const RowTable& before_;
  StagedFrame frame_;
};

absl::StatusOr<StagedFrame> Stager::Stage(absl::string_view rows) {
  using Rows = v1::ConnectionRows;
  // The fields may come in any order.
  std::array<absl::string_view, 8> parts;
  std::vector<absl::string_view> columns;
  std::vector<absl::string_view> tails;
  WireReader reader(rows);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (!record->has_bytes || record->field >= parts.size()) continue;
    if (record->field == Rows::kColumnsFieldNumber) {
      if (columns.size() == kMostRows) return Bad("more than ", kMostRows, " columns");
      columns.push_back(record->bytes);
    } else if (record->field == Rows::kTailsFieldNumber) {
      if (tails.size() == kMostRows) return Bad("more than ", kMostRows, " tcp_info tails");
      tails.push_back(record->bytes);
    } else if (parts[record->field].empty()) {
      parts[record->field] = record->bytes;
    } else {
      return Bad("field ", record->field, " of the rows comes twice");
    }
  }
  if (!reader.ok()) return Bad("rows are not a whole ConnectionRows message");
  TF_RETURN_IF_ERROR(ReadClosed(parts[Rows::kClosedRowsFieldNumber]));
  TF_ASSIGN_OR_RETURN(frame_.opened, OpenedRows::Read(parts[Rows::kOpenedRowsFieldNumber]));
  TF_RETURN_IF_ERROR(CheckOpened());
  TF_ASSIGN_OR_RETURN(frame_.changed.rows,
                      ReadRowDeltas(parts[Rows::kChangedRowDeltasFieldNumber]));
  TF_RETURN_IF_ERROR(CheckChanged());
  TF_RETURN_IF_ERROR(ReadColumns(columns, frame_.changed));
  for (const absl::string_view tail : tails) TF_RETURN_IF_ERROR(ReadTail(tail));
  return std::move(frame_);
}

absl::Status Stager::ReadClosed(absl::string_view bytes) {
  using Rows = v1::ClosedRows;
  absl::string_view row_deltas;
  absl::string_view reasons;
  std::vector<absl::string_view> columns;
  WireReader reader(bytes);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (!record->has_bytes) continue;
    if (record->field == Rows::kRowDeltasFieldNumber) row_deltas = record->bytes;
    if (record->field == Rows::kReasonsFieldNumber) reasons = record->bytes;
    if (record->field != Rows::kColumnsFieldNumber) continue;
    if (columns.size() == kMostRows) return Bad("more than ", kMostRows, " columns");
    columns.push_back(record->bytes);
  }
  if (!reader.ok()) return Bad("not a whole ClosedRows message");
  TF_ASSIGN_OR_RETURN(frame_.closed.rows, ReadRowDeltas(row_deltas));
  for (const uint32_t row : frame_.closed.rows) {
    if (before_.Find(row) == nullptr) return Bad("closes row ", row, ", which does not exist");
    const std::optional<uint64_t> reason = TakeVarint(reasons);
    if (!reason) return Bad("closes row ", row, " without a reason");
    // A reason of a newer version is none we know.
    frame_.reasons.push_back(*reason <= INT32_MAX &&
                                     v1::ConnectionClose::Reason_IsValid(static_cast<int>(*reason))
                                 ? static_cast<v1::ConnectionClose::Reason>(*reason)
                                 : v1::ConnectionClose::REASON_UNSPECIFIED);
  }
  if (!reasons.empty()) return Bad("more reasons than closed rows");
  return ReadColumns(columns, frame_.closed);
}

absl::Status Stager::CheckOpened() const {
  for (const uint32_t row : frame_.opened.rows()) {
    if (before_.Find(row) != nullptr && !WasClosed(row)) {
      return Bad("opens row ", row, ", which exists");
    }
  }
  return absl::OkStatus();
}

absl::Status Stager::CheckChanged() const {
  auto opened = frame_.opened.rows().begin();
  const auto end = frame_.opened.rows().end();
  for (const uint32_t row : frame_.changed.rows) {
    while (opened != end && *opened < row) ++opened;
    const bool was_opened = opened != end && *opened == row;
    if (!was_opened && !Exists(row)) return Bad("changes row ", row, ", which does not exist");
  }
  return absl::OkStatus();
}

absl::Status Stager::ReadTail(absl::string_view bytes) {
  if (bytes.size() > kMostRowMessageBytes) {
    return Bad("a message of ", bytes.size(), " bytes for one row; at most ", kMostRowMessageBytes);
  }
  v1::TcpInfoTail tail;
  if (!tail.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("not a ", tail.GetTypeName());
  }
  if (!Exists(tail.row())) {
    return Bad("a tcp_info tail for row ", tail.row(), ", which does not exist");
  }
  frame_.tails.emplace_back(tail.row(), std::move(*tail.mutable_tail()));
  return absl::OkStatus();
}

}  // namespace

ColumnReader::ColumnReader(const StagedColumns& columns, bool rows_are_new) : columns_(columns) {
  for (const StagedColumns::Column& column : columns.columns) {
    Cursor& cursor = cursors_.emplace_back(Cursor{.deltas = column.deltas});
    cursor.follows_row_before =
        rows_are_new && column.present.empty() && CompanionOf(column.field) == Field::kState;
    if (cursor.follows_row_before) row_before_.Set(column.field, 0);
  }
}

void ColumnReader::ApplyTo(absl::Span<ConnectionSample* const> samples) {
  if (row_before_.present().any()) {
    for (ConnectionSample* const sample : samples) sample->values = row_before_;
  }
  for (size_t i = 0; i < cursors_.size(); ++i) {
    const StagedColumns::Column& column = columns_.columns[i];
    if (cursors_[i].follows_row_before) {
      FollowRowBefore(samples, column.field, cursors_[i]);
    } else {
      ApplyTo(samples, column, cursors_[i]);
    }
  }
  row_ += samples.size();
}

void ColumnReader::FollowRowBefore(absl::Span<ConnectionSample* const> samples, Field field,
                                   Cursor& cursor) {
  const absl::string_view next = cursor.deltas.substr(0, samples.size());
  if (next.find_first_not_of('\0') == absl::string_view::npos) {
    cursor.deltas.remove_prefix(next.size());  // all as the row before
    return;
  }
  for (ConnectionSample* const sample : samples) {
    cursor.last_new += UnZigzag(*TakeVarint(cursor.deltas));
    sample->values.Set(field, cursor.last_new);
  }
  row_before_.Set(field, cursor.last_new);
}

void ColumnReader::ApplyTo(absl::Span<ConnectionSample* const> samples,
                           const StagedColumns::Column& column, Cursor& cursor) const {
  const Field field = column.field;
  const Field companion = CompanionOf(field);
  const uint64_t all = ~uint64_t{0} >> (64 - samples.size());
  uint64_t present = all & (column.present.empty() ? all : BitsFrom(column.present, row_));
  for (; present != 0; present &= present - 1) {
    FieldValues& values = samples[static_cast<size_t>(std::countr_zero(present))]->values;
    uint64_t value = column.deltas.empty() ? 0 : UnZigzag(*TakeVarint(cursor.deltas));
    if (values.Has(field)) {
      value += values.Get(field);
    } else if (companion != Field::kState && values.Has(companion)) {
      value += values.Get(companion);
    } else {
      value += cursor.last_new;
      cursor.last_new = value;
    }
    values.Set(field, value);
  }
  for (uint64_t absent = all & BitsFrom(column.absent, row_); absent != 0; absent &= absent - 1) {
    samples[static_cast<size_t>(std::countr_zero(absent))]->values.Erase(field);
  }
}

absl::StatusOr<StagedFrame> StageFrame(absl::string_view rows, const RowTable& before) {
  return Stager(before).Stage(rows);
}

}  // namespace tcpfleet::sockets
