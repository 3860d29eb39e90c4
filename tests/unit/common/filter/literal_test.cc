#include <gtest/gtest.h>

#include <random>

#include "common/filter/quantity.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::filter {
namespace {

using tests::IsOkAndHolds;

TEST(Literal, IsExactInTheQuantitysUnit) {
  const auto of = [](Unit unit) { return Quantity{.name = "it", .unit = unit}; };
  EXPECT_THAT(ParseLiteral(of(Unit::kMicroseconds), "1h1us"), IsOkAndHolds(3'600'000'001u));
  EXPECT_THAT(ParseLiteral(of(Unit::kMicroseconds), "0.001ms"), IsOkAndHolds(1u));
  EXPECT_THAT(ParseLiteral(of(Unit::kMicroseconds), "20µs"), IsOkAndHolds(20u));
  EXPECT_THAT(ParseLiteral(of(Unit::kMilliseconds), "2d"), IsOkAndHolds(172'800'000u));
  EXPECT_THAT(ParseLiteral(of(Unit::kMilliseconds), "1min"), IsOkAndHolds(60'000u));
  EXPECT_THAT(ParseLiteral(of(Unit::kBytes), "1.5Ki"), IsOkAndHolds(1536u));
  EXPECT_THAT(ParseLiteral(of(Unit::kBytes), "1500B"), IsOkAndHolds(1500u));
  EXPECT_THAT(ParseLiteral(of(Unit::kBytesPerSecond), "8bit"), IsOkAndHolds(1u));
  EXPECT_THAT(ParseLiteral(of(Unit::kBytesPerSecond), "1Gbit/s"), IsOkAndHolds(125'000'000u));
  EXPECT_THAT(ParseLiteral(of(Unit::kShare), "0.000001%"), IsOkAndHolds(1u));
  EXPECT_THAT(ParseLiteral(of(Unit::kNumber), "1.5k"), IsOkAndHolds(1500u));
  EXPECT_THAT(ParseLiteral(of(Unit::kNumber), "0x1F"), IsOkAndHolds(31u));
  for (const char* text : {"", ".", "1..2", "1e3", "+1", "1.5", "0x1g", "1Ki", "1 k"}) {
    EXPECT_FALSE(ParseLiteral(of(Unit::kNumber), text).ok()) << text;
  }
  EXPECT_FALSE(ParseLiteral(of(Unit::kBytesPerSecond), "1bit").ok());
  EXPECT_FALSE(ParseLiteral(of(Unit::kMilliseconds), "1us").ok());
  EXPECT_FALSE(ParseLiteral(of(Unit::kMicroseconds), "18446744073709551615s").ok());
  EXPECT_FALSE(
      ParseLiteral(of(Unit::kMicroseconds), "9999999999999999999us9999999999999999999us").ok());
}

TEST(Literal, IsReadBackAsPrinted) {
  std::mt19937_64 random(7);
  for (int unit = 0; unit <= static_cast<int>(Unit::kShare); ++unit) {
    const Quantity quantity{.name = "it", .unit = static_cast<Unit>(unit)};
    for (int i = 0; i < 500; ++i) {
      uint64_t value = random() >> (random() % 64);
      if (i % 2 == 0) value -= value % 1000;
      const std::string text = FormatLiteral(quantity, value);
      EXPECT_THAT(ParseLiteral(quantity, text), IsOkAndHolds(value)) << text;
    }
  }
  EXPECT_EQ(FormatLiteral({.name = "rtt", .unit = Unit::kMicroseconds}, 20'000), "20ms");
  EXPECT_EQ(FormatLiteral({.name = "rate", .unit = Unit::kBytesPerSecond}, 1'500'000), "1500kB/s");
  EXPECT_EQ(FormatLiteral({.name = "size", .unit = Unit::kBytes}, 65536), "64KiB");
  EXPECT_EQ(FormatLiteral({.name = "share", .unit = Unit::kShare}, 1'500'000), "1.5%");
}

TEST(Topic, IsEveryRegisteredField) {
  for (const sockets::FieldInfo& info : sockets::AllFields()) {
    if (info.field == sockets::Field::kState) continue;  // a word of its own
    EXPECT_TRUE(FindTopic(info.name).has_value()) << std::string(info.name);
  }
  for (const std::string& name : TopicNames()) EXPECT_TRUE(FindTopic(name).has_value()) << name;
  EXPECT_FALSE(FindTopic("rttt").has_value());
}

}  // namespace
}  // namespace tcpfleet::filter
