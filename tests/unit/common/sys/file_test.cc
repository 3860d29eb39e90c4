#include "common/sys/file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;

TEST(File, ReadsBackWhatWasWritten) {
  const auto directory = TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory, IsOk());
  const std::string path = directory->path() + "/x";
  const std::string content(100'000, 'a');
  ASSERT_THAT(WriteFile(path, content), IsOk());
  EXPECT_THAT(ReadFile(path), IsOkAndHolds(content));
  ASSERT_THAT(WriteFile(path, "short"), IsOk());
  EXPECT_THAT(ReadFile(path), IsOkAndHolds("short"));
}

TEST(File, ReadsProcFilesWhoseSizeIsSaidToBeZero) {
  EXPECT_THAT(ReadFile("/proc/self/status"), IsOkAndHolds(HasSubstr("Name:")));
}

TEST(File, RefusesContentAboveTheBound) {
  const auto directory = TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(directory, IsOk());
  const std::string path = directory->path() + "/x";
  ASSERT_THAT(WriteFile(path, "12345"), IsOk());
  EXPECT_THAT(ReadFile(path, 5), IsOkAndHolds("12345"));
  EXPECT_THAT(ReadFile(path, 4), StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(path)));
}

TEST(File, NamesThePathThatIsMissing) {
  EXPECT_EQ(ReadFile("/nonexistent/x").status(),
            absl::NotFoundError("open /nonexistent/x: No such file or directory"));
  EXPECT_THAT(WriteFile("/nonexistent/x", ""),
              StatusIs(absl::StatusCode::kNotFound, StartsWith("open /nonexistent/x")));
}

TEST(TemporaryDirectory, IsPrivateAndVanishesWithItsContent) {
  std::string path;
  {
    auto directory = TemporaryDirectory::Create("tcpfleet-test");
    ASSERT_THAT(directory, IsOk());
    path = directory->path();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0700u);
    ASSERT_THAT(WriteFile(path + "/x", "content"), IsOk());
    const TemporaryDirectory moved = *std::move(directory);
    EXPECT_TRUE(std::filesystem::exists(path));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace tcpfleet::sys
