#include "agent/load/exemplars.h"

#include <gtest/gtest.h>

namespace tcpfleet::agent {
namespace {

constexpr int kNoSocket = -1;

TEST(Exemplars, KeepTheSlowest) {
  Exemplars exemplars(3);
  for (const int64_t response_ns : {5, 90, 10, 70, 80, 3, 60}) {
    // Apart from each other: reading is bounded per time.
    const int64_t now_ns = 1'000'000'000 * response_ns;
    exemplars.Offer({.due_ns = now_ns - response_ns, .start_ns = now_ns - 2}, kNoSocket, now_ns);
  }
  std::vector<SlowOperation> kept = exemplars.Take();
  v1::Progress progress;
  AddSlowest(kept, 2, progress);
  ASSERT_EQ(progress.exemplars_size(), 2);
  EXPECT_EQ(progress.exemplars(0).response_ns(), 90u);
  EXPECT_EQ(progress.exemplars(0).service_ns(), 2u);
  EXPECT_EQ(progress.exemplars(0).due_monotonic_ns(), 90'000'000'000 - 90);
  EXPECT_TRUE(progress.exemplars(0).local().empty());
  EXPECT_EQ(progress.exemplars(1).response_ns(), 80u);
}

TEST(Exemplars, NoneWhenNoneAreAskedFor) {
  Exemplars exemplars(0);
  exemplars.Offer({}, kNoSocket, 100);
  EXPECT_TRUE(exemplars.Take().empty());
}

TEST(Exemplars, LookAtABoundedNumberInAShortTime) {
  Exemplars exemplars(kMostExemplars);
  // Every one is slower than all before.
  for (int64_t i = 0; i < 10'000; ++i) exemplars.Offer({.due_ns = 0, .start_ns = 0}, kNoSocket, i);
  std::vector<SlowOperation> kept = exemplars.Take();
  v1::Progress progress;
  AddSlowest(kept, kMostExemplars, progress);
  EXPECT_EQ(progress.exemplars(0).response_ns(), uint64_t{Exemplars::kMostReads} - 1);
}

TEST(Exemplars, ForgetTheWarmUp) {
  Exemplars exemplars(1);
  exemplars.Offer({.due_ns = 0, .start_ns = 0}, kNoSocket, 1'000);
  exemplars.Clear();
  exemplars.Offer({.due_ns = 1'000, .start_ns = 1'000}, kNoSocket, 1'001);
  const std::vector<SlowOperation> kept = exemplars.Take();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].response_ns, 1);
}

}  // namespace
}  // namespace tcpfleet::agent
