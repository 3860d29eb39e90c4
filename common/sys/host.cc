#include "common/sys/host.h"

#include <limits.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/sys/errno_name.h"

namespace tcpfleet::sys {

std::string KernelRelease() {
  utsname name{};
  ::uname(&name);  // fails only for a bad address
  return name.release;
}

std::string HostName() {
  utsname name{};
  ::uname(&name);
  return name.nodename;
}

uint64_t TotalMemoryBytes() {
  struct sysinfo info {};
  return ::sysinfo(&info) == 0 ? uint64_t{info.totalram} * info.mem_unit : 0;
}

absl::StatusOr<std::string> ProgramPath() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length < 0) return ErrnoStatus("readlink /proc/self/exe");
  return std::string(path, static_cast<size_t>(length));
}

}  // namespace tcpfleet::sys
