#include <gtest/gtest.h>

#include "tests/unit/common/filter/random_filter.h"
#include "tests/unit/common/filter/samples.h"

namespace tcpfleet::filter {
namespace {

using tests::IsOk;

std::string Canonical(absl::string_view text) {
  const absl::StatusOr<Filter> filter = Filter::Parse(text);
  EXPECT_THAT(filter, IsOk()) << std::string(text);
  return filter.ok() ? filter->text() : "";
}

TEST(FilterText, IsWhatPeopleWouldWrite) {
  EXPECT_EQ(Canonical(""), "");
  EXPECT_EQ(Canonical(" DPORT=:443 && ( sport  gt 1024 )"), "dport = :443 and sport > :1024");
  EXPECT_EQ(Canonical("dport 1|dport 2 sport 3"), "( dport = :1 or dport = :2 ) and sport = :3");
  EXPECT_EQ(Canonical("state established state syn-sent rtt>20ms"),
            "state established state syn-sent and rtt > 20ms");
  EXPECT_EQ(Canonical("exclude time-wait"), "exclude time-wait");
  EXPECT_EQ(Canonical("state all"), "state all");
  EXPECT_EQ(Canonical("exclude all"), "exclude all");
  EXPECT_EQ(Canonical("not ( rtt > 1ms or src [fd00::/8]:80 )"),
            "rtt <= 1ms and not src [fd00::/8]:80");
  EXPECT_EQ(Canonical("src ::1:80"), "src [::1]:80");
  EXPECT_EQ(Canonical("src 10/8"), "src 10.0.0.0/8");
  EXPECT_EQ(Canonical("cwnd<10 lastsnd>90000ms"), "snd_cwnd < 10 and last_data_sent > 90s");
  EXPECT_EQ(Canonical("comm = 'a \"b\\\\'"), "process = \"a \\\"b\\\\\"");
  EXPECT_EQ(Canonical("fwmark 1 autobound"), "fwmark = 0x1/0xffffffff and autobound");
}

TEST(FilterText, ParsesToTheSameFilter) {
  RandomFilter random(1);
  size_t matches = 0;
  for (int i = 0; i < 400; ++i) {
    const std::string text = random.Text(/*kernel_only=*/false);
    const absl::StatusOr<Filter> filter = Filter::Parse(text);
    ASSERT_THAT(filter, IsOk()) << text;
    const absl::StatusOr<Filter> again = Filter::Parse(filter->text());
    ASSERT_THAT(again, IsOk()) << text << "\n" << filter->text();
    ASSERT_EQ(again->text(), filter->text()) << text;
    ASSERT_EQ(again->StateMask(), filter->StateMask()) << text;
    for (int j = 0; j < 20; ++j) {
      const sockets::ConnectionSample sample = random.Sample();
      const sockets::Derived derived = random.Derived();
      const std::string host = random.Host();
      const Subject subject{.sample = &sample, .derived = &derived, .host = host};
      ASSERT_EQ(again->Matches(subject), filter->Matches(subject)) << text;
      if (!host.empty()) {
        ASSERT_EQ(filter->ForHost(host).Matches(subject), filter->Matches(subject)) << text;
      }
      if (!filter->Matches(subject)) continue;
      ++matches;
      ASSERT_FALSE(filter->NeverMatches()) << text;
      ASSERT_NE(filter->Families() & (sample.identity.local.address.is_v4() ? kIpv4 : kIpv6), 0);
    }
  }
  EXPECT_GT(matches, 800u);
}

}  // namespace
}  // namespace tcpfleet::filter
