// The bytes of a recording: kFileMagic, then records. README.md has the layout.
//
// Threads: pure functions.
#pragma once

#include <absl/strings/string_view.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "tcpfleet/v1/recording.pb.h"

namespace tcpfleet::controller {

// Of RecordingHeader. What needs a reader to know more than this version raises the major number.
inline constexpr uint32_t kFormatMajor = 1;
inline constexpr uint32_t kFormatMinor = 0;

inline constexpr absl::string_view kFileMagic = "TCPFREC\n";
inline constexpr absl::string_view kRecordMagic = "\xf5REC";
inline constexpr size_t kRecordHeadBytes = 28;
// More than a frame can have: 64 MiB of rows, packed, and what surrounds them.
inline constexpr uint32_t kMostPayloadBytes = uint32_t{72} << 20;

// In the year 2116; sums and differences of times in recordings do not overflow.
inline constexpr int64_t kMostUnixNs = int64_t{1} << 62;

enum class RecordType : uint8_t {
  kHeader = 1,
  kUp = 2,
  kFrame = 3,
  kKeyframe = 4,
  kDown = 5,
  kEnd = 6,  // last of a file that was finished; an entry without event
};

// The record says again what the part before said, so that its own part can be read alone.
inline constexpr uint8_t kFlagRepeated = 1;

struct RecordHead {
  RecordType type = RecordType::kEnd;  // or one of a newer minor version
  uint8_t flags = 0;
  uint16_t agent = 0;
  int64_t unix_ns = 0;
  uint32_t payload_bytes = 0;
  uint32_t payload_crc = 0;
};

// Nothing for an entry whose event is of a newer version.
std::optional<RecordType> TypeOf(const v1::RecordingEntry& entry);

void AppendRecord(const v1::RecordingEntry& entry, RecordType type, uint8_t flags,
                  std::string& out);

// Nothing unless `bytes` begin with a whole header whose checksum is right.
std::optional<RecordHead> ParseRecordHead(absl::string_view bytes);
bool PayloadIsWhole(const RecordHead& header, absl::string_view payload);

// Nothing unless the payload is the entry its header announces.
std::optional<v1::RecordingEntry> ParseEntry(const RecordHead& header, absl::string_view payload);

}  // namespace tcpfleet::controller
