// The first byte chooses: the bytes of a recording, or records whose checksums are put right (so
// that mutations get past them), each of type, flags, agent, time and a length with its payload.
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/check.h"
#include "controller/connections/fleet_table.h"
#include "controller/record/record_format.h"
#include "controller/record/recording_index.h"
#include "controller/record/recording_reader.h"

namespace tcpfleet::controller {
namespace {

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(absl::string_view bytes) : bytes_(bytes) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) override {
    return offset < bytes_.size() ? bytes_.copy(into.data(), into.size(), offset) : 0;
  }

 private:
  absl::string_view bytes_;
};

std::string WithChecksums(absl::string_view input) {
  std::string file(kFileMagic.data(), kFileMagic.size());
  const auto take = [&input] {
    const auto byte = static_cast<uint8_t>(input.front());
    input.remove_prefix(1);
    return byte;
  };
  while (input.size() >= 5) {
    const auto type = static_cast<RecordType>(take());
    const uint8_t flags = take();
    const uint8_t agent = take();
    const uint8_t time = take();
    const size_t size = std::min<size_t>(take(), input.size());
    v1::RecordingEntry entry;
    // What is no entry becomes an empty one.
    if (!entry.ParseFromArray(input.data(), static_cast<int>(size))) entry.Clear();
    entry.set_agent(agent);
    entry.set_unix_ns(uint64_t{time} << 40);
    AppendRecord(entry, type, flags, file);
    input.remove_prefix(size);
  }
  return file;
}

std::unique_ptr<RecordingReader> Open(absl::string_view file) {
  std::vector<RecordingReader::Part> parts;
  parts.push_back({"fuzz", std::make_unique<MemorySource>(file)});
  auto reader = RecordingReader::Open(std::move(parts));
  return reader.ok() ? *std::move(reader) : nullptr;
}

// False when it was refused on the way: a newer version in its midst.
bool ReadToTheEnd(RecordingReader& reader) {
  FleetTable table;
  for (;;) {
    const auto entry = reader.Next();
    if (!entry.ok()) return false;
    if (!*entry) return true;
    TF_CHECK((*entry)->agent() < kMostHosts);
    table.Apply(**entry).IgnoreError();
  }
}

void Fuzz(absl::string_view input) {
  if (input.empty()) return;
  const std::string file =
      input[0] % 2 == 0 ? std::string(input.substr(1)) : WithChecksums(input.substr(1));
  const std::unique_ptr<RecordingReader> reader = Open(file);
  if (reader == nullptr) return;
  if (!ReadToTheEnd(*reader)) return;
  const uint64_t losses = reader->condition().losses;
  TF_CHECK(reader->condition().lost_bytes <= file.size());
  const auto index = RecordingIndex::Build(*reader);
  TF_CHECK(index.ok());
  const int64_t middle = index->begin_unix_ns() / 2 + index->end_unix_ns() / 2;
  const RecordingIndex::Start start = index->StartFor(middle);
  for (const auto& positions : {start.ups, start.downs}) {
    for (const auto& position : positions) reader->ReadAt(position).status().IgnoreError();
  }
  reader->SeekTo(start.from);
  TF_CHECK(ReadToTheEnd(*reader));
  TF_CHECK_EQ(reader->condition().losses, losses);
}

}  // namespace
}  // namespace tcpfleet::controller

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tcpfleet::controller::Fuzz({reinterpret_cast<const char*>(data), size});
  return 0;
}
