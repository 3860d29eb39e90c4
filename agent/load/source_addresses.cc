#include "agent/load/source_addresses.h"

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "common/base/status_context.h"
#include "common/base/status_macros.h"
#include "common/sys/errno_name.h"
#include "common/sys/interface.h"
#include "common/sys/socket_address.h"
#include "common/sys/tcp_socket.h"
#include "common/sys/unique_fd.h"

namespace tcpfleet::agent {
namespace {

constexpr absl::string_view kLoopback = "127.0.0.0/8";

absl::Status CheckIsOurs(const base::IpAddress& address) {
  const sys::UniqueFd fd(sys::NewTcpSocket(address.is_v4() ? AF_INET : AF_INET6));
  if (!fd.valid()) return sys::ErrnoStatus(absl::StrCat("source ", address.ToString()));
  const int error = sys::BindAddressOnly(fd.get(), sys::ToSocketAddress({address, 0}));
  if (error == 0) return absl::OkStatus();
  if (error == EADDRNOTAVAIL) {
    return absl::InvalidArgumentError(absl::StrCat("source ", address.ToString(),
                                                   " is not an address of this host: add it to an "
                                                   "interface (ip address add)"));
  }
  return absl::InvalidArgumentError(
      sys::ErrnoStatus(error, absl::StrCat("source ", address.ToString())).message());
}

absl::Status TooMany(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(what, " more than ", kMostSources, " source addresses: name fewer"));
}

void AddOnce(const base::IpAddress& address, std::vector<base::IpAddress>& addresses) {
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
    addresses.push_back(address);
  }
}

// Of a network inside 127.0.0.0/8 every address but the first and the last one of the /8, which are
// for broadcasts.
absl::StatusOr<std::vector<base::IpAddress>> LoopbackAddresses(const base::IpNetwork& network,
                                                               const base::IpAddress& inside,
                                                               int prefix_length) {
  if (prefix_length < 23) return TooMany(absl::StrCat("source ", network.ToString(), " has"));
  uint32_t number = 0;
  for (const uint8_t byte : inside.bytes()) number = number << 8 | byte;
  number &= ~uint32_t{0} << (32 - prefix_length);
  std::vector<base::IpAddress> addresses;
  for (uint64_t i = 0; i < uint64_t{1} << (32 - prefix_length); ++i) {
    const auto next = static_cast<uint32_t>(number + i);
    if (next == 0x7f000000 || next == 0x7fffffff) continue;
    addresses.push_back(
        base::IpAddress::V4({static_cast<uint8_t>(next >> 24), static_cast<uint8_t>(next >> 16),
                             static_cast<uint8_t>(next >> 8), static_cast<uint8_t>(next)}));
  }
  return addresses;
}

}  // namespace

absl::StatusOr<std::vector<base::IpAddress>> AddressesInNetwork(
    const std::string& network, absl::Span<const base::IpAddress> interface_addresses) {
  const absl::StatusOr<base::IpNetwork> parsed = base::IpNetwork::Parse(network);
  if (!parsed.ok()) return base::WithContext("source", parsed.status());
  const std::pair<std::string, std::string> parts = absl::StrSplit(network, '/');
  TF_ASSIGN_OR_RETURN(const base::IpAddress inside, base::IpAddress::Parse(parts.first));
  int prefix_length = 0;
  const bool is_loopback = inside.is_v4() && absl::SimpleAtoi(parts.second, &prefix_length) &&
                           prefix_length >= 8 &&
                           base::IpNetwork::Parse(kLoopback)->Contains(inside);
  if (is_loopback) return LoopbackAddresses(*parsed, inside, prefix_length);

  std::vector<base::IpAddress> addresses;
  for (const base::IpAddress& address : interface_addresses) {
    if (parsed->Contains(address)) AddOnce(address, addresses);
  }
  if (addresses.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("no interface of this host has an address in source ", network));
  }
  return addresses;
}

absl::StatusOr<std::vector<base::IpAddress>> ResolveSources(absl::Span<const std::string> sources) {
  std::vector<base::IpAddress> addresses;
  for (const std::string& source : sources) {
    std::vector<base::IpAddress> found;
    if (absl::StrContains(source, '/')) {
      TF_ASSIGN_OR_RETURN(const std::vector<base::IpAddress> own, sys::InterfaceAddresses());
      TF_ASSIGN_OR_RETURN(found, AddressesInNetwork(source, own));
    } else {
      const absl::StatusOr<base::IpAddress> address = base::IpAddress::Parse(source);
      if (!address.ok()) return base::WithContext("source", address.status());
      TF_RETURN_IF_ERROR(CheckIsOurs(*address));
      found.push_back(*address);
    }
    for (const base::IpAddress& address : found) AddOnce(address, addresses);
    if (addresses.size() > kMostSources) return TooMany("these are");
  }
  return addresses;
}

}  // namespace tcpfleet::agent
