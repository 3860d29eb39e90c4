#include "common/sys/interface.h"

#include <absl/strings/str_cat.h>
#include <net/if.h>

#include <cerrno>

#include "common/sys/errno_name.h"

namespace tcpfleet::sys {

absl::StatusOr<uint32_t> InterfaceIndex(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index != 0) return index;
  if (errno == ENODEV) return absl::NotFoundError(absl::StrCat("no interface ", name));
  return ErrnoStatus(absl::StrCat("interface ", name));
}

}  // namespace tcpfleet::sys
