#include "common/sys/durable_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::IsOk;
using tests::IsOkAndHolds;
using tests::StatusIs;
using File = DurableDirectory::File;

class DurableDirectoryTest : public testing::Test {
 protected:
  DurableDirectory Open(BeforeStep before_step = nullptr) {
    return *DurableDirectory::Open(path(), std::move(before_step));
  }
  std::string path() const { return directory_.path(); }

  TemporaryDirectory directory_ = *TemporaryDirectory::Create("tcpfleet-test");
};

TEST_F(DurableDirectoryTest, ReplacesFilesWithTheirMode) {
  const DurableDirectory directory = Open();
  EXPECT_THAT(directory.Read("x", 10), IsOkAndHolds(std::nullopt));
  ASSERT_THAT(directory.Replace("x", {"one", 0644}), IsOk());
  ASSERT_THAT(directory.Replace("x", {"two", 0640}), IsOk());
  EXPECT_THAT(directory.Read("x", 10), IsOkAndHolds(File{"two", 0640}));
  EXPECT_THAT(directory.Read("x", 2), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(directory.Names(9), IsOkAndHolds(ElementsAre("x")));
  ASSERT_THAT(directory.Remove("x"), IsOk());
  EXPECT_THAT(directory.Remove("x"), IsOk());
  EXPECT_THAT(directory.Names(9), IsOkAndHolds(IsEmpty()));
}

TEST_F(DurableDirectoryTest, TouchesNothingBeyondItself) {
  const DurableDirectory directory = Open();
  for (const std::string name : {"", ".", "..", "../x", "a/b", "/etc/passwd"}) {
    EXPECT_THAT(directory.Replace(name, {"x", 0600}), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(directory.Read(name, 10), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(directory.Remove(name), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  const TemporaryDirectory elsewhere = *TemporaryDirectory::Create("tcpfleet-test");
  ASSERT_THAT(WriteFile(elsewhere.path() + "/target", "kept"), IsOk());
  fs::create_symlink(elsewhere.path() + "/target", path() + "/link");
  EXPECT_THAT(directory.Read("link", 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is a symbolic link")));
  ASSERT_THAT(directory.Replace("link", {"new", 0600}), IsOk());
  EXPECT_THAT(ReadFile(elsewhere.path() + "/target"), IsOkAndHolds("kept"));
}

TEST_F(DurableDirectoryTest, RefusesWhatIsNoRegularFile) {
  ASSERT_EQ(::mkfifo((path() + "/fifo").c_str(), 0600), 0);
  EXPECT_THAT(Open().Read("fifo", 10),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("is no regular file")));
}

TEST_F(DurableDirectoryTest, KeepsTheOldFileWhenAStepBeforeTheRenameFails) {
  ASSERT_THAT(Open().Replace("x", {"old", 0600}), IsOk());
  std::vector<std::string> steps;
  std::string failing;
  const DurableDirectory directory = Open([&](absl::string_view step) {
    steps.emplace_back(step.substr(0, step.find(' ')));
    return steps.back() == failing ? absl::UnavailableError("disk") : absl::OkStatus();
  });
  for (const char* step : {"create", "write", "chmod", "fsync", "rename"}) {
    failing = step;
    EXPECT_THAT(directory.Replace("x", {"new", 0600}), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(directory.Read("x", 10), IsOkAndHolds(File{"old", 0600}));
    EXPECT_THAT(directory.Names(9), IsOkAndHolds(ElementsAre("x")));
  }
  failing.clear();
  steps.clear();
  ASSERT_THAT(directory.Replace("x", {"new", 0600}), IsOk());
  EXPECT_THAT(steps, ElementsAre("create", "write", "chmod", "fsync", "rename", "fsync"));
}

TEST_F(DurableDirectoryTest, RemovesWhatACrashLeft) {
  ASSERT_THAT(WriteFile(path() + "/.x.tmp", "half"), IsOk());
  ASSERT_THAT(Open().RemoveUnfinished("x"), IsOk());
  EXPECT_THAT(Open().RemoveUnfinished("x"), IsOk());
  EXPECT_THAT(Open().Names(9), IsOkAndHolds(IsEmpty()));
}

TEST_F(DurableDirectoryTest, MakesAndRemovesPrivateDirectories) {
  const DurableDirectory directory = Open();
  const auto inner = directory.Make("d");
  ASSERT_THAT(inner, IsOk());
  ASSERT_THAT(directory.Make("d"), IsOk());
  ASSERT_THAT(inner->Replace("x", {"1", 0600}), IsOk());
  EXPECT_EQ(fs::status(path() + "/d").permissions(), fs::perms::owner_all);
  EXPECT_THAT(directory.RemoveDirectory("d"), IsOk());
  EXPECT_THAT(directory.RemoveDirectory("d"), IsOk());
  EXPECT_THAT(directory.Inner("d"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DurableDirectoryTest, CountsRoomAndEntries) {
  ASSERT_THAT(Open().Replace("x", {"1", 0600}), IsOk());
  ASSERT_THAT(Open().Replace("y", {"1", 0600}), IsOk());
  EXPECT_THAT(Open().Names(1), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_GT(Open().FreeBytes().value_or(0), 0u);
}

TEST_F(DurableDirectoryTest, WritesOnceWhatIsThereAlready) {
  EXPECT_THAT(WriteOnce(path() + "/x", "1\n"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(WriteFile(path() + "/x", "a longer text"), IsOk());
  ASSERT_THAT(WriteOnce(path() + "/x", "1\n"), IsOk());
  EXPECT_THAT(ReadFile(path() + "/x"), IsOkAndHolds("1\n"));
}

}  // namespace
}  // namespace tcpfleet::sys
