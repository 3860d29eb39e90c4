#include "controller/record/record_scanner.h"

#include <algorithm>

#include "common/base/status_macros.h"

namespace tcpfleet::controller {

using Found = RecordScanner::Found;
using Kind = Found::Kind;

RecordScanner::RecordScanner(ByteSource& source, size_t read_ahead)
    : source_(source), read_ahead_(read_ahead) {}

absl::StatusOr<absl::string_view> RecordScanner::View(uint64_t offset, size_t wanted) {
  const uint64_t size = source_.size();
  wanted = static_cast<size_t>(std::min<uint64_t>(wanted, size - std::min(size, offset)));
  if (offset < buffer_offset_ || offset + wanted > buffer_offset_ + buffer_.size()) {
    buffer_.resize(std::min<uint64_t>(std::max(wanted, read_ahead_), size - offset));
    buffer_offset_ = offset;
    absl::StatusOr<size_t> got = source_.ReadAt(offset, absl::MakeSpan(buffer_));
    buffer_.resize(got.value_or(0));
    TF_RETURN_IF_ERROR(got.status());
  }
  return absl::string_view(buffer_).substr(offset - buffer_offset_, wanted);
}

Found RecordScanner::Took(Kind kind, uint64_t bytes) {
  const Found found{.kind = kind, .offset = offset_, .bytes = bytes, .header = {}, .payload = {}};
  offset_ += bytes;
  return found;
}

absl::StatusOr<Found> RecordScanner::Next() { return Walk(true); }

absl::StatusOr<Found> RecordScanner::NextHeader() { return Walk(false); }

absl::StatusOr<Found> RecordScanner::Walk(bool with_payload) {
  if (offset_ == 0) {
    TF_ASSIGN_OR_RETURN(const absl::string_view magic, View(0, kFileMagic.size()));
    if (magic == kFileMagic) {
      offset_ = kFileMagic.size();
    } else if (kFileMagic.substr(0, magic.size()) == magic) {
      return Took(magic.empty() ? Kind::kEnd : Kind::kCut, magic.size());
    }
  }
  TF_ASSIGN_OR_RETURN(absl::string_view bytes, View(offset_, kRecordHeadBytes));
  if (bytes.empty()) return Took(Kind::kEnd, 0);
  const std::optional<RecordHead> header = ParseRecordHead(bytes);
  if (!header) return FindNextRecord();
  const uint64_t size = kRecordHeadBytes + header->payload_bytes;
  const uint64_t left = source_.size() - offset_;
  if (size > left) return Took(Kind::kCut, left);
  if (!with_payload) {
    Found found = Took(Kind::kRecord, size);
    found.header = header;
    return found;
  }
  TF_ASSIGN_OR_RETURN(bytes, View(offset_, size));
  const absl::string_view payload = bytes.substr(kRecordHeadBytes);
  // A header whose checksum is right is believed its length: looking for records inside would let a
  // crafted file cost the square of its size.
  const bool whole = PayloadIsWhole(*header, payload);
  Found found = Took(whole ? Kind::kRecord : Kind::kLoss, size);
  found.header = header;
  if (whole) found.payload = payload;
  return found;
}

absl::StatusOr<Found> RecordScanner::FindNextRecord() {
  constexpr size_t kStep = size_t{64} << 10;
  for (uint64_t from = offset_ + 1;; from += kStep) {
    // Headers that begin within the step, and may end behind it.
    TF_ASSIGN_OR_RETURN(const absl::string_view bytes, View(from, kStep + kRecordHeadBytes - 1));
    for (size_t at = bytes.find(kRecordMagic); at != absl::string_view::npos && at < kStep;
         at = bytes.find(kRecordMagic, at + 1)) {
      if (ParseRecordHead(bytes.substr(at))) return Took(Kind::kLoss, from + at - offset_);
    }
    if (bytes.size() < kStep) {
      const uint64_t left = source_.size() - offset_;
      return Took(left < kRecordHeadBytes ? Kind::kCut : Kind::kLoss, left);
    }
  }
}

}  // namespace tcpfleet::controller
