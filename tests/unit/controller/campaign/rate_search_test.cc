#include "controller/campaign/rate_search.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace tcpfleet::controller {
namespace {

constexpr int kRuns = 25;

struct Searched {
  FoundRate found;
  int runs = 0;
};

Searched Search(double first, const std::function<std::optional<bool>(double, bool)>& holds) {
  Searched searched;
  RateSearch search(
      [&](double rate, bool confirms) {
        ++searched.runs;
        return holds(rate, confirms);
      },
      kRuns);
  searched.found = search.Run(first);
  return searched;
}

TEST(RateSearch, FindsTheKneeWithinItsPrecisionFromAnywhere) {
  for (const double knee : {1.5, 37.0, 999.0, 24'100.0, 3'300'000.0}) {
    for (const double factor : {0.02, 0.3, 0.99, 1.0, 1.7, 20.0}) {
      const Searched searched =
          Search(knee * factor, [&](double rate, bool) { return rate <= knee; });
      EXPECT_LE(searched.found.held, knee) << "knee " << knee << " from " << factor;
      EXPECT_GT(searched.found.refuted, knee);
      EXPECT_LE(searched.found.refuted / searched.found.held, 1 + RateSearch::kPrecision + 1e-9);
      EXPECT_FALSE(searched.found.exhausted);
      EXPECT_LE(searched.runs, kRuns);
    }
  }
}

TEST(RateSearch, SaysThatNoRateHolds) {
  const Searched searched = Search(10'000, [](double, bool) { return false; });
  EXPECT_EQ(searched.found.held, 0);
  EXPECT_EQ(searched.found.refuted, RateSearch::kLeastRate);
}

TEST(RateSearch, EndsAtTheHighestRateWhenAllHold) {
  const Searched searched = Search(1e8, [](double, bool) { return true; });
  EXPECT_EQ(searched.found.held, RateSearch::kMostRate);
  EXPECT_EQ(searched.found.refuted, 0);
}

TEST(RateSearch, IsNotFooledByOneFailureOnTheWay) {
  int run = 0;
  const Searched searched =
      Search(1'000, [&](double rate, bool) { return ++run != 3 && rate <= 50'000; });
  EXPECT_GT(searched.found.held, 45'000);
  EXPECT_LE(searched.found.held, 50'000);
}

TEST(RateSearch, DoesNotKeepARateThatHeldByChance) {
  // Short runs hold above the knee too; those that confirm do not.
  const Searched searched = Search(
      1'000, [&](double rate, bool confirms) { return rate <= (confirms ? 10'000 : 12'000); });
  EXPECT_GT(searched.found.held, 0);
  EXPECT_LE(searched.found.held, 10'000);
}

TEST(RateSearch, StaysNearANoisyKneeAndWithinItsRuns) {
  int near = 0;
  constexpr int kSearches = 200;
  for (int seed = 0; seed < kSearches; ++seed) {
    std::mt19937 random(static_cast<uint32_t>(seed));
    std::normal_distribution<double> noise(1, 0.03);
    const Searched searched =
        Search(700, [&](double rate, bool) { return rate <= 20'000 * noise(random); });
    EXPECT_LE(searched.runs, kRuns);
    near += searched.found.held > 17'000 && searched.found.held < 22'000 ? 1 : 0;
  }
  EXPECT_GE(near, kSearches * 95 / 100);
}

TEST(RateSearch, SaysThatItsRunsWereNotEnough) {
  RateSearch search([](double rate, bool) { return rate < 1e6; }, 4);
  const FoundRate found = search.Run(1);
  EXPECT_TRUE(found.exhausted);
  EXPECT_GT(found.held, 0);
}

TEST(RateSearch, EndsWhenThereMustBeNoOtherRun) {
  int runs = 0;
  const Searched searched = Search(100, [&](double, bool) -> std::optional<bool> {
    if (++runs == 3) return std::nullopt;
    return true;
  });
  EXPECT_EQ(searched.runs, 3);
  EXPECT_FALSE(searched.found.exhausted);
}

}  // namespace
}  // namespace tcpfleet::controller
