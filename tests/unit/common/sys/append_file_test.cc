#include "common/sys/append_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using testing::HasSubstr;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;
using Existing = AppendFile::Existing;

class AppendFileTest : public testing::Test {
 protected:
  absl::StatusOr<TemporaryDirectory> directory_ = TemporaryDirectory::Create("tcpfleet-test");
  const std::string path_ = directory_->path() + "/x";
};

TEST_F(AppendFileTest, GrowsAndIsPrivate) {
  auto file = AppendFile::Create(path_, Existing::kRefuse);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT(file->Append("one"), IsOk());
  ASSERT_THAT(file->Append("two"), IsOk());
  EXPECT_THAT(file->Sync(), IsOk());
  EXPECT_EQ(file->size(), 6u);
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("onetwo"));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(AppendFileTest, RefusesWhatIsThereUnlessItIsToBeReplaced) {
  ASSERT_THAT(WriteFile(path_, "precious"), IsOk());
  EXPECT_THAT(AppendFile::Create(path_, Existing::kRefuse),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("exists already")));
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("precious"));
  ASSERT_THAT(AppendFile::Create(path_, Existing::kReplace), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds(""));
}

TEST_F(AppendFileTest, HasOneWriterAtATime) {
  {
    auto first = AppendFile::Create(path_, Existing::kRefuse);
    ASSERT_THAT(first, IsOk());
    ASSERT_THAT(first->Append("kept"), IsOk());
    EXPECT_THAT(AppendFile::Create(path_, Existing::kReplace),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("somebody else")));
    EXPECT_THAT(ReadFile(path_), IsOkAndHolds("kept"));
  }
  EXPECT_THAT(AppendFile::Create(path_, Existing::kReplace), IsOk());
}

TEST_F(AppendFileTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(AppendFile::Create("/dev/null", Existing::kReplace),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  EXPECT_FALSE(AppendFile::Create(directory_->path(), Existing::kReplace).ok());
  EXPECT_FALSE(AppendFile::Create("/nonexistent/x", Existing::kRefuse).ok());
}

TEST_F(AppendFileTest, CutsOffWhatDidNotFit) {
  const auto signal_before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto file = AppendFile::Create(path_, Existing::kRefuse);
  ASSERT_THAT(file, IsOk());
  const rlimit small{.rlim_cur = 5, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status fits = file->Append("abc");
  const absl::Status too_long = file->Append("defg");
  const absl::Status fits_again = file->Append("hi");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  (void)std::signal(SIGXFSZ, signal_before);
  EXPECT_THAT(fits, IsOk());
  EXPECT_FALSE(too_long.ok());
  EXPECT_THAT(fits_again, IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("abchi"));
}

TEST_F(AppendFileTest, GrowsAtTheEndOfWhatIsThere) {
  ASSERT_THAT(WriteFile(path_, "one"), IsOk());
  auto file = AppendFile::Create(path_, Existing::kExtend);
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->size(), 3u);
  ASSERT_THAT(file->Append("two"), IsOk());
  ASSERT_THAT(file->CutTo(4), IsOk());
  ASSERT_THAT(file->Append("!"), IsOk());
  EXPECT_THAT(ReadFile(path_), IsOkAndHolds("onet!"));
}

}  // namespace
}  // namespace tcpfleet::sys
