#include "common/sys/errno_name.h"

#include <absl/strings/str_cat.h>

#include <cerrno>
#include <cstring>

namespace tcpfleet::sys {

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? std::string(name) : absl::StrCat("errno ", error);
}

absl::Status ErrnoStatus(absl::string_view what) { return ErrnoStatus(errno, what); }

absl::Status ErrnoStatus(int error, absl::string_view what) {
  const char* text = strerrordesc_np(error);
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat(what, ": ", text != nullptr ? text : ErrnoName(error)));
}

}  // namespace tcpfleet::sys
