#include "controller/monitor/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;

// Series as hosts make them: of 40 to 400 samples, 1 to 30 s apart give or take a tenth, up to a
// tenth of them missing, levels from 1 to 1e6.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::vector<SeriesSample> Make(const std::string& kind) {
    n_ = Whole(40, 400);
    level_ = std::pow(10, Between(0, 6));
    const double interval = Between(1, 30);
    const double missing = Between(0, 0.1);
    const std::vector<double> values = Values(kind);
    std::vector<SeriesSample> samples;
    for (int i = 0; i < n_; ++i) {
      const double seconds = interval * (i + Between(-0.1, 0.1));
      if (Between(0, 1) >= missing || i == keep_)
        samples.push_back({seconds, level_ * values[static_cast<size_t>(i)]});
    }
    return samples;
  }

 private:
  double Between(double low, double high) {
    return std::uniform_real_distribution<>(low, high)(random_);
  }
  int Whole(int low, int high) { return std::uniform_int_distribution<>(low, high)(random_); }
  double Noise(double deviation) { return std::normal_distribution<>(0, deviation)(random_); }

  // Around a level of 1.
  std::vector<double> Values(const std::string& kind) {
    const double noise = kind == "flat" ? Between(0, 0.02) : Between(0.005, 0.1);
    std::vector<double> values;
    for (int i = 0; i < n_; ++i) values.push_back(1 + Noise(noise));
    const auto at = [&](int i) -> double& { return values[static_cast<size_t>(i)]; };
    if (kind == "rising" || kind == "falling") {
      const double change = Between(6 * noise + 0.5, 4) * (kind == "rising" ? 1 : -1);
      const double begin = kind == "rising" ? 0 : -change;
      for (int i = 0; i < n_; ++i) at(i) += begin + change * i / n_;
    } else if (kind == "step") {
      const double least = 6 * noise + 0.2;
      const double shift = Whole(0, 1) == 0 ? Between(least, 4) : -Between(least, 0.9);
      const int when = Whole(n_ / 5, 4 * n_ / 5);
      for (int i = when; i < n_; ++i) at(i) += shift;
    } else if (kind == "periodic") {
      const double period = Between(6, n_ / 4.0);
      const double height = Between(4 * noise + 0.1, 2);
      const bool is_square = Whole(0, 1) == 0;
      const double phase = Between(0, 1);
      for (int i = 0; i < n_; ++i) {
        const double turn = std::fmod(i / period + phase, 1);
        at(i) += height * (is_square ? (turn < 0.3 ? 1 : 0) : std::sin(2 * M_PI * turn) / 2);
      }
    } else if (kind == "spike") {
      keep_ = Whole(0, n_ - 1);
      at(keep_) += Between(12 * noise + 0.2, 10);
    } else if (kind == "none") {
      const double deviation = Between(0.1, 0.3);
      for (double& value : values) value += Noise(deviation);
    }
    return values;
  }

  std::mt19937 random_;
  int n_ = 0;
  int keep_ = -1;
  double level_ = 1;
};

class GeneratedPattern : public testing::TestWithParam<std::string> {};

TEST_P(GeneratedPattern, IsRecognizedInNinetyFiveOfAHundred) {
  constexpr int kSeeds = 200;
  std::map<std::string, int> found;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    ++found[FindPattern(Generator(seed).Make(GetParam()), 0).kind()];
  }
  EXPECT_GE(found[GetParam()], kSeeds * 95 / 100) << testing::PrintToString(found);
  if (GetParam() == "flat") {
    EXPECT_EQ(found["periodic"], 0);
  }
}

INSTANTIATE_TEST_SUITE_P(, GeneratedPattern,
                         testing::Values("rising", "falling", "step", "periodic", "spike", "flat",
                                         "none"),
                         [](const auto& kind) { return kind.param; });

std::vector<SeriesSample> EverySecond(const std::vector<double>& values) {
  std::vector<SeriesSample> samples;
  for (const double value : values) samples.push_back({static_cast<double>(samples.size()), value});
  return samples;
}

TEST(Pattern, SaysTheNumbersThatMakeItSo) {
  std::vector<double> ramp;
  std::vector<double> step;
  std::vector<double> wave;
  std::vector<double> spike(50, 10.0);
  spike[20] = 90;
  for (int i = 0; i < 60; ++i) {
    ramp.push_back(100 + 3 * i);
    step.push_back(i < 25 ? 10 : 40);
    wave.push_back(i % 10 == 0 ? 8 : 0);
  }
  const v1::SeriesPattern rising = FindPattern(EverySecond(ramp), 0);
  EXPECT_EQ(rising.kind(), "rising");
  EXPECT_NEAR(rising.slope_per_second(), 3, 1e-9);
  EXPECT_NEAR(rising.deviation(), 0, 1e-9);
  EXPECT_EQ(rising.seconds(), 59);

  const v1::SeriesPattern stepped = FindPattern(EverySecond(step), 0);
  EXPECT_EQ(stepped.kind(), "step");
  EXPECT_EQ(stepped.shift(), 30);
  EXPECT_EQ(stepped.at_seconds(), 25);

  const v1::SeriesPattern periodic = FindPattern(EverySecond(wave), 0);
  EXPECT_EQ(periodic.kind(), "periodic") << periodic.why();
  EXPECT_EQ(periodic.period_seconds(), 10);
  EXPECT_EQ(periodic.height(), 8);
  EXPECT_NEAR(periodic.correlation(), 1, 0.05);

  const v1::SeriesPattern spiked = FindPattern(EverySecond(spike), 0);
  EXPECT_EQ(spiked.kind(), "spike");
  EXPECT_EQ(spiked.height(), 80);
  EXPECT_EQ(spiked.at_seconds(), 20);
  EXPECT_THAT(spiked.why(), HasSubstr("90 after 20 s"));
}

TEST(Pattern, SlopeIsPerSecondHoweverTheSamplesLie) {
  std::vector<SeriesSample> samples;
  double seconds = 0;
  for (int i = 0; i < 60; ++i) {
    seconds += i % 7 == 0 ? 90 : 5;
    samples.push_back({seconds, 1000 + 2 * seconds});
  }
  const v1::SeriesPattern pattern = FindPattern(samples, 0);
  EXPECT_EQ(pattern.kind(), "rising");
  EXPECT_NEAR(pattern.slope_per_second(), 2, 1e-9);
}

TEST(Pattern, FindsAPeriodAcrossGaps) {
  std::vector<SeriesSample> samples;
  for (int i = 0; i < 120; ++i) {
    if (i % 17 < 3) continue;
    samples.push_back({5.0 * i, 100 + 50 * std::sin(2 * M_PI * i / 12)});
  }
  const v1::SeriesPattern pattern = FindPattern(samples, 0);
  EXPECT_EQ(pattern.kind(), "periodic") << pattern.why();
  EXPECT_EQ(pattern.period_seconds(), 60);
}

TEST(Pattern, OfConstantsIsFlat) {
  for (const double value : {0.0, 5.0, -3.0, 1e300, 1e-300}) {
    EXPECT_EQ(FindPattern(EverySecond(std::vector<double>(100, value)), 0).kind(), "flat") << value;
  }
}

TEST(Pattern, TwoValuesAreNotAPeriod) {
  std::vector<double> values(100, 7);
  values[40] = 8;
  values[41] = 8;
  EXPECT_NE(FindPattern(EverySecond(values), 0).kind(), "periodic");
  EXPECT_EQ(FindPattern(EverySecond(values), 1).kind(), "flat");
}

TEST(Pattern, LeastChangeIsNoPattern) {
  std::vector<double> ramp;
  for (int i = 0; i < 60; ++i) ramp.push_back(0.1 * i);
  EXPECT_EQ(FindPattern(EverySecond(ramp), 0).kind(), "rising");
  EXPECT_EQ(FindPattern(EverySecond(ramp), 10).kind(), "flat");
}

TEST(Pattern, OfFewSamplesIsUnknown) {
  EXPECT_EQ(FindPattern({}, 0).kind(), "unknown");
  const v1::SeriesPattern pattern = FindPattern(EverySecond(std::vector<double>(19, 1)), 0);
  EXPECT_EQ(pattern.kind(), "unknown");
  EXPECT_EQ(pattern.why(), "19 of the 20 samples it takes to tell");
  EXPECT_FALSE(pattern.has_median());
}

TEST(Pattern, LeavesOutWhatIsNoNumberAndNoTime) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  std::vector<SeriesSample> samples = EverySecond(std::vector<double>(50, 5));
  samples.insert(samples.begin() + 10, {{9.5, kNan}, {9.6, kInfinite}, {kNan, 3}, {kInfinite, 3}});
  samples.insert(samples.begin() + 30, {{2, 1000}, {29 - 4, 1000}});
  const v1::SeriesPattern pattern = FindPattern(samples, 0);
  EXPECT_EQ(pattern.kind(), "flat") << pattern.why();
  EXPECT_EQ(pattern.samples(), 50u);
}

TEST(Pattern, OfHostileNumbersIsFinite) {
  constexpr double kExtremes[] = {1e300, -1e300, 0, 5e-324, 1, 1e-300, 1.7e308, -1.7e308};
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::vector<SeriesSample> samples;
    double seconds = -1e308;
    for (int i = 0; i < 60; ++i) {
      seconds += seed % 3 == 0 ? 1e307 : kExtremes[random() % 8] / 1e10;
      samples.push_back({seed % 5 == 0 ? i * 1e-310 : seconds, kExtremes[random() % 8]});
    }
    const v1::SeriesPattern pattern = FindPattern(samples, 0);
    EXPECT_FALSE(pattern.kind().empty());
    for (const double number : {pattern.slope_per_second(), pattern.correlation(),
                                pattern.period_seconds(), pattern.at_seconds()}) {
      EXPECT_TRUE(std::isfinite(number)) << pattern.ShortDebugString();
    }
  }
}

TEST(Pattern, LooksAtTheLatestSamplesOfMany) {
  std::vector<double> values(20'000, 1);
  for (size_t i = 0; i < values.size(); ++i) values[i] = i < 15'000 ? 1 : 50;
  const v1::SeriesPattern pattern = FindPattern(EverySecond(values), 0);
  EXPECT_EQ(pattern.samples(), kMostPatternSamples);
  EXPECT_EQ(pattern.kind(), "flat");
}

}  // namespace
}  // namespace tcpfleet::controller
