#include "tests/support/user_namespace.h"

#include <absl/strings/str_cat.h>
#include <sched.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/file.h"

namespace tcpfleet::tests {

absl::Status EnterUserNamespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return sys::ErrnoStatus("unshare(CLONE_NEWUSER)");
  TF_RETURN_IF_ERROR(sys::WriteFile("/proc/self/setgroups", "deny"));
  TF_RETURN_IF_ERROR(sys::WriteFile("/proc/self/uid_map", absl::StrCat("0 ", uid, " 1")));
  return sys::WriteFile("/proc/self/gid_map", absl::StrCat("0 ", gid, " 1"));
}

}  // namespace tcpfleet::tests
