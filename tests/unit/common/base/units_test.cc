#include "common/base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::base {
namespace {

using testing::HasSubstr;
using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(ParseDuration, TakesUnitsAndCombinations) {
  EXPECT_THAT(ParseDuration("200ms"), IsOkAndHolds(absl::Milliseconds(200)));
  EXPECT_THAT(ParseDuration("1.5s"), IsOkAndHolds(absl::Milliseconds(1500)));
  EXPECT_THAT(ParseDuration("1h30m"), IsOkAndHolds(absl::Minutes(90)));
  EXPECT_THAT(ParseDuration("0"), IsOkAndHolds(absl::ZeroDuration()));
}

TEST(ParseDuration, ReadsBareNumbersAsSeconds) {
  EXPECT_THAT(ParseDuration("10"), IsOkAndHolds(absl::Seconds(10)));
  EXPECT_THAT(ParseDuration("0.25"), IsOkAndHolds(absl::Milliseconds(250)));
}

TEST(ParseDuration, RefusesEverythingElseAndShowsIt) {
  for (const char* text : {"", " ", "-1s", "-1", "inf", "1 s", "s", "10x", "1..5", ".", "1e400",
                           "NaN", "99999999999999999999999h"}) {
    EXPECT_THAT(ParseDuration(text), StatusIs(absl::StatusCode::kInvalidArgument,
                                              HasSubstr(absl::StrCat("'", text, "'"))))
        << text;
  }
}

TEST(ParseCount, TakesDecimalMultipliers) {
  EXPECT_THAT(ParseCount("0"), IsOkAndHolds(0u));
  EXPECT_THAT(ParseCount("5000"), IsOkAndHolds(5000u));
  EXPECT_THAT(ParseCount("100k"), IsOkAndHolds(100'000u));
  EXPECT_THAT(ParseCount("1.5K"), IsOkAndHolds(1500u));
  EXPECT_THAT(ParseCount("2M"), IsOkAndHolds(2'000'000u));
  EXPECT_THAT(ParseCount("3G"), IsOkAndHolds(3'000'000'000u));
  EXPECT_THAT(ParseCount("9007199254740992"), IsOkAndHolds(uint64_t{1} << 53));
}

TEST(ParseCount, RefusesNegativeFractionalHugeAndMalformedNumbers) {
  for (const char* text : {"", "k", "-1", "+1", "0.5", "1.0005k", "1kk", "1 k", "0x10", "1e3",
                           "9007199254740994", "99999999999999999999G", "12Mi"}) {
    EXPECT_THAT(ParseCount(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("500, 100k or 2M")))
        << text;
  }
}

TEST(FormatMicroseconds, KeepsThreeSignificantDigits) {
  EXPECT_EQ(FormatMicroseconds(0.5), "0.50 µs");
  EXPECT_EQ(FormatMicroseconds(12), "12 µs");
  EXPECT_EQ(FormatMicroseconds(999.4), "999 µs");
  EXPECT_EQ(FormatMicroseconds(999.6), "1.00 ms");
  EXPECT_EQ(FormatMicroseconds(3400), "3.40 ms");
  EXPECT_EQ(FormatMicroseconds(45'600), "45.6 ms");
  EXPECT_EQ(FormatMicroseconds(1'200'000), "1.20 s");
}

TEST(FormatCount, KeepsThreeSignificantDigits) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(950), "950");
  EXPECT_EQ(FormatCount(9.99), "9.99");
  EXPECT_EQ(FormatCount(12.34), "12.3");
  EXPECT_EQ(FormatCount(999.7), "1.00k");
  EXPECT_EQ(FormatCount(12'300), "12.3k");
  EXPECT_EQ(FormatCount(4'560'000), "4.56M");
  EXPECT_EQ(FormatCount(7.8e9), "7.80G");
}

TEST(FormatBytes, NamesTheUnit) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(950), "950 B");
  EXPECT_EQ(FormatBytes(12'345), "12.3 kB");
  EXPECT_EQ(FormatBytes(4.5e9), "4.50 GB");
}

TEST(FormatAge, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(FormatAge(absl::Milliseconds(-5)), "0ms");
  EXPECT_EQ(FormatAge(absl::Milliseconds(420)), "420ms");
  EXPECT_EQ(FormatAge(absl::Milliseconds(59'999)), "59.9s");
  EXPECT_EQ(FormatAge(absl::Seconds(723)), "12m03s");
  EXPECT_EQ(FormatAge(absl::Hours(23) + absl::Minutes(59)), "23h59m");
  EXPECT_EQ(FormatAge(absl::Hours(124)), "5d04h");
}

}  // namespace
}  // namespace tcpfleet::base
