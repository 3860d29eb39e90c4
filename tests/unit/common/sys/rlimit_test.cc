#include "common/sys/rlimit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOkAndHolds;

TEST(OpenFileLimit, IsRaisedFromTheSoftToTheHardLimit) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit lowered = before;
  lowered.rlim_cur = 64;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lowered), 0);
  EXPECT_THAT(OpenFileLimit(), IsOkAndHolds(64u));
  EXPECT_THAT(RaiseOpenFileLimit(), IsOkAndHolds(before.rlim_max));
  EXPECT_THAT(OpenFileLimit(), IsOkAndHolds(before.rlim_max));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(FileLimitsOf, TellsThoseOfAProcess) {
  rlimit own{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &own), 0);
  const absl::StatusOr<FileLimits> limits = FileLimitsOf(static_cast<uint32_t>(::getpid()));
  ASSERT_TRUE(limits.ok()) << limits.status();
  EXPECT_EQ(limits->soft, own.rlim_cur);
  EXPECT_EQ(limits->hard, own.rlim_max);
  EXPECT_EQ(FileLimitsOf(5'000'001).status().message(), "prlimit RLIMIT_NOFILE: No such process");
}

}  // namespace
}  // namespace tcpfleet::sys
