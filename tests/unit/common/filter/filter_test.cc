#include "common/filter/filter.h"

#include <gtest/gtest.h>

#include "tests/unit/common/filter/samples.h"

namespace tcpfleet::filter {
namespace {

using sockets::TcpState;
using tests::IsOk;

TEST(Filter, IsEverythingButListenersWhenEmpty) {
  for (absl::string_view text : {"", "  ", "\t\n"}) {
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    ASSERT_THAT(filter, IsOk());
    EXPECT_EQ(filter->StateMask(), 0xffeu & ~(1u << 10));
    EXPECT_TRUE(filter->Matches(Web()));
    EXPECT_FALSE(filter->Matches(Sample("0.0.0.0:80", "0.0.0.0:1", TcpState::kListen)));
  }
}

TEST(Filter, SelectsStates) {
  EXPECT_EQ(Filter::Parse("state established")->StateMask(), 1u << 1);
  EXPECT_EQ(Filter::Parse("state ESTAB")->StateMask(), 1u << 1);
  EXPECT_EQ(Filter::Parse("state syn-sent state syn-recv")->StateMask(), (1u << 2) | (1u << 3));
  EXPECT_EQ(Filter::Parse("state connected exclude established")->StateMask(),
            0xffeu & ~(1u << 1) & ~(1u << 7) & ~(1u << 10));
  EXPECT_EQ(Filter::Parse("exclude time-wait")->StateMask(), 0xffeu & ~(1u << 6));
  EXPECT_EQ(Filter::Parse("state listening")->StateMask(), 1u << 10);
  EXPECT_EQ(Filter::Parse("state all")->StateMask(), 0xffeu);
}

TEST(Filter, MatchesNothingWithoutAState) {
  sockets::ConnectionSample sample = Web();
  sample.values.Erase(sockets::Field::kState);
  EXPECT_FALSE(Matches("state all", sample));
}

TEST(Filter, ComparesPortsInEverySpelling) {
  for (absl::string_view text :
       {"dport = :443",  "dport = 443",   "dport == :443", "dport eq :443",  "dport=:443",
        "dport != :80",  "dport ne :80",  "dport neq 80",  "dport > :442",   "dport gt :442",
        "dport >= :443", "dport ge :443", "dport geq 443", "dport < :444",   "dport lt :444",
        "dport <= :443", "dport le :443", "dport leq 443", "sport = :40000", "DPORT = :443"}) {
    EXPECT_TRUE(Matches(text, Web())) << text;
  }
  for (absl::string_view text : {"dport = :80", "dport != :443", "dport > :443", "dport >= :444",
                                 "dport < :443", "dport <= :442", "sport = :443"}) {
    EXPECT_FALSE(Matches(text, Web())) << text;
  }
}

TEST(Filter, MatchesAddressesNetworksAndPorts) {
  for (absl::string_view text : {"dst 198.18.0.9",
                                 "dst 198.18.0.0/15",
                                 "dst 198.18.0.9:443",
                                 "dst 198.18.0.0/15:443",
                                 "dst = 198.18.0.9",
                                 "dst :443",
                                 "dst *:443",
                                 "dst *",
                                 "dst 198.18.0.9:*",
                                 "src 10.0.0.0/8",
                                 "src != 11.0.0.0/8",
                                 "not src 11.0.0.0/8",
                                 "src 10/8",
                                 "src 10.1.2.3/255.255.255.0",
                                 "saddr 10.1.2.3",
                                 "peer 198.18.0.9",
                                 "dst any",
                                 "dst inet:198.18.0.9",
                                 "dst inet:*",
                                 "dport = inet:443",
                                 "dport *"}) {
    EXPECT_TRUE(Matches(text, Web())) << text;
  }
  for (absl::string_view text :
       {"dst 198.18.0.8", "dst 198.18.0.9:80", "src 198.18.0.9", "dst != 198.18.0.9",
        "dst 2001:db8::/32", "dst neq :443", "src 10", "dst inet6:*", "dport = inet6:443",
        "not dst *", "dst ::ffff:198.18.0.9", "dst [::/0]"}) {
    EXPECT_FALSE(Matches(text, Web())) << text;
  }
}

TEST(Filter, MatchesIpv6WithAndWithoutBrackets) {
  const sockets::ConnectionSample sample = Sample("[fd00::1]:9000", "[2001:db8::2]:443");
  for (absl::string_view text :
       {"dst 2001:db8::2", "dst [2001:db8::2]", "dst [2001:db8::2]:443", "dst [2001:db8::]/32",
        "dst [2001:db8::/32]:443", "dst 2001:db8::/32", "src fd00::/8"}) {
    EXPECT_TRUE(Matches(text, sample)) << text;
  }
  EXPECT_FALSE(Matches("dst [2001:db8::2]:80", sample));
}

// As the kernel does.
TEST(Filter, TakesMappedAddressesForBothFamilies) {
  const sockets::ConnectionSample sample = Sample("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:9");
  EXPECT_TRUE(Matches("dst 10.0.0.0/8", sample));
  EXPECT_TRUE(Matches("dst [::ffff:10.0.0.0/104]", sample));
  EXPECT_TRUE(Matches("dst inet6:*", sample));
  EXPECT_FALSE(Matches("dst inet:10.0.0.2", sample));
  EXPECT_FALSE(Matches("not dst 10.0.0.0/8", sample));
}

TEST(Filter, TakesTheLastPartForThePortAsSsDoes) {
  const sockets::ConnectionSample sample = Sample("[::1]:80", "[fd00::1]:1");
  EXPECT_TRUE(Matches("src ::1:80", sample));
  EXPECT_FALSE(Matches("src ::1:81", sample));
  EXPECT_TRUE(Matches("src ::1", sample));
  EXPECT_TRUE(Matches("dst fd00::/16:1", sample));
}

TEST(Filter, WantsEveryCondition) {
  for (absl::string_view text :
       {"state established dport = :443 src 10.0.0.0/8",
        "state established and dport = :443 and src 10.0.0.0/8", "dport = :443 && src 10.0.0.0/8",
        "dport = :443 & src 10.0.0.0/8"}) {
    EXPECT_TRUE(Matches(text, Web())) << text;
  }
  EXPECT_FALSE(Matches("dport = :443 src 11.0.0.0/8", Web()));
  EXPECT_FALSE(Matches("state close-wait dport = :443", Web()));
}

// Measured with ss of iproute2 6.1: one level for both, from left to right.
TEST(Filter, BindsAndAndOrAlikeFromTheLeft) {
  EXPECT_FALSE(Matches("dport = :443 or dport = :80 and sport = :1", Web()));
  EXPECT_TRUE(Matches("sport = :1 and dport = :80 or dport = :443", Web()));
  EXPECT_TRUE(Matches("dport = :443 or ( dport = :80 and sport = :1 )", Web()));
  EXPECT_FALSE(Matches("dport = :443 | dport = :80 sport = :1", Web()));
}

TEST(Filter, NegatesTheNextTermOnly) {
  EXPECT_TRUE(Matches("not dport = :80 and dport = :443", Web()));
  EXPECT_TRUE(Matches("! dport = :80 dport = :443", Web()));
  EXPECT_FALSE(Matches("!(dport = :80 or dport = :443)", Web()));
  EXPECT_TRUE(Matches("not not dport = :443", Web()));
}

TEST(Filter, TakesStatesAtTheFrontForTheWholeRest) {
  EXPECT_FALSE(Matches("state close-wait dport = :80 or dport = :443", Web()));
  EXPECT_TRUE(Matches("state established dport = :80 or dport = :443", Web()));
  EXPECT_TRUE(Matches("(state close-wait dport = :80) or dport = :443", Web()));
}

TEST(Filter, TakesStatesForConditionsElsewhere) {
  EXPECT_TRUE(Matches("(state close-wait or state established) and dport = :443", Web()));
  EXPECT_TRUE(Matches("state close-wait and dport = :80 or dport = :443", Web()));
  EXPECT_TRUE(Matches("state = established", Web()));
  EXPECT_FALSE(Matches("state != established", Web()));
  EXPECT_FALSE(Matches("dport = :443 and not state established", Web()));
  EXPECT_EQ(Filter::Parse("( state established and dport = :1 ) or state listening")->StateMask(),
            (1u << 1) | (1u << 10));
  EXPECT_EQ(Filter::Parse("state established or dport = :1")->StateMask(), 0xffeu);
}

TEST(Filter, KnowsTheFamiliesOfItsMatches) {
  EXPECT_EQ(Filter::Parse("dport = :1")->Families(), kIpv4 | kIpv6);
  EXPECT_EQ(Filter::Parse("src 10.0.0.0/8")->Families(), kIpv4 | kIpv6);
  EXPECT_EQ(Filter::Parse("src inet:10.0.0.0/8")->Families(), kIpv4);
  EXPECT_EQ(Filter::Parse("src [fd00::/8]")->Families(), kIpv6);
  EXPECT_EQ(Filter::Parse("not src inet6:*")->Families(), kIpv4);
  EXPECT_EQ(Filter::Parse("src [fd00::/8] or src inet:10.0.0.1")->Families(), kIpv4 | kIpv6);
}

TEST(Filter, SeesThatItNeverMatches) {
  EXPECT_TRUE(Filter::Parse("exclude all")->NeverMatches());
  EXPECT_TRUE(Filter::Parse("state established and state listening")->NeverMatches());
  EXPECT_TRUE(Filter::Parse("src [fd00::/8] and src inet:10.0.0.1")->NeverMatches());
  EXPECT_FALSE(Filter::Parse("")->NeverMatches());
}

TEST(Filter, MatchesDevicesByIndex) {
  sockets::ConnectionSample sample = Web();
  sample.identity.interface = 3;
  EXPECT_TRUE(Matches("dev = 3", sample));
  EXPECT_TRUE(Matches("dev 3", sample));
  EXPECT_FALSE(Matches("dev != 3", sample));
  EXPECT_TRUE(Matches("dev = 0", Web()));
  // Which index the name has is known elsewhere.
  Resolver resolver;
  resolver.keep_device_names = true;
  EXPECT_FALSE(Filter::Parse("dev = eth0", resolver)->Matches(sample));
  EXPECT_FALSE(Filter::Parse("dev != eth0", resolver)->Matches(sample));
}

TEST(Filter, MatchesMarksUnderTheirMask) {
  sockets::ConnectionSample sample = Web();
  EXPECT_FALSE(Matches("fwmark = 0x1", sample));
  EXPECT_FALSE(Matches("fwmark != 0x1", sample));
  sample.values.Set(sockets::Field::kMark, 0x101);
  EXPECT_TRUE(Matches("fwmark = 0x1/0xff", sample));
  EXPECT_TRUE(Matches("fwmark 257", sample));
  EXPECT_FALSE(Matches("fwmark = 1", sample));
  EXPECT_TRUE(Matches("fwmark != 1", sample));
}

TEST(Filter, TakesPortsOfTheEphemeralRangeForAutobound) {
  EXPECT_TRUE(Matches("autobound", Web()));
  EXPECT_FALSE(Matches("not autobound", Web()));
  Resolver resolver;
  resolver.first_ephemeral_port = 1024;
  resolver.last_ephemeral_port = 39999;
  EXPECT_FALSE(Filter::Parse("autobound", resolver)->Matches(Web()));
}

}  // namespace
}  // namespace tcpfleet::filter
