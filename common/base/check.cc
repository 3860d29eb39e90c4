#include "common/base/check.h"

#include <absl/strings/str_format.h>

#include <cstdio>
#include <cstdlib>

namespace tcpfleet::base {

void CheckFailed(absl::string_view file, int line, absl::string_view what) {
  absl::FPrintF(stderr, "%s:%d: check failed: %s\n", file, line, what);
  std::abort();
}

}  // namespace tcpfleet::base
