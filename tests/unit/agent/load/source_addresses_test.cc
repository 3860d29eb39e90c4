#include "agent/load/source_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_lab.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using tests::StatusIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

base::IpAddress Address(const char* text) { return base::IpAddress::Parse(text).value(); }

absl::StatusOr<std::vector<std::string>> Texts(
    const absl::StatusOr<std::vector<base::IpAddress>>& addresses) {
  if (!addresses.ok()) return addresses.status();
  std::vector<std::string> texts;
  for (const base::IpAddress& address : *addresses) texts.push_back(address.ToString());
  return texts;
}

TEST(AddressesInNetwork, AreThoseOfInterfaces) {
  const std::vector<base::IpAddress> own = {Address("127.0.0.1"),   Address("198.18.0.3"),
                                            Address("198.18.0.9"),  Address("198.18.0.3"),
                                            Address("198.18.0.17"), Address("fd00::1")};
  EXPECT_THAT(Texts(AddressesInNetwork("198.18.0.0/28", own)).value(),
              ElementsAre("198.18.0.3", "198.18.0.9"));
  EXPECT_THAT(Texts(AddressesInNetwork("fd00::/8", own)).value(), ElementsAre("fd00::1"));
  EXPECT_THAT(AddressesInNetwork("10.0.0.0/8", own),
              StatusIs(kInvalid, HasSubstr("no interface of this host has an address in source "
                                           "10.0.0.0/8")));
}

TEST(AddressesInNetwork, AreAllOfALoopbackNetwork) {
  EXPECT_THAT(Texts(AddressesInNetwork("127.0.0.0/30", {})).value(),
              ElementsAre("127.0.0.1", "127.0.0.2", "127.0.0.3"));
  EXPECT_THAT(Texts(AddressesInNetwork("127.1.2.0/31", {})).value(),
              ElementsAre("127.1.2.0", "127.1.2.1"));
  EXPECT_THAT(Texts(AddressesInNetwork("127.255.255.254/31", {})).value(),
              ElementsAre("127.255.255.254"));
}

TEST(ResolveSources, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "web", "127.0.0.1/33", "127.0.0.1/x", "::1/129", "1.2.3"}) {
    EXPECT_THAT(ResolveSources({text}), StatusIs(kInvalid, HasSubstr("source"))) << text;
  }
}

TEST(ResolveSources, RefusesAnAddressOfAnotherHost) {
  EXPECT_THAT(ResolveSources({"192.0.2.1"}),
              StatusIs(kInvalid, HasSubstr("source 192.0.2.1 is not an address of this host")));
}

TEST(ResolveSources, TakesEachAddressOnce) {
  EXPECT_THAT(Texts(ResolveSources({"127.0.0.2", "127.0.0.0/30", "127.0.0.2"})).value(),
              ElementsAre("127.0.0.2", "127.0.0.1", "127.0.0.3"));
}

TEST(ResolveSources, IsBounded) {
  EXPECT_EQ(ResolveSources({"127.0.0.0/24"})->size(), 255u);
  EXPECT_THAT(ResolveSources({"127.0.0.0/23"}), StatusIs(kInvalid, HasSubstr("more than 256")));
  EXPECT_THAT(ResolveSources({"127.0.0.0/8"}), StatusIs(kInvalid, HasSubstr("more than 256")));
  EXPECT_THAT(ResolveSources({"127.0.0.0/24", "127.0.1.0/24"}),
              StatusIs(kInvalid, HasSubstr("more than 256")));
}

class SourcesOfAHost : public tests::NetworkLabTest {};

TEST_F(SourcesOfAHost, AreItsOwnAddressesInTheNetwork) {
  tests::Host& host = AddHost("a");
  for (const char* address : {"198.18.0.77/32", "198.18.9.1/32"}) {
    ASSERT_EQ(host.Command({"ip", "address", "add", address, "dev", "lo"})->exit_code, 0);
  }
  EXPECT_THAT(host.Run([] {
    EXPECT_THAT(Texts(ResolveSources({"198.18.0.0/24"})).value(),
                testing::UnorderedElementsAre("198.18.0.1", "198.18.0.77"));
    EXPECT_THAT(Texts(ResolveSources({"198.18.9.1"})).value(), ElementsAre("198.18.9.1"));
    EXPECT_THAT(ResolveSources({"198.18.0.2"}), StatusIs(kInvalid));
    return absl::OkStatus();
  }),
              tests::IsOk());
}

}  // namespace
}  // namespace tcpfleet::agent
