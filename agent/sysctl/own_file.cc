#include "agent/sysctl/own_file.h"

#include <absl/strings/ascii.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/sysctl/key.h"
#include "common/sysctl/value.h"

namespace tcpfleet::agent {
namespace {

constexpr absl::string_view kHeader =
    "# Written by tcpfleet-agent, which replaces it as a whole: change it with `tcpfleet sysctl`,\n"
    "# or put other settings into a file of their own.\n";

bool IsForwarding(absl::string_view key) {
  return absl::EndsWith(key, "/ip_forward") || absl::EndsWith(key, "/forwarding");
}

std::vector<sysctl::ConfigFile> WithOwn(const std::string& path, const std::string& text,
                                        absl::Span<const sysctl::ConfigFile> files) {
  std::vector<sysctl::ConfigFile> all;
  for (const sysctl::ConfigFile& file : files) {
    if (file.path != path) all.push_back(file);
  }
  all.push_back({.path = path, .text = text});
  return all;
}

}  // namespace

absl::Status CheckOwnFilePath(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash);
  const bool is_read = std::any_of(std::begin(sysctl::kDirectories), std::end(sysctl::kDirectories),
                                   [&](const char* known) { return directory == known; });
  if (is_read && absl::EndsWith(path, ".conf")) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", path, "' is read by neither systemd-sysctl nor `sysctl --system`: name a file ",
      absl::StrJoin(sysctl::kDirectories, "/*.conf, "), "/*.conf"));
}

absl::StatusOr<OwnSettings> ParseOwnFile(const std::string& path, absl::string_view text) {
  OwnSettings settings;
  absl::string_view rest = text;
  if (absl::StartsWith(rest, kHeader)) rest.remove_prefix(kHeader.size());
  size_t line = 1 + static_cast<size_t>(std::count(text.begin(), text.end() - rest.size(), '\n'));
  for (const absl::string_view setting : absl::StrSplit(rest, '\n')) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(setting, absl::MaxSplits(" = ", 1));
    const absl::StatusOr<std::string> key = sysctl::ParseKey(parts.first);
    // Neither a comment nor a line whose failing is ignored.
    const bool is_plain =
        !setting.empty() && absl::ascii_isalnum(static_cast<unsigned char>(setting[0]));
    const bool is_ours = is_plain && key.ok() && !sysctl::IsGlob(*key) && !parts.second.empty() &&
                         setting == absl::StrCat(sysctl::DottedKey(*key), " = ",
                                                 sysctl::Canonical(*key, parts.second)) &&
                         settings.emplace(*key, parts.second).second;
    if (!is_ours && !setting.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ":", line,
                       ": is not a line tcpfleet wrote and would be lost; move it "
                       "to a file of its own"));
    }
    ++line;
  }
  return settings;
}

std::string RenderOwnFile(const OwnSettings& settings) {
  std::string text(kHeader);
  for (const bool forwarding : {true, false}) {
    for (const auto& [key, value] : settings) {
      if (IsForwarding(key) == forwarding) {
        absl::StrAppend(&text, sysctl::DottedKey(key), " = ", value, "\n");
      }
    }
  }
  return text;
}

OwnFileProof::OwnFileProof(const std::string& path, const std::string& text,
                           absl::Span<const sysctl::ConfigFile> files)
    : path_(path),
      files_(WithOwn(path, text, files)),
      at_boot_(sysctl::Applier::kSystemd, files_),
      by_procps_(sysctl::Applier::kProcps, files_) {}

std::optional<sysctl::Setting> OwnFileProof::OverruledBy(const std::string& key) const {
  for (const sysctl::Persisted* persisted : {&at_boot_, &by_procps_}) {
    const sysctl::PersistedValue value = persisted->ValueOf(key);
    if (!value.winner) return sysctl::Setting();
    if (value.winner->file != path_) return value.winner;
  }
  return std::nullopt;
}

}  // namespace tcpfleet::agent
