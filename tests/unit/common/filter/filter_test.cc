#include "common/filter/filter.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::filter {
namespace {

using sockets::TcpState;
using testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

sockets::ConnectionSample Sample(absl::string_view local, absl::string_view remote,
                                 TcpState state = TcpState::kEstablished) {
  sockets::ConnectionSample sample;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.identity.remote = *base::ParseEndpoint(remote);
  sample.values.Set(sockets::Field::kState, static_cast<uint64_t>(state));
  return sample;
}

bool Matches(absl::string_view filter, const sockets::ConnectionSample& sample) {
  const absl::StatusOr<Filter> parsed = Filter::Parse(filter);
  EXPECT_THAT(parsed, IsOk()) << filter;
  return parsed.ok() && parsed->Matches(sample);
}

const sockets::ConnectionSample& Web() {
  static const auto* sample =
      new sockets::ConnectionSample(Sample("10.1.2.3:40000", "198.18.0.9:443"));
  return *sample;
}

TEST(Filter, IsEverythingButListenersWhenEmpty) {
  for (absl::string_view text : {"", "  ", "\t\n"}) {
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    ASSERT_THAT(filter, IsOk());
    EXPECT_EQ(filter->StateMask(), 0xffeu & ~(1u << 10));
    EXPECT_TRUE(filter->Matches(Web()));
    EXPECT_FALSE(filter->Matches(Sample("0.0.0.0:80", "0.0.0.0:1", TcpState::kListen)));
  }
}

TEST(Filter, KeepsItsText) { EXPECT_EQ(Filter::Parse(" sport = :22 ")->text(), " sport = :22 "); }

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
  for (absl::string_view text :
       {"dst 198.18.0.9", "dst 198.18.0.0/15", "dst 198.18.0.9:443", "dst 198.18.0.0/15:443",
        "dst = 198.18.0.9", "dst :443", "dst *:443", "dst *", "dst 198.18.0.9:*", "src 10.0.0.0/8",
        "src != 11.0.0.0/8", "dst ::ffff:198.18.0.9", "dst [::ffff:198.18.0.0]/111"}) {
    EXPECT_TRUE(Matches(text, Web())) << text;
  }
  for (absl::string_view text : {"dst 198.18.0.8", "dst 198.18.0.9:80", "src 198.18.0.9",
                                 "dst != 198.18.0.9", "dst 2001:db8::/32", "dst neq :443"}) {
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

TEST(Filter, TakesMappedAddressesForIpv4) {
  EXPECT_TRUE(Matches("dst 10.0.0.0/8", Sample("[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.2]:9")));
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

struct Mistake {
  absl::string_view text;
  absl::string_view message;
};

class FilterMistake : public testing::TestWithParam<Mistake> {};

TEST_P(FilterMistake, IsNamedWithItsColumn) {
  EXPECT_THAT(Filter::Parse(GetParam().text), StatusIs(absl::StatusCode::kInvalidArgument,
                                                       HasSubstr(std::string(GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(
    Text, FilterMistake,
    testing::Values(Mistake{"sprt = :1",
                            "column 1: expected state, exclude, sport, dport, src or dst, found "
                            "'sprt', did you mean 'sport'?"},
                    Mistake{"state estblished",
                            "column 7: expected a TCP state such as established, found "
                            "'estblished', did you mean 'established'?"},
                    Mistake{"state",
                            "column 6: expected a TCP state such as established, found the end"},
                    Mistake{"state =", "column 7: expected a TCP state"},
                    Mistake{"dport 443", "column 7: expected one of = != < <= > >="},
                    Mistake{"dport =", "column 8: expected a port such as :443"},
                    Mistake{"dport = :65536", "column 9: expected a port"},
                    Mistake{"dport = :-1", "column 9: expected a port"},
                    Mistake{"dport = ssh", "column 9: expected a port"},
                    Mistake{"dport = 1 and", "column 14: expected a condition after 'and'"},
                    Mistake{"and dport = 1", "column 1: expected state"},
                    Mistake{"dport = 1 and and", "column 15: expected state"},
                    Mistake{"dst", "column 4: expected an address"},
                    Mistake{"dst example.com", "names are not resolved"},
                    Mistake{"dst 10.0.0.0/33", "column 5: expected an address"},
                    Mistake{"dst [::1", "column 5: expected an address"},
                    Mistake{"dst [::1]x", "column 5: expected an address"},
                    Mistake{"dst 10.0.0.1:99999", "column 5: expected a port from 0 to 65535"},
                    Mistake{"dst ::ffff:10.0.0.0/95", "column 5: expected an address"},
                    Mistake{"dst > 10.0.0.1", "column 5: expected = or != before an address"},
                    Mistake{"dport = 1 or dport = 2", "column 11: 'or' is not supported"},
                    Mistake{"not dport = 1", "column 1: 'not' is not supported"},
                    Mistake{"( dport = 1 )", "column 1: '(' is not supported"},
                    Mistake{"dport = 1 ; rm", "column 11: unexpected character ';'"},
                    Mistake{"dport = \x01", "column 9: unexpected character '\\x01'"}));

TEST(Filter, RefusesEndlessText) {
  EXPECT_THAT(Filter::Parse(std::string(5000, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 4096")));
}

}  // namespace
}  // namespace tcpfleet::filter
