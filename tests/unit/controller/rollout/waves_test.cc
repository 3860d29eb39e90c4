#include "controller/rollout/waves.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using tests::IsOkAndHolds;
using tests::StatusIs;

const std::vector<std::string> kUsual = {"10%", "50%", "100%"};

TEST(WaveSizes, CanaryComesFirstAndSharesAreOfAllHosts) {
  EXPECT_THAT(WaveSizes(40, 1, kUsual), IsOkAndHolds(ElementsAre(1, 3, 16, 20)));
  EXPECT_THAT(WaveSizes(40, 0, kUsual), IsOkAndHolds(ElementsAre(4, 16, 20)));
}

TEST(WaveSizes, EmptyWavesAreLeftOut) {
  EXPECT_THAT(WaveSizes(1, 1, kUsual), IsOkAndHolds(ElementsAre(1)));
  EXPECT_THAT(WaveSizes(2, 1, kUsual), IsOkAndHolds(ElementsAre(1, 1)));
  EXPECT_THAT(WaveSizes(3, 5, kUsual), IsOkAndHolds(ElementsAre(3)));
  EXPECT_THAT(WaveSizes(0, 1, kUsual), IsOkAndHolds(IsEmpty()));
}

TEST(WaveSizes, TakesNumbersOfHostsToo) {
  EXPECT_THAT(WaveSizes(20, 1, {"5", "100%"}), IsOkAndHolds(ElementsAre(1, 4, 15)));
  EXPECT_THAT(WaveSizes(20, 0, {"50"}), IsOkAndHolds(ElementsAre(20)));
}

TEST(WaveSizes, EveryHostIsInOneWave) {
  for (size_t hosts = 0; hosts < 300; ++hosts) {
    for (uint32_t canary : {0u, 1u, 7u}) {
      const auto sizes = WaveSizes(hosts, canary, {"1%", "10%", "33.3%", "100%"});
      ASSERT_TRUE(sizes.ok()) << sizes.status();
      EXPECT_EQ(std::accumulate(sizes->begin(), sizes->end(), size_t{0}), hosts);
      EXPECT_THAT(*sizes, Each(Gt(0u)));
    }
  }
}

TEST(WaveSizes, RefusesWhatIsNoBatch) {
  for (const char* batch : {"", "x", "10 %%", "0", "0%", "101%", "-5", "-5%", "nan%", "1e999%"}) {
    EXPECT_THAT(WaveSizes(10, 1, {batch, "100%"}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("neither a share")))
        << batch;
  }
  EXPECT_THAT(
      WaveSizes(10, 1, {"50%", "10%", "100%"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("less than the batch before")));
  EXPECT_THAT(WaveSizes(10, 1, {"10%", "50%"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leaves 5 of 10 hosts out")));
  EXPECT_THAT(WaveSizes(10, 1, std::vector<std::string>(kMostBatches + 1, "100%")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too many")));
}

}  // namespace
}  // namespace tcpfleet::controller
