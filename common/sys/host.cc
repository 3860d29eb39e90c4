#include "common/sys/host.h"

#include <limits.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

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

int64_t BoottimeNs() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);  // fails only for a bad address
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

uint32_t PageBytes() { return static_cast<uint32_t>(::sysconf(_SC_PAGESIZE)); }

uint32_t OnlineCpus() {
  return static_cast<uint32_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

absl::StatusOr<std::string> ProgramPath() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof(path));
  if (length < 0) return ErrnoStatus("readlink /proc/self/exe");
  return std::string(path, static_cast<size_t>(length));
}

}  // namespace tcpfleet::sys
