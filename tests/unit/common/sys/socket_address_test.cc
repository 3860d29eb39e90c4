#include "common/sys/socket_address.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(SocketAddress, RoundTripsBothFamiliesAndKeepsMappedAddresses) {
  for (const char* text : {"198.18.0.1:80", "[fd00:18::1]:65535", "[::ffff:198.18.0.1]:443"}) {
    const base::Endpoint endpoint = base::ParseEndpoint(text).value();
    const SocketAddress address = ToSocketAddress(endpoint);
    EXPECT_EQ(address.family(), endpoint.address.is_v4() ? AF_INET : AF_INET6);
    EXPECT_THAT(FromSocketAddress(address), IsOkAndHolds(endpoint)) << text;
  }
}

TEST(SocketAddress, RefusesOtherFamiliesAndShortAddresses) {
  SocketAddress address = ToSocketAddress(base::ParseEndpoint("198.18.0.1:80").value());
  address.length = 4;
  EXPECT_THAT(FromSocketAddress(address), StatusIs(absl::StatusCode::kInvalidArgument));
  address.storage.ss_family = AF_UNIX;
  EXPECT_THAT(FromSocketAddress(address), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::sys
