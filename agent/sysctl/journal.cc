#include "agent/sysctl/journal.h"

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "agent/sysctl/changes.h"
#include "common/base/sha256.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"

namespace tcpfleet::agent {
namespace {

using File = sys::DurableDirectory::File;

constexpr char kDirectoryName[] = "transactions";
constexpr char kFound[] = "found";
constexpr char kEffects[] = "effects";
constexpr char kState[] = "state";
constexpr size_t kMostFileBytes = size_t{16} << 20;
constexpr uint32_t kPrivate = 0600;
// Directories that are looked at: those kept, and some that crashes left.
constexpr size_t kMostDirectories = 4 * kMostTransactions;

using Record = std::vector<std::string>;

// One line per record, its fields escaped; the last line is the hash of all before.
std::string EncodeRecords(absl::Span<const Record> records) {
  std::string text;
  for (const Record& record : records) {
    absl::StrAppend(&text,
                    absl::StrJoin(record, "\t",
                                  [](std::string* out, const std::string& field) {
                                    out->append(absl::CEscape(field));
                                  }),
                    "\n");
  }
  return absl::StrCat(text, "sha256\t", base::Sha256Hex(text), "\n");
}

absl::StatusOr<std::vector<Record>> DecodeRecords(absl::string_view text) {
  const size_t hash_line = text.rfind("sha256\t");
  if (hash_line == absl::string_view::npos ||
      text.substr(hash_line) !=
          absl::StrCat("sha256\t", base::Sha256Hex(text.substr(0, hash_line)), "\n")) {
    return absl::DataLossError("is not as it was written: its hash is another");
  }
  std::vector<Record> records;
  for (const absl::string_view line :
       absl::StrSplit(text.substr(0, hash_line), '\n', absl::SkipEmpty())) {
    Record& record = records.emplace_back();
    for (const absl::string_view field : absl::StrSplit(line, '\t')) {
      if (!absl::CUnescape(field, &record.emplace_back())) {
        return absl::DataLossError("has a field that is not escaped as it should be");
      }
    }
  }
  return records;
}

absl::StatusOr<File> FileOf(const Record& record) {
  File file;
  if (record.size() != 3 || !absl::SimpleAtoi(record[1], &file.mode)) {
    return absl::DataLossError("has a malformed file");
  }
  file.bytes = record[2];
  return file;
}

bool IsId(absl::string_view name) {
  return name.size() == 17 && name[8] == '-' && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
         });
}

}  // namespace

std::string EncodeFound(const Found& found) {
  std::vector<Record> records;
  for (const auto& [key, value] : found.values) records.push_back({"value", key, value});
  const auto add = [&](const char* name, const std::optional<File>& file) {
    if (file) records.push_back({name, absl::StrCat(file->mode), file->bytes});
  };
  add("file", found.file);
  add("file-left", found.file_left);
  return EncodeRecords(records);
}

absl::StatusOr<Found> DecodeFound(absl::string_view text) {
  TF_ASSIGN_OR_RETURN(const std::vector<Record> records, DecodeRecords(text));
  Found found;
  for (const Record& record : records) {
    if (record[0] == "value" && record.size() == 3) {
      found.values[record[1]] = record[2];
    } else if (record[0] == "file") {
      TF_ASSIGN_OR_RETURN(found.file, FileOf(record));
    } else if (record[0] == "file-left") {
      TF_ASSIGN_OR_RETURN(found.file_left, FileOf(record));
    } else {
      return absl::DataLossError(absl::StrCat("has an unknown record '", record[0], "'"));
    }
  }
  return found;
}

absl::StatusOr<Journal> Journal::Open(const sys::DurableDirectory& state) {
  TF_ASSIGN_OR_RETURN(sys::DurableDirectory directory, state.Make(kDirectoryName));
  return Journal(std::move(directory));
}

absl::StatusOr<Journal> Journal::OpenExisting(const std::string& state_path) {
  absl::StatusOr<sys::DurableDirectory> directory =
      sys::DurableDirectory::Open(absl::StrCat(state_path, "/", kDirectoryName), nullptr);
  if (absl::IsNotFound(directory.status())) {
    return absl::NotFoundError("there are no transactions on this host");
  }
  TF_RETURN_IF_ERROR(directory.status());
  return Journal(*std::move(directory));
}

absl::StatusOr<std::vector<std::string>> Journal::Ids() const {
  TF_ASSIGN_OR_RETURN(std::vector<std::string> names, directory_.Names(kMostDirectories));
  names.erase(std::remove_if(names.begin(), names.end(),
                             [](const std::string& name) { return !IsId(name); }),
              names.end());
  std::reverse(names.begin(), names.end());
  return names;
}

absl::StatusOr<sys::DurableDirectory> Journal::Of(const std::string& id) const {
  if (!IsId(id)) return absl::InvalidArgumentError("that is not the name of a transaction");
  absl::StatusOr<sys::DurableDirectory> directory = directory_.Inner(id);
  if (absl::IsNotFound(directory.status())) {
    return absl::NotFoundError(absl::StrCat("there is no transaction ", id, " on this host"));
  }
  return directory;
}

absl::Status Journal::RemoveOld(absl::Span<const std::string> ids) const {
  size_t kept = 0;
  for (const std::string& id : ids) {
    TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(id));
    TF_ASSIGN_OR_RETURN(const std::optional<File> state, own.Read(kState, kMostFileBytes));
    // A directory without a state is of a transaction that never began.
    if (++kept < kMostTransactions && state) continue;
    TF_RETURN_IF_ERROR(directory_.RemoveDirectory(id));
  }
  return absl::OkStatus();
}

absl::Status Journal::Begin(v1::SysctlTransaction& transaction, const Found& found) {
  const std::string text = EncodeFound(found);
  if (text.size() > kMostFileBytes) {
    return absl::ResourceExhaustedError("this host has too many parameters to keep what they were");
  }
  TF_ASSIGN_OR_RETURN(const std::vector<std::string> ids, Ids());
  TF_RETURN_IF_ERROR(RemoveOld(ids));
  uint32_t last = 0;
  if (!ids.empty() && !absl::SimpleAtoi(ids.front().substr(0, 8), &last)) {
    return absl::DataLossError(absl::StrCat("transaction '", ids.front(), "' has no number"));
  }
  // The same number on another host, or after the journal was lost, is another transaction.
  const std::string unique = base::Sha256Hex(transaction.SerializeAsString()).substr(0, 8);
  transaction.set_id(absl::StrFormat("%08d-%s", last + 1, unique));
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, directory_.Make(transaction.id()));
  TF_RETURN_IF_ERROR(own.Replace(kFound, {text, kPrivate}));
  return SetState(transaction);
}

absl::Status Journal::SetState(const v1::SysctlTransaction& transaction) const {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(transaction, &json);
  if (!status.ok()) return absl::InternalError(status.ToString());
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(transaction.id()));
  return own.Replace(kState, {json + "\n", kPrivate});
}

absl::Status Journal::SetEffects(const std::string& id,
                                 absl::Span<const v1::SysctlChange> effects) const {
  std::vector<Record> records;
  for (const v1::SysctlChange& effect : effects) {
    records.push_back({effect.key(), effect.old_value(), effect.new_value()});
  }
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(id));
  return own.Replace(kEffects, {EncodeRecords(records), kPrivate});
}

absl::StatusOr<v1::SysctlTransaction> Journal::Read(const std::string& id) const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(id));
  TF_ASSIGN_OR_RETURN(const std::optional<File> file, own.Read(kState, kMostFileBytes));
  if (!file) return absl::NotFoundError(absl::StrCat("transaction ", id, " never began"));
  v1::SysctlTransaction transaction;
  if (!google::protobuf::util::JsonStringToMessage(file->bytes, &transaction).ok() ||
      transaction.id() != id) {
    return absl::DataLossError(absl::StrCat("the state of transaction ", id, " is damaged"));
  }
  return transaction;
}

absl::StatusOr<Found> Journal::ReadFound(const std::string& id) const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(id));
  TF_ASSIGN_OR_RETURN(const std::optional<File> file, own.Read(kFound, kMostFileBytes));
  if (!file) return absl::DataLossError(absl::StrCat("what ", id, " found is gone"));
  absl::StatusOr<Found> found = DecodeFound(file->bytes);
  if (!found.ok()) return base::WithContext(absl::StrCat("what ", id, " found"), found.status());
  return found;
}

absl::StatusOr<std::vector<v1::SysctlChange>> Journal::ReadEffects(const std::string& id) const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory own, Of(id));
  TF_ASSIGN_OR_RETURN(const std::optional<File> file, own.Read(kEffects, kMostFileBytes));
  if (!file) return std::vector<v1::SysctlChange>();
  TF_ASSIGN_OR_RETURN(const std::vector<Record> records, DecodeRecords(file->bytes));
  std::vector<v1::SysctlChange> effects;
  for (const Record& record : records) {
    if (record.size() != 3) return absl::DataLossError("has a malformed change");
    effects.push_back(NewChange(record[0], record[1], record[2]));
  }
  return effects;
}

}  // namespace tcpfleet::agent
