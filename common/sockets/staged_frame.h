// A frame's rows, read and checked against the rows they are to change, but not yet applied.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "common/sockets/connection_sample.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

// Views point into the serialized rows the frame was read from.
struct StagedFrame {
  struct Close {
    uint32_t row;
    v1::ConnectionClose::Reason reason;
    FieldValues last;
  };
  struct Column {
    Field field;
    absl::string_view present;
    absl::string_view deltas;  // zigzag varints, one per set bit
    absl::string_view absent;  // empty or as long as `present`
  };
  std::vector<Close> closed;
  std::vector<std::pair<uint32_t, ConnectionIdentity>> opened;
  std::vector<uint32_t> changed;  // ascending
  std::vector<Column> columns;
  std::vector<std::pair<uint32_t, std::string>> tails;
};

// `exists` says whether a row is there before the frame. DataLoss as FrameDecoder describes it.
absl::StatusOr<StagedFrame> StageFrame(absl::string_view rows,
                                       const std::function<bool(uint32_t)>& exists);

}  // namespace tcpfleet::sockets
