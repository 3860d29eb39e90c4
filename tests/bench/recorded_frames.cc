#include "tests/bench/recorded_frames.h"

#include <optional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"
#include "controller/connections/fleet_table.h"
#include "controller/record/recorder.h"
#include "controller/record/replay_feed.h"
#include "tcpfleet/v1/recording.pb.h"
#include "tests/bench/process_usage.h"

namespace tcpfleet::bench {
namespace {

using controller::FleetTable;

constexpr int64_t kStartUnixNs = 1'800'000'000'000'000'000;

std::vector<v1::RecordingEntry> ToEntries(const std::vector<v1::ConnectionFrame>& frames) {
  std::vector<v1::RecordingEntry> entries(1);
  entries[0].set_unix_ns(kStartUnixNs);
  entries[0].mutable_up()->set_name("bench");
  entries[0].mutable_up()->set_clock_offset_ns(static_cast<int64_t>(frames.front().monotonic_ns()) -
                                               kStartUnixNs);
  for (const v1::ConnectionFrame& frame : frames) {
    v1::RecordingEntry& entry = entries.emplace_back();
    entry.set_unix_ns(kStartUnixNs + frame.monotonic_ns() - frames.front().monotonic_ns());
    *entry.mutable_frame() = frame;
  }
  return entries;
}

// Decoding, deriving and indexing.
absl::Status MeasureTable(const std::vector<v1::RecordingEntry>& entries, RecordedFrames& result) {
  FleetTable table;
  double rows = 0, keyframe_rows = 0, rows_ns = 0, keyframe_ns = 0, bytes = 0, keyframe_bytes = 0;
  for (const v1::RecordingEntry& entry : entries) {
    const double start_ns = ThreadCpuNs();
    TF_RETURN_IF_ERROR(table.Apply(entry));
    const double spent_ns = ThreadCpuNs() - start_ns;
    if (!entry.has_frame()) continue;
    const bool is_keyframe = entry.frame().keyframe();
    const auto live = static_cast<double>(table.size());
    (is_keyframe ? keyframe_rows : rows) += live;
    (is_keyframe ? keyframe_ns : rows_ns) += spent_ns;
    (is_keyframe ? keyframe_bytes : bytes) += static_cast<double>(entry.frame().ByteSizeLong());
  }
  result.decode_ns_per_row = rows_ns / rows;
  result.decode_keyframe_ns_per_row = keyframe_ns / keyframe_rows;
  result.sample_bytes = bytes / rows;
  result.keyframe_bytes = keyframe_bytes / keyframe_rows;
  return absl::OkStatus();
}

absl::Status MeasureReplay(const std::vector<v1::RecordingEntry>& entries, RecordedFrames& result) {
  TF_ASSIGN_OR_RETURN(const sys::TemporaryDirectory directory,
                      sys::TemporaryDirectory::Create("tcpfleet-bench"));
  const std::string path = directory.path() + "/recording";
  controller::RecorderOptions options;
  options.path = path;
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<controller::Recorder> recorder,
                      controller::Recorder::Create(options, absl::FromUnixNanos(kStartUnixNs)));
  for (const v1::RecordingEntry& entry : entries) TF_RETURN_IF_ERROR(recorder->Append(entry));
  TF_RETURN_IF_ERROR(recorder->Finish());

  base::SystemClock clock;
  const double start_ns = ThreadCpuNs();
  controller::ReplayOptions unpaced;
  unpaced.speed = controller::kUnpacedReplay;
  TF_ASSIGN_OR_RETURN(const std::unique_ptr<controller::ReplayFeed> feed,
                      controller::ReplayFeed::Open(path, unpaced, clock));
  FleetTable table;
  size_t replayed = 0;
  while (!feed->ended()) {
    const std::optional<v1::RecordingEntry> entry = feed->Next(absl::Seconds(1), {});
    if (!entry) continue;
    TF_RETURN_IF_ERROR(table.Apply(*entry));
    ++replayed;
  }
  if (replayed < entries.size()) return absl::DataLossError("the replay is not whole");
  const auto covered_ns = static_cast<double>(entries.back().unix_ns() - entries.front().unix_ns());
  result.replay_cost = (ThreadCpuNs() - start_ns) / covered_ns;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordedFrames> MeasureRecordedFrames(
    const std::vector<v1::ConnectionFrame>& frames) {
  const std::vector<v1::RecordingEntry> entries = ToEntries(frames);
  RecordedFrames result;
  TF_RETURN_IF_ERROR(MeasureTable(entries, result));
  TF_RETURN_IF_ERROR(MeasureReplay(entries, result));
  return result;
}

}  // namespace tcpfleet::bench
