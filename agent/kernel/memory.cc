#include "agent/kernel/memory.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <absl/strings/strip.h>

#include "common/base/status_macros.h"
#include "common/sys/file.h"

namespace tcpfleet::agent {

absl::StatusOr<uint64_t> ReadAvailableMemory(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const std::string text, sys::ReadFile(path));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    uint64_t kilobytes = 0;
    if (absl::ConsumePrefix(&line, "MemAvailable:") && absl::ConsumeSuffix(&line, "kB") &&
        absl::SimpleAtoi(line, &kilobytes)) {
      return kilobytes * 1024;
    }
  }
  return absl::DataLossError(absl::StrCat(path, " does not say MemAvailable in kB"));
}

}  // namespace tcpfleet::agent
