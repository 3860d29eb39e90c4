#include "common/base/ip_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/support/status_matchers.h"

namespace tcpfleet::base {
namespace {

using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

IpAddress Address(absl::string_view text) { return IpAddress::Parse(text).value(); }

TEST(IpAddress, PrintsWhatItParsedInCanonicalForm) {
  EXPECT_EQ(Address("198.18.0.1").ToString(), "198.18.0.1");
  EXPECT_EQ(Address("2001:0DB8:0:0:0:0:0:1").ToString(), "2001:db8::1");
  EXPECT_EQ(Address("::").ToString(), "::");
  EXPECT_EQ(IpAddress().ToString(), "0.0.0.0");
}

TEST(IpAddress, RefusesBadText) {
  for (const char* text : {"", "1.2.3", "1.2.3.256", "1.2.3.4.5", "01.2.3.4x", "1.2.3.4 ",
                           "::1::", "fe80::1%eth0", "[::1]", "localhost"}) {
    EXPECT_THAT(IpAddress::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not an IP address")))
        << text;
  }
}

TEST(IpAddress, RefusesTextAfterAZeroByte) {
  EXPECT_FALSE(IpAddress::Parse(absl::string_view("10.0.0.1\0:x]", 12)).ok());
}

TEST(IpAddress, ParsesOnlyUpToTheEndOfTheText) {
  EXPECT_EQ(Address(absl::string_view("10.0.0.1:80").substr(0, 8)).ToString(), "10.0.0.1");
}

TEST(IpAddress, RoundTripsBytes) {
  EXPECT_THAT(IpAddress::FromBytes(Address("192.0.2.7").bytes()),
              IsOkAndHolds(Address("192.0.2.7")));
  EXPECT_THAT(IpAddress::FromBytes(Address("fd00:18::7").bytes()),
              IsOkAndHolds(Address("fd00:18::7")));
  EXPECT_THAT(IpAddress::FromBytes(std::array<uint8_t, 5>{}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IpAddress, UnmapsOnlyMappedAddresses) {
  EXPECT_EQ(Address("::ffff:198.18.0.1").Unmapped(), Address("198.18.0.1"));
  EXPECT_EQ(Address("::fffe:198.18.0.1").Unmapped(), Address("::fffe:198.18.0.1"));
  EXPECT_EQ(Address("198.18.0.1").Unmapped(), Address("198.18.0.1"));
  EXPECT_NE(Address("::ffff:198.18.0.1"), Address("198.18.0.1"));
}

TEST(IpAddress, KnowsLoopbackAlsoWhenMapped) {
  for (const char* text :
       {"127.0.0.1", "127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.5"}) {
    EXPECT_TRUE(Address(text).IsLoopback()) << text;
  }
  for (const char* text : {"126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "7f00::1",
                           "::127.0.0.1", "::ffff:128.0.0.1", "fe80::1"}) {
    EXPECT_FALSE(Address(text).IsLoopback()) << text;
  }
}

TEST(Endpoint, BracketsIpv6) {
  EXPECT_EQ((Endpoint{Address("198.18.0.1"), 80}).ToString(), "198.18.0.1:80");
  EXPECT_EQ((Endpoint{Address("2001:db8::1"), 80}).ToString(), "[2001:db8::1]:80");
  EXPECT_THAT(ParseEndpoint("[2001:db8::1]:80"),
              IsOkAndHolds(Endpoint{Address("2001:db8::1"), 80}));
  EXPECT_THAT(ParseEndpoint("example.com:80"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseHostPort, TakesNamesAndAddressesWithAndWithoutPort) {
  EXPECT_THAT(ParseHostPort("web01.dc1:443", 0), IsOkAndHolds(HostPort{"web01.dc1", 443}));
  EXPECT_THAT(ParseHostPort("web01.dc1", 7117), IsOkAndHolds(HostPort{"web01.dc1", 7117}));
  EXPECT_THAT(ParseHostPort("[2001:db8::1]:443", 0), IsOkAndHolds(HostPort{"2001:db8::1", 443}));
  EXPECT_THAT(ParseHostPort("[::1]", 7117), IsOkAndHolds(HostPort{"::1", 7117}));
  EXPECT_THAT(ParseHostPort("::1", 7117), IsOkAndHolds(HostPort{"::1", 7117}));
  EXPECT_EQ((HostPort{"::1", 80}).ToString(), "[::1]:80");
}

TEST(ParseHostPort, RefusesBadTextAndBadPorts) {
  for (const char* text : {"", ":80", "[::1", "[web]:80", "[::1]80", "a:b:c", "::1"}) {
    EXPECT_THAT(ParseHostPort(text, 0),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not HOST:PORT")))
        << text;
  }
  for (const char* text : {"web:", "web:0", "web:65536", "web:-1", "web:http"}) {
    EXPECT_THAT(ParseHostPort(text, 7117),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("from 1 to 65535")))
        << text;
  }
}

TEST(IpNetwork, ContainsByPrefix) {
  const IpNetwork net = IpNetwork::Parse("198.18.0.0/15").value();
  EXPECT_TRUE(net.Contains(Address("198.18.0.0")));
  EXPECT_TRUE(net.Contains(Address("198.19.255.255")));
  EXPECT_FALSE(net.Contains(Address("198.20.0.0")));
  EXPECT_FALSE(net.Contains(Address("198.17.255.255")));
  EXPECT_FALSE(net.Contains(Address("fd00::1")));
  EXPECT_EQ(net.ToString(), "198.18.0.0/15");
}

TEST(IpNetwork, LooksMappedAddressesUpAsIpv4) {
  EXPECT_TRUE(IpNetwork::Parse("10.0.0.0/8")->Contains(Address("::ffff:10.1.2.3")));
}

TEST(IpNetwork, HoldsTheBoundaryPrefixes) {
  EXPECT_TRUE(IpNetwork::Parse("0.0.0.0/0")->Contains(Address("255.255.255.255")));
  EXPECT_TRUE(IpNetwork::Parse("192.0.2.1")->Contains(Address("192.0.2.1")));
  EXPECT_FALSE(IpNetwork::Parse("192.0.2.1/32")->Contains(Address("192.0.2.0")));
  EXPECT_TRUE(IpNetwork::Parse("fd00::/8")->Contains(Address("fdff::1")));
  EXPECT_FALSE(IpNetwork::Parse("fd00::/8")->Contains(Address("fe00::1")));
  EXPECT_TRUE(IpNetwork::Parse("::1/128")->Contains(Address("::1")));
}

TEST(IpNetwork, RefusesBadPrefixes) {
  for (const char* text : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/x", "::/129"}) {
    EXPECT_THAT(IpNetwork::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("prefix length")))
        << text;
  }
  EXPECT_THAT(IpNetwork::Parse("/8"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::base
