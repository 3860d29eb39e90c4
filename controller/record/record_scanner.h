// Walks the records of one file, over whatever damage there is.
//
// Threads: not thread-safe.
// Errors:  only those of reading; damage is found as kLoss, and walking goes on at the next whole
//          record after it.
// Bounds:  one buffer, as large as the largest record (kMostPayloadBytes) or `read_ahead`; time
//          linear in the size of the file, whatever is in it.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "controller/record/record_format.h"

namespace tcpfleet::controller {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // Fewer bytes than asked for only at the end.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) = 0;
};

class RecordScanner {
 public:
  struct Found {
    enum class Kind : uint8_t {
      kRecord,
      kLoss,  // bytes that are no whole record; `header` when only the payload is broken
      kCut,   // the same at the end of the file, in the middle of a record
      kEnd,   // of the file
    };
    Kind kind = Kind::kEnd;
    uint64_t offset = 0;
    uint64_t bytes = 0;
    std::optional<RecordHead> header;
    absl::string_view payload;  // of a record, unless only headers are asked for
  };

  // `source` outlives the scanner. Headers alone are read faster with little read-ahead.
  RecordScanner(ByteSource& source, size_t read_ahead);

  // Views stay valid until the next call.
  absl::StatusOr<Found> Next();
  // Skips the payload, and does not check it.
  absl::StatusOr<Found> NextHeader();
  // `offset` of something found before.
  void SeekTo(uint64_t offset) { offset_ = offset; }

 private:
  absl::StatusOr<Found> Walk(bool with_payload);
  // The bytes there, `wanted` of them unless the file ends before.
  absl::StatusOr<absl::string_view> View(uint64_t offset, size_t wanted);
  absl::StatusOr<Found> FindNextRecord();
  Found Took(Found::Kind kind, uint64_t bytes);

  ByteSource& source_;
  const size_t read_ahead_;
  uint64_t offset_ = 0;
  std::string buffer_;  // bytes of the file from buffer_offset_ on
  uint64_t buffer_offset_ = 0;
};

}  // namespace tcpfleet::controller
