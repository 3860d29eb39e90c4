#include "controller/record/recorder.h"

#include <absl/strings/str_cat.h>

#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/base/version.h"
#include "controller/record/part_files.h"
#include "controller/record/record_format.h"

namespace tcpfleet::controller {
namespace {

using Existing = sys::AppendFile::Existing;

absl::Status ExistsAlready(const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": the file exists already; --overwrite replaces it"));
}

int64_t Nanoseconds(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

}  // namespace

absl::StatusOr<std::unique_ptr<Recorder>> Recorder::Create(RecorderOptions options,
                                                           absl::Time now) {
  std::unique_ptr<Recorder> recorder(new Recorder(std::move(options)));
  if (recorder->options_.rotates()) {
    TF_RETURN_IF_ERROR(recorder->MakeRoom());
  }
  const absl::Status begun = recorder->BeginPart(absl::ToUnixNanos(now));
  if (absl::IsNotFound(begun)) return absl::InvalidArgumentError(begun.message());
  TF_RETURN_IF_ERROR(begun);
  return recorder;
}

// Parts of an earlier recording would be read as parts of this one.
absl::Status Recorder::MakeRoom() {
  TF_ASSIGN_OR_RETURN(const std::vector<PartFile> parts, FindParts(options_.path));
  if (parts.empty()) return absl::OkStatus();
  if (!options_.overwrite) {
    return ExistsAlready(parts.front().path);
  }
  std::vector<sys::AppendFile> held;  // all or none: somebody may be writing the last of them
  for (const PartFile& part : parts) {
    TF_ASSIGN_OR_RETURN(sys::AppendFile file, sys::AppendFile::Hold(part.path));
    held.push_back(std::move(file));
  }
  for (const PartFile& part : parts) {
    std::error_code error;
    std::filesystem::remove(part.path, error);
    if (error) {
      return absl::Status(absl::ErrnoToStatusCode(error.value()),
                          absl::StrCat("remove ", part.path, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status Recorder::BeginPart(int64_t unix_ns) {
  const uint32_t number = totals_.parts + 1;
  const std::string path = options_.rotates() ? PartPath(options_.path, number) : options_.path;
  const bool replace = options_.overwrite && !options_.rotates();
  absl::StatusOr<sys::AppendFile> file =
      sys::AppendFile::Create(path, replace ? Existing::kReplace : Existing::kRefuse);
  if (absl::IsAlreadyExists(file.status())) return ExistsAlready(path);
  TF_RETURN_IF_ERROR(file.status());
  // The lock of the part before is held until here, so that nobody can come between.
  file_ = *std::move(file);
  part_path_ = path;
  part_begin_unix_ns_ = unix_ns;
  part_entries_ = 0;
  totals_.parts = number;

  v1::RecordingEntry entry;
  entry.set_unix_ns(static_cast<uint64_t>(unix_ns));
  *entry.mutable_header() = options_.header;
  entry.mutable_header()->set_format_major(kFormatMajor);
  entry.mutable_header()->set_format_minor(kFormatMinor);
  entry.mutable_header()->set_part(number);
  entry.mutable_header()->set_controller_version(std::string(base::Version()));
  buffer_.assign(kFileMagic.data(), kFileMagic.size());
  AppendRecord(entry, RecordType::kHeader, 0, buffer_);
  return WriteOut();
}

absl::Status Recorder::RepeatState(int64_t unix_ns) {
  for (auto& [number, agent] : agents_) {
    if (agent.up) {
      TF_RETURN_IF_ERROR(Write(*agent.up, RecordType::kUp, kFlagRepeated));
    }
    if (agent.down) {
      TF_RETURN_IF_ERROR(Write(*agent.down, RecordType::kDown, kFlagRepeated));
    }
    if (agent.down || !agent.whole) continue;
    v1::RecordingEntry keyframe;
    keyframe.set_unix_ns(static_cast<uint64_t>(unix_ns));
    keyframe.set_agent(number);
    *keyframe.mutable_frame() = agent.rows.Keyframe();
    TF_RETURN_IF_ERROR(Write(keyframe, RecordType::kKeyframe, kFlagRepeated));
  }
  return absl::OkStatus();
}

absl::Status Recorder::Rotate(int64_t unix_ns) {
  TF_RETURN_IF_ERROR(EndPart());
  TF_RETURN_IF_ERROR(BeginPart(unix_ns));
  TF_RETURN_IF_ERROR(RepeatState(unix_ns));
  if (options_.keep_parts > 0 && totals_.parts > options_.keep_parts) {
    std::error_code gone_already;
    std::filesystem::remove(PartPath(options_.path, totals_.parts - options_.keep_parts),
                            gone_already);
  }
  return absl::OkStatus();
}

bool Recorder::IsPartFull(size_t record_bytes, int64_t unix_ns) const {
  if (part_entries_ == 0) return false;
  if (options_.rotate_bytes > 0 && file_->size() + record_bytes > options_.rotate_bytes) {
    return true;
  }
  return options_.rotate_every < absl::InfiniteDuration() &&
         unix_ns - part_begin_unix_ns_ >= Nanoseconds(options_.rotate_every);
}

absl::Status Recorder::Append(const v1::RecordingEntry& entry) {
  TF_RETURN_IF_ERROR(stopped_);
  const std::optional<RecordType> type = TypeOf(entry);
  if (!type || *type == RecordType::kHeader) return absl::OkStatus();
  const auto unix_ns = static_cast<int64_t>(entry.unix_ns());
  if (options_.rotates()) {
    if (IsPartFull(kRecordHeadBytes + entry.ByteSizeLong(), unix_ns)) {
      if (const absl::Status rotated = Rotate(unix_ns); !rotated.ok()) return Stopped(rotated);
    }
    Remember(entry);
  }
  if (const absl::Status written = Write(entry, *type, 0); !written.ok()) return Stopped(written);
  ++part_entries_;
  ++totals_.entries;
  totals_.last_unix_ns = unix_ns;
  return absl::OkStatus();
}

void Recorder::Remember(const v1::RecordingEntry& entry) {
  Agent& agent = agents_[entry.agent()];
  if (entry.has_up()) {
    agent.up = entry;
    agent.down.reset();
  } else if (entry.has_down()) {
    agent.down = entry;
    agent.whole = false;
  } else {
    agent.whole = agent.rows.Apply(entry.frame()).ok();
  }
}

absl::Status Recorder::Write(const v1::RecordingEntry& entry, RecordType type, uint8_t flags) {
  buffer_.clear();
  AppendRecord(entry, type, flags, buffer_);
  return WriteOut();
}

absl::Status Recorder::WriteOut() {
  TF_RETURN_IF_ERROR(base::WithContext(part_path_, file_->Append(buffer_)));
  totals_.bytes += buffer_.size();
  return absl::OkStatus();
}

absl::Status Recorder::EndPart() {
  v1::RecordingEntry end;
  end.set_unix_ns(static_cast<uint64_t>(totals_.last_unix_ns));
  TF_RETURN_IF_ERROR(Write(end, RecordType::kEnd, 0));
  return base::WithContext(part_path_, file_->Sync());
}

absl::Status Recorder::Finish() {
  TF_RETURN_IF_ERROR(stopped_);
  const absl::Status ended = EndPart();
  stopped_ = absl::FailedPreconditionError("the recording is finished");
  file_.reset();
  return ended;
}

absl::Status Recorder::Stopped(const absl::Status& cause) {
  file_->Sync().IgnoreError();
  file_.reset();
  stopped_ = absl::Status(cause.code(), absl::StrCat("recording stopped: ", cause.message(), "; ",
                                                     totals_.entries, " entries are kept"));
  return stopped_;
}

}  // namespace tcpfleet::controller
