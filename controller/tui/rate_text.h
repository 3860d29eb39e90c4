#pragma once

#include <absl/strings/str_cat.h>

#include <string>

#include "common/base/units.h"

namespace tcpfleet::controller {

inline std::string RateText(double bytes_per_second) {
  return absl::StrCat(base::FormatBytes(bytes_per_second), "/s");
}

}  // namespace tcpfleet::controller
