#include "agent/kernel/memory.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include <limits>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::agent {

absl::StatusOr<uint64_t> ReadAvailableMemory(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string text, sys::ReadFile(path));
  const absl::StatusOr<uint64_t> available = ParseMeminfo(text, "MemAvailable");
  if (!available.ok()) return base::WithContext(path, available.status());
  return available;
}

absl::StatusOr<uint64_t> ParseMeminfo(absl::string_view text, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    uint64_t kilobytes = 0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":") &&
        absl::ConsumeSuffix(&line, "kB") && absl::SimpleAtoi(line, &kilobytes) &&
        kilobytes <= std::numeric_limits<uint64_t>::max() / 1024) {
      return kilobytes * 1024;
    }
  }
  return absl::DataLossError(absl::StrCat("does not say ", name, " in kB"));
}

}  // namespace tcpfleet::agent
