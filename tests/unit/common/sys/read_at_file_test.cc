#include "common/sys/read_at_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(ReadAtFile, ReadsAnywhereAndSaysWhereTheEndIs) {
  const auto directory = TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory, IsOk());
  const std::string path = directory->path() + "/x";
  ASSERT_THAT(WriteFile(path, "0123456789"), IsOk());
  const auto file = ReadAtFile::Open(path);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->size(), 10u);
  std::string into(4, '\0');
  EXPECT_THAT(file->ReadAt(3, absl::MakeSpan(into)), IsOkAndHolds(4u));
  EXPECT_EQ(into, "3456");
  EXPECT_THAT(file->ReadAt(8, absl::MakeSpan(into)), IsOkAndHolds(2u));
  EXPECT_THAT(file->ReadAt(10, absl::MakeSpan(into)), IsOkAndHolds(0u));
}

TEST(ReadAtFile, RefusesWhatIsNoFile) {
  EXPECT_THAT(ReadAtFile::Open("/dev/null"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ReadAtFile::Open("/"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ReadAtFile::Open("/nonexistent/x"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::sys
