#include "controller/record/recording_reader.h"

#include <absl/strings/str_cat.h>
#include <absl/time/time.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/read_at_file.h"
#include "controller/connections/fleet_table.h"
#include "controller/record/part_files.h"

namespace tcpfleet::controller {
namespace {

constexpr size_t kReadAhead = size_t{256} << 10;

class FileSource final : public ByteSource {
 public:
  explicit FileSource(sys::ReadAtFile file) : file_(std::move(file)) {}
  uint64_t size() const override { return file_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) override {
    return file_.ReadAt(offset, into);
  }

 private:
  sys::ReadAtFile file_;
};

// The beginning of a file, where a record must be for it to count as a recording.
class Beginning final : public ByteSource {
 public:
  explicit Beginning(ByteSource& whole) : whole_(whole) {}
  uint64_t size() const override { return std::min(whole_.size(), uint64_t{1} << 20); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> into) override {
    return whole_.ReadAt(offset, into);
  }

 private:
  ByteSource& whole_;
};

absl::StatusOr<RecordingReader::Part> OpenPart(const std::string& path) {
  absl::StatusOr<sys::ReadAtFile> file = sys::ReadAtFile::Open(path);
  if (absl::IsNotFound(file.status())) return absl::InvalidArgumentError(file.status().message());
  TF_RETURN_IF_ERROR(file.status());
  return RecordingReader::Part{path, std::make_unique<FileSource>(*std::move(file))};
}

absl::Status CheckVersion(const v1::RecordingHeader& header) {
  if (header.format_major() == kFormatMajor) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a recording of format ", header.format_major(), ".", header.format_minor(),
                   ", written by tcpfleet ", header.controller_version(), "; this one reads ",
                   kFormatMajor, ".x"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RecordingReader>> RecordingReader::Open(const std::string& path) {
  std::vector<Part> parts;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    // A directory that cannot be read has no parts: the path itself then says why.
    for (const PartFile& part : FindParts(path).value_or(std::vector<PartFile>())) {
      TF_ASSIGN_OR_RETURN(Part opened, OpenPart(part.path));
      parts.push_back(std::move(opened));
    }
  }
  if (parts.empty()) {
    TF_ASSIGN_OR_RETURN(Part opened, OpenPart(path));
    parts.push_back(std::move(opened));
  }
  return Open(std::move(parts));
}

absl::StatusOr<std::unique_ptr<RecordingReader>> RecordingReader::Open(std::vector<Part> parts) {
  std::unique_ptr<RecordingReader> reader(new RecordingReader(std::move(parts)));
  TF_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

RecordingReader::RecordingReader(std::vector<Part> parts) : parts_(std::move(parts)) {
  BeginPart(0);
}

absl::Status RecordingReader::ReadHeader() {
  const Part& part = parts_.front();
  std::string magic(kFileMagic.size(), '\0');
  absl::StatusOr<size_t> got = part.source->ReadAt(0, absl::MakeSpan(magic));
  if (!got.ok()) return base::WithContext(part.name, got.status());
  if (*got == 0) {
    return absl::InvalidArgumentError(absl::StrCat(part.name, ": empty, nothing was recorded"));
  }
  Beginning beginning(*part.source);
  RecordScanner scanner(beginning, kRecordHeadBytes);
  absl::StatusOr<Found> found = scanner.Next();
  while (found.ok() && found->kind == Found::Kind::kLoss && !found->header) found = scanner.Next();
  if (!found.ok()) return base::WithContext(part.name, found.status());
  if (!found->header && kFileMagic.substr(0, *got) != magic.substr(0, *got)) {
    return absl::InvalidArgumentError(absl::StrCat(part.name, ": not a tcpfleet recording"));
  }
  if (found->kind != Found::Kind::kRecord) return absl::OkStatus();
  const std::optional<v1::RecordingEntry> entry = ParseEntry(*found->header, found->payload);
  if (!entry || !entry->has_header()) return absl::OkStatus();
  header_ = entry->header();
  return base::WithContext(part.name, CheckVersion(header_));
}

void RecordingReader::BeginPart(size_t part) {
  part_ = part;
  part_ended_ = false;
  scanner_.emplace(*parts_[part].source, kReadAhead);
}

absl::StatusOr<std::optional<v1::RecordingEntry>> RecordingReader::Next() {
  while (ready_.empty() && part_ < parts_.size()) {
    absl::StatusOr<Found> found = scanner_->Next();
    if (!found.ok()) return base::WithContext(parts_[part_].name, found.status());
    switch (found->kind) {
      case Found::Kind::kRecord:
        TF_RETURN_IF_ERROR(TakeRecord(*found));
        break;
      case Found::Kind::kLoss:
      case Found::Kind::kCut:
        TakeLoss(*found);
        break;
      case Found::Kind::kEnd:
        EndPart();
        break;
    }
  }
  if (ready_.empty()) return std::nullopt;
  std::optional<v1::RecordingEntry> entry(std::move(ready_.front()));
  ready_.pop_front();
  return entry;
}

void RecordingReader::EndPart() {
  if (part_ + 1 == parts_.size()) {
    condition_.finished = part_ended_;
    ++part_;
    return;
  }
  if (!part_ended_) {
    Note(parts_[part_].source->size(), "it was not finished, and another part follows");
    LoseAll();
  }
  BeginPart(part_ + 1);
}

absl::Status RecordingReader::TakeRecord(const Found& found) {
  switch (found.header->type) {
    case RecordType::kHeader:
    case RecordType::kUp:
    case RecordType::kFrame:
    case RecordType::kKeyframe:
    case RecordType::kDown:
      break;
    case RecordType::kEnd:
      part_ended_ = true;
      return absl::OkStatus();
    default:
      ++condition_.unknown_records;
      return absl::OkStatus();
  }
  std::optional<v1::RecordingEntry> entry = ParseEntry(*found.header, found.payload);
  if (!entry || entry->agent() >= kMostHosts) {
    TakeLoss(found);
    return absl::OkStatus();
  }
  if (entry->has_header()) {
    return base::WithContext(parts_[part_].name, TakeHeader(entry->header()));
  }
  last_unix_ns_ = found.header->unix_ns;
  TakeEntry(*std::move(entry), (found.header->flags & kFlagRepeated) != 0);
  return absl::OkStatus();
}

absl::Status RecordingReader::TakeHeader(const v1::RecordingHeader& header) {
  TF_RETURN_IF_ERROR(CheckVersion(header));
  if (part_number_ && part_ > 0 && header.part() != *part_number_ + 1) {
    Note(0, absl::StrCat("it is part ", header.part(), ", and the one before is ", *part_number_));
    LoseAll();
  }
  part_number_ = header.part();
  return absl::OkStatus();
}

void RecordingReader::TakeEntry(v1::RecordingEntry entry, bool repeated) {
  using State = Agent::State;
  if (agents_.size() <= entry.agent()) agents_.resize(entry.agent() + 1);
  Agent& agent = agents_[entry.agent()];
  const State before = agent.state;
  const bool knows_nothing = before == State::kUnknown || before == State::kLost;
  if (entry.has_up()) {
    agent.up = entry.up();
    if (repeated && !knows_nothing) return;
    agent.state = State::kUp;
  } else if (entry.has_down()) {
    if (repeated && before == State::kDown) return;
    agent.state = State::kDown;
  } else if (entry.frame().keyframe()) {
    if (repeated && before == State::kFlowing) return;
    if (knows_nothing) GiveUp(entry, agent);
    agent.state = State::kFlowing;
  } else if (knows_nothing) {
    if (before == State::kLost) ++condition_.useless_frames;
    return;
  }
  ready_.push_back(std::move(entry));
}

void RecordingReader::GiveUp(const v1::RecordingEntry& before, const Agent& agent) {
  v1::RecordingEntry& entry = ready_.emplace_back();
  entry.set_unix_ns(before.unix_ns());
  entry.set_agent(before.agent());
  *entry.mutable_up() = agent.up;
  if (agent.up.name().empty()) {
    entry.mutable_up()->set_name(absl::StrCat("agent-", before.agent()));
  }
}

void RecordingReader::TakeLoss(const Found& loss) {
  // The end of the file tells no agent anything; the next part, if any, begins anew.
  if (loss.kind == Found::Kind::kCut) {
    Note(loss.offset,
         absl::StrCat("it ends in the middle of a record, after ", loss.bytes, " bytes of it"));
  } else if (!furthest_loss_ || Position{part_, loss.offset} > *furthest_loss_) {
    condition_.lost_bytes += loss.bytes;
    Note(loss.offset, absl::StrCat(loss.bytes, " bytes are damaged"));
  }
  if (loss.kind == Found::Kind::kCut) return;
  if (!loss.header) return LoseAll();
  switch (loss.header->type) {
    case RecordType::kUp:
    case RecordType::kFrame:
    case RecordType::kKeyframe:
    case RecordType::kDown:
      if (loss.header->agent < agents_.size()) Lose(loss.header->agent);
      break;
    default:
      break;
  }
}

void RecordingReader::Note(uint64_t offset, const std::string& what) {
  const Position position{part_, offset};
  if (furthest_loss_ && position <= *furthest_loss_) return;
  furthest_loss_ = position;
  if (++condition_.losses > RecordingCondition::kMostNotes) return;
  const std::string after =
      last_unix_ns_ == 0
          ? ""
          : absl::StrCat(", after ",
                         absl::FormatTime(absl::RFC3339_sec, absl::FromUnixNanos(last_unix_ns_),
                                          absl::UTCTimeZone()));
  condition_.notes.push_back(
      absl::StrCat(parts_[part_].name, ": byte ", offset, after, ": ", what));
}

void RecordingReader::Lose(uint32_t number) {
  using State = Agent::State;
  Agent& agent = agents_[number];
  if (agent.state == State::kUp || agent.state == State::kFlowing) {
    v1::RecordingEntry& entry = ready_.emplace_back();
    entry.set_unix_ns(static_cast<uint64_t>(last_unix_ns_));
    entry.set_agent(number);
    v1::AgentFailure& failure = *entry.mutable_down();
    failure.set_name(agent.up.name());
    failure.set_address(agent.up.address());
    failure.set_kind("lost");
    failure.set_cause("the recording is damaged here; its next keyframe is awaited");
  }
  if (agent.state != State::kUnknown) agent.state = State::kLost;
}

void RecordingReader::LoseAll() {
  for (uint32_t number = 0; number < agents_.size(); ++number) Lose(number);
}

void RecordingReader::SeekTo(Position position) {
  for (Agent& agent : agents_) agent.state = Agent::State::kUnknown;
  ready_.clear();
  part_number_.reset();
  BeginPart(position.part);
  scanner_->SeekTo(position.offset);
}

void RecordingReader::Know(uint32_t agent, v1::AgentUp up) {
  if (agents_.size() <= agent) agents_.resize(agent + 1);
  agents_[agent].up = std::move(up);
}

absl::StatusOr<v1::RecordingEntry> RecordingReader::ReadAt(Position position) {
  const Part& part = parts_[position.part];
  RecordScanner scanner(*part.source, kRecordHeadBytes);
  scanner.SeekTo(position.offset);
  TF_ASSIGN_OR_RETURN(const Found found, scanner.Next());
  std::optional<v1::RecordingEntry> entry;
  if (found.kind == Found::Kind::kRecord) entry = ParseEntry(*found.header, found.payload);
  if (entry) return *std::move(entry);
  return absl::DataLossError(
      absl::StrCat(part.name, ": byte ", position.offset, ": the record is damaged"));
}

}  // namespace tcpfleet::controller
