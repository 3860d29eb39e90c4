#include "common/sys/rlimit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

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

}  // namespace
}  // namespace tcpfleet::sys
