#include "controller/campaign/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tcpfleet::controller {
namespace {

TEST(Statistics, MedianIsTheMiddle) {
  EXPECT_EQ(Median({3, 1, 2}), 2);
  EXPECT_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(Median({7}), 7);
}

TEST(Statistics, VariationIsTheStandardDeviationInPercentOfTheMean) {
  // Deviations -2, 0, 2: variance 4.
  EXPECT_DOUBLE_EQ(*VariationPercent({8.0, 10.0, 12.0}), 20);
  EXPECT_FALSE(VariationPercent({8.0}).has_value());
  EXPECT_FALSE(VariationPercent({-1.0, 1.0}).has_value());
}

TEST(Statistics, MedianIntervalIsTheSignTestsOne) {
  // Tables of the sign test: n = 7 takes the extremes (98.4 %), n = 10 the second and ninth (97.9
  // %).
  const auto seven = MedianInterval({1, 2, 3, 4, 5, 6, 7});
  ASSERT_TRUE(seven.has_value());
  EXPECT_EQ(seven->low, 1);
  EXPECT_EQ(seven->high, 7);
  EXPECT_NEAR(seven->confidence_percent, 98.4375, 1e-9);
  const auto ten = MedianInterval({10, 9, 8, 7, 6, 5, 4, 3, 2, 1});
  ASSERT_TRUE(ten.has_value());
  EXPECT_EQ(ten->low, 2);
  EXPECT_EQ(ten->high, 9);
  EXPECT_NEAR(ten->confidence_percent, 97.8515625, 1e-9);
}

TEST(Statistics, FiveValuesAreTooFewForAMedianInterval) {
  EXPECT_FALSE(MedianInterval({1, 2, 3, 4, 5}).has_value());
  EXPECT_TRUE(MedianInterval({1, 2, 3, 4, 5, 6}).has_value());
}

TEST(Statistics, StudentsQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(StudentQuantile(0.975, 1), 12.7062, 1e-3);
  EXPECT_NEAR(StudentQuantile(0.975, 4), 2.77645, 1e-4);
  EXPECT_NEAR(StudentQuantile(0.975, 30), 2.04227, 1e-4);
  EXPECT_NEAR(StudentQuantile(0.95, 10), 1.81246, 1e-4);
  EXPECT_NEAR(StudentQuantile(0.975, 1e6), 1.95997, 1e-4);
  EXPECT_NEAR(StudentCdf(-2.77645, 4), 0.025, 1e-5);
}

TEST(Statistics, RatioIntervalIsWelchsOnLogarithms) {
  // Logarithms 0, 1, 2 and 1, 2, 3: difference 1, variances 1, both shares 1/3, 4 degrees of
  // freedom: 1 +- 2.77645 * sqrt(2/3).
  const double e = std::exp(1.0);
  const auto interval = RatioInterval({1.0, e, e * e}, {e, e * e, e * e * e});
  ASSERT_TRUE(interval.has_value());
  EXPECT_NEAR(std::log(interval->low), 1 - 2.26696, 1e-4);
  EXPECT_NEAR(std::log(interval->high), 1 + 2.26696, 1e-4);
}

TEST(Statistics, RatioIntervalNeedsTwoPositiveValuesOfEach) {
  EXPECT_FALSE(RatioInterval({1.0}, {1.0, 2.0}).has_value());
  EXPECT_FALSE(RatioInterval({1.0, 0.0}, {1.0, 2.0}).has_value());
  const auto constant = RatioInterval({2.0, 2.0}, {3.0, 3.0});
  ASSERT_TRUE(constant.has_value());
  EXPECT_NEAR(constant->low, 1.5, 1e-12);
  EXPECT_NEAR(constant->high, 1.5, 1e-12);
}

}  // namespace
}  // namespace tcpfleet::controller
