#include "controller/record/recording_index.h"

#include <algorithm>
#include <map>

#include "common/base/status_context.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kReadAhead = 4096;

// What is known of one agent at some moment.
struct Standing {
  std::optional<RecordingIndex::Position> up;
  std::optional<RecordingIndex::Position> down;      // since `up`
  std::optional<RecordingIndex::Position> keyframe;  // since `up`
};

}  // namespace

absl::StatusOr<RecordingIndex> RecordingIndex::Build(const RecordingReader& reader) {
  using Kind = RecordScanner::Found::Kind;
  RecordingIndex index;
  bool any = false;
  for (size_t part = 0; part < reader.parts().size(); ++part) {
    RecordScanner scanner(*reader.parts()[part].source, kReadAhead);
    for (;;) {
      const auto found = scanner.NextHeader();
      if (!found.ok()) return base::WithContext(reader.parts()[part].name, found.status());
      if (found->kind == Kind::kEnd || found->kind == Kind::kCut) break;
      if (found->kind != Kind::kRecord) continue;
      const RecordHead& header = *found->header;
      const bool entry = header.type == RecordType::kFrame ||
                         header.type == RecordType::kKeyframe || header.type == RecordType::kUp ||
                         header.type == RecordType::kDown;
      // A part's header is as old as the first new entry after it; what the part says again is not
      // known earlier. The controller's clock may have been set back under way, a recording's time
      // only goes on.
      if (entry && !any) index.begin_unix_ns_ = index.end_unix_ns_ = header.unix_ns;
      if (any) index.end_unix_ns_ = std::max(index.end_unix_ns_, header.unix_ns);
      any = any || entry;
      if (!entry) continue;
      if (header.type == RecordType::kFrame) continue;
      index.landmarks_.push_back(
          {{part, found->offset}, index.end_unix_ns_, header.agent, header.type});
    }
  }
  return index;
}

RecordingIndex::Start RecordingIndex::StartFor(int64_t unix_ns) const {
  if (unix_ns <= begin_unix_ns_) return {};
  const auto end = std::find_if(landmarks_.begin(), landmarks_.end(),
                                [&](const Landmark& mark) { return mark.unix_ns > unix_ns; });
  std::map<uint16_t, Standing> standings;
  for (auto mark = landmarks_.begin(); mark != end; ++mark) {
    Standing& standing = standings[mark->agent];
    if (mark->type == RecordType::kKeyframe) {
      standing.keyframe = mark->position;
    } else if (mark->type == RecordType::kUp) {
      standing = {.up = mark->position, .down = {}, .keyframe = {}};
    } else {
      standing = {.up = {}, .down = mark->position, .keyframe = {}};
    }
  }
  Start start;
  std::optional<Position> first;
  for (const auto& [agent, standing] : standings) {
    if (standing.down) start.downs.push_back(*standing.down);
    const std::optional<Position>& needed = standing.keyframe ? standing.keyframe : standing.up;
    if (needed && (!first || *needed < *first)) first = needed;
  }
  if (first) start.from = *first;
  if (!first && end != landmarks_.begin()) start.from = (end - 1)->position;

  std::map<uint16_t, Position> ups;
  for (auto mark = landmarks_.begin(); mark != end && mark->position < start.from; ++mark) {
    if (mark->type == RecordType::kUp) ups[mark->agent] = mark->position;
  }
  for (const auto& [agent, position] : ups) start.ups.push_back(position);
  return start;
}

}  // namespace tcpfleet::controller
