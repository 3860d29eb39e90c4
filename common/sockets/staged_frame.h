// A frame's rows, read and checked against the rows they are to change, but not yet applied.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "common/sockets/opened_rows.h"
#include "common/sockets/row_table.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

// Values for some rows; views point into the serialized rows the frame was read from.
struct StagedColumns {
  struct Column {
    Field field;
    absl::string_view present;  // empty: every row
    absl::string_view deltas;   // zigzag varints, one per present value; empty: all 0
    absl::string_view absent;   // empty: no row
  };
  std::vector<uint32_t> rows;  // ascending
  std::vector<Column> columns;
};

// Applies columns to the samples of their rows, some rows at a time.
class ColumnReader {
 public:
  static constexpr size_t kRowsAtATime = 16;

  // `columns` must outlive the reader. `rows_are_new`: none of the rows has a value yet.
  ColumnReader(const StagedColumns& columns, bool rows_are_new);

  // `samples`: those of the next rows in their order; kRowsAtATime until the last ones.
  void ApplyTo(absl::Span<ConnectionSample* const> samples);

 private:
  struct Cursor {
    absl::string_view deltas;
    uint64_t last_new = 0;
    bool follows_row_before = false;  // every value is against that of the row before
  };
  void ApplyTo(absl::Span<ConnectionSample* const> samples, const StagedColumns::Column& column,
               Cursor& cursor) const;
  void FollowRowBefore(absl::Span<ConnectionSample* const> samples, Field field, Cursor& cursor);

  const StagedColumns& columns_;
  std::vector<Cursor> cursors_;  // parallel to the columns
  size_t row_ = 0;               // the next one's position
  FieldValues row_before_;       // as far as the next ones follow it
};

struct StagedFrame {
  StagedColumns closed;
  std::vector<v1::ConnectionClose::Reason> reasons;  // one per closed row
  OpenedRows opened;
  StagedColumns changed;
  std::vector<std::pair<uint32_t, std::string>> tails;
};

// `before`: the rows there are before the frame. DataLoss as FrameDecoder describes it.
absl::StatusOr<StagedFrame> StageFrame(absl::string_view rows, const RowTable& before);

}  // namespace tcpfleet::sockets
