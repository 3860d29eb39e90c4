#include "tests/integration/routed_path.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/substitute.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

absl::Status IpBatch(const Host& host, const std::string& lines) {
  return host.Run([&] { return OutputOf({"ip", "-batch", "-"}, lines).status(); });
}

// Addresses of a link: 10.77.N.1 at the router, 10.77.N.2 at the attached host.
std::string OnLink(size_t link, int end) { return absl::StrCat("10.77.", link, ".", end); }

// The way back leads to the host's own address, so that it is the one its peers see.
std::string RouteTo(const Host& to, const Host& from, size_t link) {
  return absl::Substitute("route add $0/32 via $1 src $2\n", to.ipv4().ToString(), OnLink(link, 1),
                          from.ipv4().ToString());
}

}  // namespace

absl::Status RoutedPath::Attach(const Host& host) {
  attached_.push_back(&host);
  const size_t link = attached_.size();
  TF_RETURN_IF_ERROR(router_.SetSysctl("net.ipv4.ip_forward", "1"));
  TF_RETURN_IF_ERROR(
      IpBatch(router_, absl::Substitute("link add $0 type veth peer name $1 netns /proc/$2/fd/$3\n"
                                        "address add $4/24 dev $0\n"
                                        "link set $0 up\n"
                                        "route add $5/32 via $6\n",
                                        DeviceTo(host), kDevice, ::getpid(), host.network().fd(),
                                        OnLink(link, 1), host.ipv4().ToString(), OnLink(link, 2))));
  std::string lines =
      absl::Substitute("address add $0/24 dev $1\nlink set $1 up\n", OnLink(link, 2), kDevice);
  for (size_t other = 1; other < link; ++other) {
    const Host& peer = *attached_[other - 1];
    absl::StrAppend(&lines, RouteTo(peer, host, link));
    TF_RETURN_IF_ERROR(IpBatch(peer, RouteTo(host, peer, other)));
  }
  return IpBatch(host, lines);
}

}  // namespace tcpfleet::tests
