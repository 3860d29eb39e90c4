// Puts the rows of one frame together.
//
// Bounds: what it is given; the caller watches EstimatedBytes. Its buffers are kept from frame to
//         frame, but for those of a large one.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "common/sockets/column_set.h"
#include "common/sockets/connection_sample.h"
#include "common/sockets/opened_columns.h"
#include "tcpfleet/v1/sockets.pb.h"

namespace tcpfleet::sockets {

class FrameWriter {
 public:
  // Rows of every kind come in ascending order; of the values, only those `wanted` are written.
  void Close(uint32_t row, v1::ConnectionClose::Reason reason, const FieldValues& before,
             const FieldValues& last, const FieldMask& wanted);
  void Open(uint32_t row, const ConnectionIdentity& identity) { opened_.Add(row, identity); }
  // Also of rows just opened, `before` empty.
  void Change(uint32_t row, const FieldValues& before, const FieldValues& now,
              const FieldMask& wanted);
  void SetTail(uint32_t row, const std::string& tail);

  // Of the serialized rows so far, never less.
  size_t EstimatedBytes() const;

  // Fills rows_size and rows_zstd of a frame that is marked as a keyframe or not, and begins anew.
  void Finish(v1::ConnectionFrame& frame);

 private:
  void Serialize();
  void Clear();

  ColumnSet closed_;
  std::string reasons_;
  OpenedColumns opened_;
  ColumnSet changed_;
  std::string tails_;
  std::string plain_;
  std::string scratch_;

  struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_{ZSTD_createCCtx()};
};

}  // namespace tcpfleet::sockets
