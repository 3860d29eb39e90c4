#include "common/sys/errno_name.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace tcpfleet::sys {
namespace {

TEST(ErrnoName, NamesKnownNumbersAndKeepsOthersVisible) {
  EXPECT_EQ(ErrnoName(ECONNREFUSED), "ECONNREFUSED");
  EXPECT_EQ(ErrnoName(EADDRNOTAVAIL), "EADDRNOTAVAIL");
  EXPECT_EQ(ErrnoName(4242), "errno 4242");
}

TEST(ErrnoStatus, CarriesCodeAndText) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "open x"),
            absl::NotFoundError("open x: No such file or directory"));
  EXPECT_EQ(ErrnoStatus(EACCES, "open x"),
            absl::PermissionDeniedError("open x: Permission denied"));
}

TEST(ErrnoStatus, SurvivesUnknownNumbers) {
  EXPECT_EQ(ErrnoStatus(4242, "open x"), absl::UnknownError("open x: errno 4242"));
}

}  // namespace
}  // namespace tcpfleet::sys
