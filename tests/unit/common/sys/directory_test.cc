#include "common/sys/directory.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <set>
#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using tests::IsOkAndHolds;
using tests::StatusIs;

class DirectoryTest : public ::testing::Test {
 protected:
  const TemporaryDirectory root_ = TemporaryDirectory::Create("tcpfleet-directory").value();
};

TEST_F(DirectoryTest, ListsItsEntries) {
  std::filesystem::create_directory(root_.path() + "/sub");
  ASSERT_TRUE(WriteFile(root_.path() + "/file", "content").ok());
  Directory directory = Directory::Open(root_.path()).value();
  std::set<std::pair<std::string, bool>> entries;
  Directory::Entry entry{};
  while (directory.Next(entry)) entries.emplace(entry.name, entry.is_directory);
  EXPECT_THAT(entries, ElementsAre(Pair("file", false), Pair("sub", true)));
}

TEST_F(DirectoryTest, ReadsLinksCutToTheBuffer) {
  std::filesystem::create_symlink("socket:[123]", root_.path() + "/3");
  const Directory directory = Directory::Open(root_.path()).value();
  std::array<char, 6> small;
  std::array<char, 64> large;
  EXPECT_THAT(directory.ReadLink("3", absl::MakeSpan(small)), IsOkAndHolds("socket"));
  EXPECT_THAT(directory.ReadLink("3", absl::MakeSpan(large)), IsOkAndHolds("socket:[123]"));
  EXPECT_THAT(directory.ReadLink("4", absl::MakeSpan(large)),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DirectoryTest, ReadsTheStartOfAFile) {
  ASSERT_TRUE(WriteFile(root_.path() + "/file", "content").ok());
  const Directory directory = Directory::Open(root_.path()).value();
  EXPECT_THAT(directory.ReadStart("file", 100), IsOkAndHolds("content"));
  EXPECT_THAT(directory.ReadStart("file", 3), IsOkAndHolds("con"));
  EXPECT_THAT(directory.ReadStart("none", 3), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DirectoryTest, TellsTheSizeOfWhatAPathLeadsTo) {
  ASSERT_TRUE(WriteFile(root_.path() + "/file", "content").ok());
  const Directory directory = Directory::Open(root_.path()).value();
  EXPECT_THAT(directory.SizeOf("file"), IsOkAndHolds(7u));
  EXPECT_THAT(directory.SizeOf("none"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DirectoryTest, StaysWithADirectoryThatWasReplaced) {
  const std::string path = root_.path() + "/sub";
  std::filesystem::create_directory(path);
  const Directory directory = Directory::Open(path).value();
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_THAT(directory.Inode(), IsOkAndHolds(status.st_ino));
  std::filesystem::rename(path, root_.path() + "/old");
  std::filesystem::create_directory(path);
  ASSERT_TRUE(WriteFile(path + "/file", "new").ok());
  EXPECT_THAT(directory.ReadStart("file", 3), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DirectoryTest, SaysWhatItCouldNotOpen) {
  EXPECT_THAT(Directory::Open(root_.path() + "/none"), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::sys
