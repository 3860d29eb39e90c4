#include "common/sysctl/change_set.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>

#include "common/base/sha256.h"
#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::sysctl {
namespace {

// With its length in front no text can pass for two.
void Add(absl::string_view text, std::string& to) {
  absl::StrAppend(&to, text.size(), ":", text, "\n");
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

absl::Status CheckText(absl::string_view what, absl::string_view text, size_t longest) {
  if (text.size() > longest) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", text.size(), " bytes, at most ", longest));
  }
  if (HasControl(text)) {
    return absl::InvalidArgumentError(absl::StrCat(what, " has control characters"));
  }
  return absl::OkStatus();
}

absl::Status CheckValue(absl::string_view value) {
  TF_RETURN_IF_ERROR(CheckText("the value", value, kLongestValue));
  if (value.find_first_of("#;") != absl::string_view::npos) {
    return absl::InvalidArgumentError("a value has no comment");
  }
  return absl::OkStatus();
}

absl::Status CheckChange(const v1::SysctlChange& change) {
  const absl::StatusOr<std::string> key = ParseKey(change.key());
  if (!key.ok()) return key.status();
  if (*key != change.key() || IsGlob(*key)) {
    return absl::InvalidArgumentError("is not the path of one parameter below /proc/sys");
  }
  if (change.new_value().empty()) {
    return absl::InvalidArgumentError("has no value: the kernel would ignore it");
  }
  if (Canonical(change.key(), change.new_value()) != change.new_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", change.new_value(), "\" is to be written \"",
                     Canonical(change.key(), change.new_value()), "\""));
  }
  return CheckValue(change.new_value());
}

bool IsPlanId(absl::string_view id) {
  return id.size() == 64 && std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string HashOf(const v1::SysctlChangeSet& set) {
  std::string text;
  Add(set.plan_id(), text);
  for (const v1::SysctlChange& change : set.changes()) {
    Add(change.key(), text);
    Add(change.old_value(), text);
    Add(change.new_value(), text);
  }
  Add(set.persist() ? "persist" : "runtime", text);
  Add(absl::StrCat(set.planned_at().seconds(), ".", set.planned_at().nanos()), text);
  Add(set.author(), text);
  Add(set.reason(), text);
  Add(set.boot_id(), text);
  Add(absl::StrCat(set.network_namespace()), text);
  return base::Sha256(text);
}

absl::Status CheckChangeSet(const v1::SysctlChangeSet& set) {
  if (!IsPlanId(set.plan_id())) {
    return absl::InvalidArgumentError("plan_id is not 64 lowercase hexadecimal digits");
  }
  if (set.changes().empty()) return absl::InvalidArgumentError("the plan changes nothing here");
  if (set.changes_size() > kMostChanges) {
    return absl::InvalidArgumentError(
        absl::StrCat(set.changes_size(), " changes are too many, at most ", kMostChanges));
  }
  TF_RETURN_IF_ERROR(CheckText("author", set.author(), kLongestAuthor));
  TF_RETURN_IF_ERROR(CheckText("reason", set.reason(), kLongestReason));
  absl::flat_hash_set<absl::string_view> keys;
  for (const v1::SysctlChange& change : set.changes()) {
    const absl::Status status = CheckChange(change);
    if (!status.ok()) return base::WithContext(DottedKey(change.key()), status);
    if (!keys.insert(change.key()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(DottedKey(change.key()), " stands there twice"));
    }
  }
  if (set.hash() != HashOf(set)) {
    return absl::InvalidArgumentError("the plan has been altered: its hash is another");
  }
  return absl::OkStatus();
}

}  // namespace tcpfleet::sysctl
