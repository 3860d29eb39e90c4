#include <gtest/gtest.h>

#include "common/filter/filter.h"
#include "tests/unit/common/filter/samples.h"

namespace tcpfleet::filter {
namespace {

using testing::HasSubstr;
using tests::StatusIs;

base::IpAddress Address(absl::string_view text) { return *base::IpAddress::Parse(text); }

Resolver Names() {
  Resolver resolver;
  resolver.addresses = [](const std::string& host) -> absl::StatusOr<std::vector<base::IpAddress>> {
    if (host == "web1") return std::vector{Address("10.0.0.1"), Address("fd00::1")};
    return absl::NotFoundError("'" + host + "' does not resolve");
  };
  resolver.port = [](const std::string& service) -> absl::StatusOr<uint16_t> {
    if (service == "https") return uint16_t{443};
    return absl::NotFoundError("no TCP service '" + service + "'");
  };
  resolver.device = [](const std::string& name) -> absl::StatusOr<uint32_t> {
    if (name == "eth0") return 2;
    return absl::NotFoundError("no device '" + name + "'");
  };
  return resolver;
}

std::string Canonical(absl::string_view text) { return Filter::Parse(text, Names())->text(); }

TEST(FilterNames, MeanAnyOfTheirAddresses) {
  EXPECT_EQ(Canonical("dst web1:https"), "dst 10.0.0.1:443 or dst [fd00::1]:443");
  EXPECT_EQ(Canonical("not dst web1"), "not dst 10.0.0.1 and not dst [fd00::1]");
  EXPECT_EQ(Canonical("dst != web1"), Canonical("not dst web1"));
  EXPECT_EQ(Canonical("dst inet6:web1 rtt > 1s"), "dst inet6:[fd00::1] and rtt > 1s");
}

TEST(FilterNames, BecomeNumbers) {
  EXPECT_EQ(Canonical("dport = https or sport = :https"), "dport = :443 or sport = :443");
  EXPECT_EQ(Canonical("dev = eth0"), "dev = 2");
}

TEST(FilterNames, OfDevicesAreKeptForWhoKnowsThem) {
  Resolver resolver;
  resolver.keep_device_names = true;
  const Filter kept = *Filter::Parse("dev != eth0", resolver);
  EXPECT_EQ(kept.text(), "dev != eth0");
  EXPECT_EQ(Filter::Parse(kept.text(), Names())->text(), "dev != 2");
}

TEST(FilterNames, AreRefusedWithTheirColumnWhenUnknown) {
  EXPECT_THAT(Filter::Parse("rtt > 1s dst db1", Names()),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("filter, column 14: 'db1' does not resolve")));
  EXPECT_THAT(
      Filter::Parse("dport = gopher", Names()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("column 9: no TCP service 'gopher'")));
  EXPECT_THAT(
      Filter::Parse("dev = eth9", Names()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("column 7: no device 'eth9'")));
}

TEST(FilterNames, AreBoundedInWhatTheyAddUpTo) {
  std::string text = "dst web1";
  for (int i = 0; i < 300; ++i) text += "|dst web1";
  EXPECT_THAT(Filter::Parse(text, Names()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 512")));
  text = "dst web1:https";
  for (int i = 0; i < 250; ++i) text += "|dst web1:https";
  EXPECT_THAT(
      Filter::Parse(text, Names()),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("with names resolved; at most 8192")));
}

}  // namespace
}  // namespace tcpfleet::filter
