#include "agent/sysctl/change_target.h"

#include <absl/strings/str_cat.h>

#include "agent/sysctl/changes.h"
#include "agent/sysctl/config_files.h"
#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

// Restoring one value may move others once more, as net/ipv4/ip_forward does; these settle then.
constexpr int kRestoreRounds = 3;

}  // namespace

absl::StatusOr<sys::DurableDirectory> ChangeTarget::OwnDirectory() const {
  return sys::DurableDirectory::Open(root_ + own_file_.substr(0, own_file_.rfind('/')),
                                     before_step_);
}

absl::StatusOr<std::optional<ChangeTarget::File>> ChangeTarget::ReadOwnFile() const {
  absl::StatusOr<sys::DurableDirectory> directory = OwnDirectory();
  if (absl::IsNotFound(directory.status())) return std::nullopt;
  TF_RETURN_IF_ERROR(directory.status());
  return directory->Read(OwnName(), kMostConfigBytes);
}

absl::Status ChangeTarget::WriteOwnFile(const std::optional<File>& file) const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory directory, OwnDirectory());
  return file ? directory.Replace(OwnName(), *file) : directory.Remove(OwnName());
}

absl::Status ChangeTarget::RemoveUnfinishedFile() const {
  TF_ASSIGN_OR_RETURN(const sys::DurableDirectory directory, OwnDirectory());
  return directory.RemoveUnfinished(OwnName());
}

ParameterValues ChangeTarget::ReadValues(absl::Span<const std::string> others) const {
  return ReadTree(root_, others);
}

absl::Status ChangeTarget::Write(const std::string& key, const std::string& value) const {
  return WriteParameter(root_, key, value, before_step_);
}

absl::Status ChangeTarget::RestoreOne(const std::string& key, const std::string& value,
                                      Restored& restored) const {
  const Parameter now = ReadParameter(root_, key);
  if (absl::IsNotFound(now.value.status())) return absl::OkStatus();
  TF_RETURN_IF_ERROR(now.value.status());
  if (sysctl::Canonical(key, *now.value) == sysctl::Canonical(key, value)) return absl::OkStatus();
  TF_RETURN_IF_ERROR(Write(key, value));
  restored.changes.push_back(NewChange(key, *now.value, value));
  return absl::OkStatus();
}

ChangeTarget::Restored ChangeTarget::Restore(absl::Span<const std::string> order,
                                             const Values& target) const {
  Restored restored;
  std::map<std::string, absl::Status> failed;
  const auto restore = [&](const std::string& key) {
    const auto value = target.find(key);
    if (value == target.end()) return;
    const absl::Status status = RestoreOne(key, value->second, restored);
    if (!status.ok()) failed[key] = status;
  };
  for (const std::string& key : order) restore(key);
  std::vector<v1::SysctlChange> moved;
  for (int round = 0; round <= kRestoreRounds; ++round) {
    moved = Differences(target, ReadValues(order).values);
    if (moved.empty() || round == kRestoreRounds) break;
    for (const v1::SysctlChange& difference : moved) restore(difference.key());
  }
  for (const v1::SysctlChange& difference : moved) {
    const auto status = failed.find(difference.key());
    restored.troubles.push_back(
        absl::StrCat(sysctl::DottedKey(difference.key()), " is \"", difference.new_value(),
                     "\" and was \"", difference.old_value(), "\"",
                     status == failed.end() ? "" : absl::StrCat(": ", status->second.message())));
  }
  return restored;
}

bool SameBytes(const std::optional<ChangeTarget::File>& a,
               const std::optional<ChangeTarget::File>& b) {
  return a.has_value() == b.has_value() && (!a || a->bytes == b->bytes);
}

}  // namespace tcpfleet::agent
