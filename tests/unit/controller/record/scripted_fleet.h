// A fleet whose agents say what a test has them say, and the recordings made of it.
#pragma once

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/sockets/frame_encoder.h"
#include "common/sys/file.h"
#include "controller/connections/fleet_table.h"
#include "controller/record/record_format.h"
#include "controller/record/recorder.h"
#include "controller/record/recording_reader.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/common/sockets/samples.h"

namespace tcpfleet::controller {

inline constexpr int64_t kBegin = 1'700'000'000'000'000'000;
inline constexpr int64_t kSecond = 1'000'000'000;

inline v1::RecordingEntry EntryAt(int64_t unix_ns, uint32_t agent) {
  v1::RecordingEntry entry;
  entry.set_unix_ns(static_cast<uint64_t>(unix_ns));
  entry.set_agent(agent);
  return entry;
}

// One agent with a few connections whose RTT changes with every poll.
class ScriptedAgent {
 public:
  explicit ScriptedAgent(uint32_t number, size_t connections = 3) : number_(number) {
    for (size_t i = 1; i <= connections; ++i) {
      live_.push_back(sockets::SampleWith(number * 1'000'000 + i));
    }
  }

  v1::RecordingEntry Up(int64_t unix_ns) {
    encoder_ = std::make_unique<sockets::FrameEncoder>();
    v1::RecordingEntry entry = EntryAt(unix_ns, number_);
    entry.mutable_up()->set_name("a" + std::to_string(number_));
    entry.mutable_up()->set_address("a" + std::to_string(number_) + ":7117");
    return entry;
  }
  v1::RecordingEntry Down(int64_t unix_ns) const {
    v1::RecordingEntry entry = EntryAt(unix_ns, number_);
    entry.mutable_down()->set_name("a" + std::to_string(number_));
    entry.mutable_down()->set_kind("died");
    return entry;
  }
  // A keyframe first, and then every 60 s.
  v1::RecordingEntry Frame(int64_t unix_ns) {
    ++polls_;
    for (sockets::ConnectionSample& sample : live_) {
      sample.values.Set(sockets::Field::kRtt, 100 + polls_ * 7 % 1000);
    }
    v1::RecordingEntry entry = EntryAt(unix_ns, number_);
    *entry.mutable_frame() = encoder_->Encode({.sequence = polls_,
                                               .monotonic_ns = unix_ns,
                                               .completeness = {},
                                               .live = live_,
                                               .live_selection = {},
                                               .closed = {}});
    return entry;
  }

 private:
  const uint32_t number_;
  std::vector<sockets::ConnectionSample> live_;
  std::unique_ptr<sockets::FrameEncoder> encoder_;
  uint64_t polls_ = 0;
};

// Two agents polled once a second for `seconds`; the second goes down at 5 s and comes back at 8 s.
inline std::vector<v1::RecordingEntry> ScriptedEntries(int seconds) {
  std::vector<v1::RecordingEntry> entries;
  ScriptedAgent first(0);
  ScriptedAgent second(1);
  entries.push_back(first.Up(kBegin));
  entries.push_back(second.Up(kBegin));
  for (int i = 0; i < seconds; ++i) {
    const int64_t unix_ns = kBegin + i * kSecond;
    entries.push_back(first.Frame(unix_ns));
    if (i == 5) entries.push_back(second.Down(unix_ns));
    if (i == 8) entries.push_back(second.Up(unix_ns));
    if (i < 5 || i >= 8) entries.push_back(second.Frame(unix_ns));
  }
  return entries;
}

class RecordTest : public testing::Test {
 protected:
  std::unique_ptr<Recorder> NewRecorder(RecorderOptions options = {}) {
    if (options.path.empty()) options.path = path_;
    auto recorder = Recorder::Create(options, absl::FromUnixNanos(kBegin));
    EXPECT_THAT(recorder, tests::IsOk());
    return *std::move(recorder);
  }
  void Record(const std::vector<v1::RecordingEntry>& entries, RecorderOptions options = {}) {
    const std::unique_ptr<Recorder> recorder = NewRecorder(std::move(options));
    for (const v1::RecordingEntry& entry : entries) {
      ASSERT_THAT(recorder->Append(entry), tests::IsOk());
    }
    ASSERT_THAT(recorder->Finish(), tests::IsOk());
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
  const std::string path_ = directory_->path() + "/web.tfr";
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(into.data(), into.size(), offset);
  }

 private:
  const std::string bytes_;
};

inline absl::StatusOr<std::unique_ptr<RecordingReader>> ReaderOf(std::string bytes) {
  std::vector<RecordingReader::Part> parts;
  parts.push_back({"test.tfr", std::make_unique<MemorySource>(std::move(bytes))});
  return RecordingReader::Open(std::move(parts));
}

inline std::vector<v1::RecordingEntry> ReadAll(RecordingReader& reader) {
  std::vector<v1::RecordingEntry> entries;
  for (;;) {
    auto entry = reader.Next();
    EXPECT_THAT(entry, tests::IsOk());
    if (!entry.ok() || !*entry) return entries;
    entries.push_back(**std::move(entry));
  }
}

inline std::vector<v1::RecordingEntry> ReadAll(const std::string& path) {
  const auto reader = RecordingReader::Open(path);
  EXPECT_THAT(reader, tests::IsOk());
  return reader.ok() ? ReadAll(**reader) : std::vector<v1::RecordingEntry>();
}

// Differ when a bit does.
inline std::vector<std::string> Serialized(const std::vector<v1::RecordingEntry>& entries) {
  std::vector<std::string> serialized;
  for (const v1::RecordingEntry& entry : entries) {
    serialized.push_back(absl::StrCat("agent ", entry.agent(), " event ", entry.event_case(), " ",
                                      std::hash<std::string>()(entry.SerializeAsString())));
  }
  return serialized;
}

// Every host with its connections: what a console shows.
inline std::string Picture(const FleetTable& table) {
  std::string text;
  for (const HostView& host : table.hosts()) {
    absl::StrAppend(&text, host.name, host.up ? " up" : " down", "\n");
  }
  for (const ConnectionRow* row : table.Rows()) {
    absl::StrAppend(&text, row->host, " ", row->sample->identity.cookie, " rtt ",
                    row->sample->values.Get(sockets::Field::kRtt), "\n");
  }
  return text;
}

inline std::string PictureOf(const std::vector<v1::RecordingEntry>& entries,
                             int64_t until_unix_ns = INT64_MAX) {
  FleetTable table;
  for (const v1::RecordingEntry& entry : entries) {
    if (static_cast<int64_t>(entry.unix_ns()) > until_unix_ns) break;
    EXPECT_THAT(table.Apply(entry), tests::IsOk());
  }
  return Picture(table);
}

}  // namespace tcpfleet::controller
