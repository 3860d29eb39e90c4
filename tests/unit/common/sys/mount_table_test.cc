#include "common/sys/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::sys {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;

auto IsMount(const char* root, const char* point, const char* type) {
  return AllOf(Field(&Mount::root, root), Field(&Mount::point, point), Field(&Mount::type, type));
}

TEST(MountTable, ReadsLinesWithAnyNumberOfOptionalFields) {
  EXPECT_THAT(ParseMounts("22 1 8:1 / / rw - ext4 /dev/root rw\n"
                          "34 25 0:29 / /sys/fs/cgroup rw shared:9 master:1 - cgroup2 none rw\n"
                          "99 22 0:4 net:[4026532206] /run/netns/a\\040b rw - nsfs nsfs rw\n"),
              ElementsAre(IsMount("/", "/", "ext4"), IsMount("/", "/sys/fs/cgroup", "cgroup2"),
                          IsMount("net:[4026532206]", "/run/netns/a b", "nsfs")));
}

TEST(MountTable, LeavesOutWhatIsNoMount) {
  EXPECT_THAT(ParseMounts(""), IsEmpty());
  EXPECT_THAT(ParseMounts("22 1 8:1 / - ext4 /dev/root rw\n22 1 8:1 / / rw -\n-\n\n"), IsEmpty());
}

TEST(MountTable, KeepsBackslashesThatEscapeNothing) {
  EXPECT_THAT(ParseMounts("22 1 8:1 / /a\\09\\1 rw - ext4 x rw"),
              ElementsAre(IsMount("/", "/a\\09\\1", "ext4")));
}

TEST(MountTable, ReadsThisProcessesOwn) {
  EXPECT_THAT(ReadMounts().value(), Not(IsEmpty()));
  EXPECT_THAT(ReadMounts("/nonexistent"), tests::StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::sys
