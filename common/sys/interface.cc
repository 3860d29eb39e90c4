#include "common/sys/interface.h"

#include <absl/strings/str_cat.h>
#include <ifaddrs.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/socket_address.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::sys {

absl::StatusOr<uint32_t> InterfaceIndex(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index != 0) return index;
  if (errno == ENODEV) return absl::NotFoundError(absl::StrCat("no interface ", name));
  return ErrnoStatus(absl::StrCat("interface ", name));
}

absl::StatusOr<uint64_t> InterfaceSpeed(const std::string& name) {
  constexpr uint64_t kBitsPerMegabit = 1'000'000;
  ifreq request{};
  ethtool_cmd command{};
  command.cmd = ETHTOOL_GSET;
  request.ifr_data = reinterpret_cast<char*>(&command);
  if (name.size() >= sizeof(request.ifr_name)) {
    return absl::InvalidArgumentError(absl::StrCat("no interface has a name such as ", name));
  }
  name.copy(request.ifr_name, name.size());
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return ErrnoStatus("socket");
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) {
    return ErrnoStatus(absl::StrCat("speed of ", name));
  }
  const uint32_t megabits = ethtool_cmd_speed(&command);
  if (megabits == 0 || megabits == static_cast<uint32_t>(SPEED_UNKNOWN)) {
    return absl::UnavailableError(absl::StrCat(name, " does not say its speed"));
  }
  return megabits * kBitsPerMegabit;
}

absl::StatusOr<std::vector<base::IpAddress>> InterfaceAddresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return ErrnoStatus("getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(raw, &::freeifaddrs);
  std::vector<base::IpAddress> addresses;
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    SocketAddress address;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    address.length = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::memcpy(&address.storage, entry->ifa_addr, address.length);
    TF_ASSIGN_OR_RETURN(const base::Endpoint endpoint, FromSocketAddress(address));
    addresses.push_back(endpoint.address);
  }
  return addresses;
}

}  // namespace tcpfleet::sys
