#include "controller/rollout/author.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <random>

#include "common/sys/host.h"

namespace tcpfleet::controller {

std::string Author() {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  const uid_t uid = ::geteuid();
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return absl::StrCat(found != nullptr ? found->pw_name : absl::StrCat("uid ", uid), "@",
                      sys::HostName());
}

std::string NewHolder() {
  std::random_device random;
  std::string holder;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&holder, absl::StrFormat("%08x", random()));
  return holder;
}

}  // namespace tcpfleet::controller
