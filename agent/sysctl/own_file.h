// The one file below sysctl.d that is ours: what it holds, and whether what it sets is what a boot
// gives.
//
// Pure. Errors: FailedPrecondition "FILE:LINE: ..." for a line that we would not have written: a
// person's, which a rewrite would lose.
#pragma once

#include <absl/status/statusor.h>
#include <absl/strings/string_view.h>
#include <absl/types/span.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/sysctl/persisted.h"

namespace tcpfleet::agent {

// That files there are read by systemd-sysctl and `sysctl --system`. InvalidArgument.
absl::Status CheckOwnFilePath(const std::string& path);

// Values by key.
using OwnSettings = std::map<std::string, std::string>;

absl::StatusOr<OwnSettings> ParseOwnFile(const std::string& path, absl::string_view text);

// Forwarding first, because it resets others; then in the order of the keys.
std::string RenderOwnFile(const OwnSettings& settings);

// The line that decides about `key` for one of both programs when our file, at `path`, has `text`,
// and it is another one: of another file, or none (file empty). Nothing when ours decides with
// both.
class OwnFileProof {
 public:
  OwnFileProof(const std::string& path, const std::string& text,
               absl::Span<const sysctl::ConfigFile> files);
  std::optional<sysctl::Setting> OverruledBy(const std::string& key) const;

 private:
  const std::string path_;
  const std::vector<sysctl::ConfigFile> files_;
  const sysctl::Persisted at_boot_;
  const sysctl::Persisted by_procps_;
};

}  // namespace tcpfleet::agent
