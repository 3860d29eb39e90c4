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

  // `samples`: those of the rows, in their order.
  void ApplyTo(absl::Span<ConnectionSample* const> samples) const;
};

struct StagedFrame {
  StagedColumns closed;
  std::vector<v1::ConnectionClose::Reason> reasons;             // one per closed row
  std::vector<std::pair<uint32_t, ConnectionIdentity>> opened;  // ascending
  StagedColumns changed;
  std::vector<std::pair<uint32_t, std::string>> tails;
};

// `before`: the rows there are before the frame. DataLoss as FrameDecoder describes it.
absl::StatusOr<StagedFrame> StageFrame(absl::string_view rows, const RowTable& before);

}  // namespace tcpfleet::sockets
