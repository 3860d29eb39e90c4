#include "common/sys/resolve.h"

#include <absl/strings/str_cat.h>
#include <netdb.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "common/base/status_macros.h"
#include "common/sys/socket_address.h"

namespace tcpfleet::sys {
namespace {

constexpr size_t kMostAddresses = 16;

}  // namespace

absl::StatusOr<std::vector<base::IpAddress>> ResolveHost(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  if (error != 0) {
    return absl::NotFoundError(
        absl::StrCat("'", host, "' does not resolve: ", ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(raw, &::freeaddrinfo);
  std::vector<base::IpAddress> addresses;
  for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
    SocketAddress address;
    if (info->ai_addrlen > sizeof(address.storage)) continue;
    std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    address.length = info->ai_addrlen;
    const absl::StatusOr<base::Endpoint> endpoint = FromSocketAddress(address);
    if (!endpoint.ok() || addresses.size() == kMostAddresses) continue;
    if (std::find(addresses.begin(), addresses.end(), endpoint->address) == addresses.end()) {
      addresses.push_back(endpoint->address);
    }
  }
  if (addresses.empty()) return absl::NotFoundError(absl::StrCat("'", host, "' has no IP address"));
  return addresses;
}

absl::StatusOr<uint16_t> ResolveService(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int error = ::getaddrinfo(nullptr, name.c_str(), &hints, &raw);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(error == 0 ? raw : nullptr,
                                                                  &::freeaddrinfo);
  if (list == nullptr) return absl::NotFoundError(absl::StrCat("no TCP service '", name, "'"));
  SocketAddress address;
  std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
  address.length = list->ai_addrlen;
  TF_ASSIGN_OR_RETURN(const base::Endpoint endpoint, FromSocketAddress(address));
  return endpoint.port;
}

}  // namespace tcpfleet::sys
