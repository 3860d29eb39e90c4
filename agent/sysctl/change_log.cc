#include "agent/sysctl/change_log.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/sys/read_at_file.h"

namespace tcpfleet::agent {
namespace {

using google::protobuf::util::TimeUtil;

// With its length in front no text can pass for two.
void Add(absl::string_view text, std::string& to) {
  absl::StrAppend(&to, text.size(), ":", text, "\n");
}

// Cuts between characters: what is left is valid UTF-8 still.
void Cut(std::string* text) {
  if (text->size() <= kLongestLogText) return;
  size_t end = kLongestLogText;
  while (end > 0 && (static_cast<unsigned char>((*text)[end]) & 0xc0U) == 0x80) --end;
  text->resize(end);
}

void CutTexts(v1::SysctlLogEntry& entry) {
  for (std::string* text :
       {entry.mutable_action(), entry.mutable_transaction(), entry.mutable_plan_id(),
        entry.mutable_author(), entry.mutable_peer(), entry.mutable_key(),
        entry.mutable_old_value(), entry.mutable_new_value(), entry.mutable_result(),
        entry.mutable_reason()}) {
    Cut(text);
  }
}

absl::StatusOr<v1::SysctlLogEntry> ParseLine(const std::string& line) {
  v1::SysctlLogEntry entry;
  const auto status = google::protobuf::util::JsonStringToMessage(line, &entry);
  if (!status.ok()) return absl::DataLossError("is no entry of the log");
  return entry;
}

// What the line after this one has as previous_hash, also when this one is damaged.
std::string HashOfLine(const std::string& line) {
  const absl::StatusOr<v1::SysctlLogEntry> entry = ParseLine(line);
  return entry.ok() && entry->hash() == HashOf(*entry) ? entry->hash() : base::Sha256Hex(line);
}

// Calls `take` with each whole line and the offset behind it; bytes behind the last newline are
// left out.
absl::Status ForEachLine(const sys::ReadAtFile& file, uint64_t from,
                         const std::function<void(const std::string& line, uint64_t end)>& take) {
  std::string pending;
  std::vector<char> buffer(65'536);
  for (uint64_t offset = from;;) {
    TF_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(offset, absl::MakeSpan(buffer)));
    if (got == 0) return absl::OkStatus();
    offset += got;
    pending.append(buffer.data(), got);
    size_t start = 0;
    for (size_t end; (end = pending.find('\n', start)) != std::string::npos; start = end + 1) {
      take(pending.substr(start, end - start), offset - (pending.size() - end - 1));
    }
    pending.erase(0, start);
    // Longer than any line of ours: what is left of it is still found to be damaged.
    if (pending.size() > kLongestLogLine) pending.resize(kLongestLogLine);
  }
}

}  // namespace

std::string HashOf(const v1::SysctlLogEntry& entry) {
  std::string text;
  Add(absl::StrCat(entry.sequence()), text);
  Add(absl::StrCat(entry.time().seconds(), ".", entry.time().nanos()), text);
  Add(absl::StrCat(entry.monotonic_ns()), text);
  for (const std::string* field :
       {&entry.boot_id(), &entry.action(), &entry.transaction(), &entry.plan_id(), &entry.author(),
        &entry.peer(), &entry.key(), &entry.old_value(), &entry.new_value(), &entry.result(),
        &entry.reason(), &entry.previous_hash()}) {
    Add(*field, text);
  }
  return base::Sha256Hex(text);
}

absl::StatusOr<ChangeLog> ChangeLog::Open(const std::string& path, std::string boot_id,
                                          base::Clock* clock, sys::BeforeStep before_step) {
  TF_ASSIGN_OR_RETURN(sys::AppendFile file,
                      sys::AppendFile::Create(path, sys::AppendFile::Existing::kExtend));
  ChangeLog log(std::move(file), std::move(boot_id), clock, std::move(before_step));
  TF_RETURN_IF_ERROR(log.FindEnd(path));
  return log;
}

// The last two lines are in the last 2 * kLongestLogLine bytes.
absl::Status ChangeLog::FindEnd(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const sys::ReadAtFile file, sys::ReadAtFile::Open(path));
  const uint64_t from = file.size() - std::min<uint64_t>(file.size(), 2 * kLongestLogLine);
  uint64_t end = from;
  std::string last;
  TF_RETURN_IF_ERROR(ForEachLine(file, from, [&](const std::string& line, uint64_t line_end) {
    end = line_end;
    last = line;
  }));
  if (end < file_.size()) {
    TF_RETURN_IF_ERROR(file_.CutTo(end));
  }
  if (last.empty()) return absl::OkStatus();
  last_hash_ = HashOfLine(last);
  const absl::StatusOr<v1::SysctlLogEntry> entry = ParseLine(last);
  if (entry.ok()) sequence_ = entry->sequence();
  return absl::OkStatus();
}

absl::Status ChangeLog::Append(v1::SysctlLogEntry entry) {
  if (before_step_) {
    TF_RETURN_IF_ERROR(before_step_(absl::StrCat("log ", entry.action())));
  }
  CutTexts(entry);
  entry.set_sequence(sequence_ + 1);
  *entry.mutable_time() = TimeUtil::NanosecondsToTimestamp(absl::ToUnixNanos(clock_->Now()));
  entry.set_monotonic_ns(clock_->MonotonicNs());
  entry.set_boot_id(boot_id_);
  entry.set_previous_hash(last_hash_);
  entry.set_hash(HashOf(entry));
  std::string line;
  const auto status = google::protobuf::util::MessageToJsonString(entry, &line);
  if (!status.ok()) return absl::InternalError(status.ToString());
  if (line.size() >= kLongestLogLine) {
    return absl::ResourceExhaustedError(absl::StrCat("a line of ", line.size(), " bytes"));
  }
  TF_RETURN_IF_ERROR(file_.Append(line + "\n"));
  ++sequence_;
  last_hash_ = entry.hash();
  return absl::OkStatus();
}

absl::Status ChangeLog::Sync() {
  if (before_step_) {
    TF_RETURN_IF_ERROR(before_step_("fsync log"));
  }
  return file_.Sync();
}

absl::StatusOr<LogReading> ReadChangeLog(const std::string& path, size_t most_entries,
                                         size_t most_bytes) {
  const absl::StatusOr<sys::ReadAtFile> file = sys::ReadAtFile::Open(path);
  if (absl::IsNotFound(file.status())) return LogReading();
  TF_RETURN_IF_ERROR(file.status());
  LogReading reading;
  std::deque<std::pair<v1::SysctlLogEntry, size_t>> newest;
  size_t bytes = 0;
  uint64_t number = 0;
  std::string previous_hash;
  TF_RETURN_IF_ERROR(ForEachLine(*file, 0, [&](const std::string& line, uint64_t) {
    ++number;
    absl::StatusOr<v1::SysctlLogEntry> entry = ParseLine(line);
    const auto damaged = [&](absl::string_view what) {
      if (reading.damage.empty()) reading.damage = absl::StrCat("line ", number, ": ", what);
    };
    if (!entry.ok()) {
      damaged(entry.status().message());
    } else if (entry->hash() != HashOf(*entry)) {
      damaged("has been altered: its hash is another");
    } else if (entry->previous_hash() != previous_hash || entry->sequence() != number) {
      damaged("does not follow the line before: lines are missing, added or moved");
    }
    previous_hash = HashOfLine(line);
    if (!entry.ok()) return;
    newest.emplace_back(*std::move(entry), line.size());
    for (bytes += line.size(); newest.size() > most_entries || bytes > most_bytes;) {
      bytes -= newest.front().second;
      newest.pop_front();
    }
  }));
  for (auto& [entry, size] : newest) reading.entries.push_back(std::move(entry));
  return reading;
}

}  // namespace tcpfleet::agent
