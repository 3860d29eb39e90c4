#include "agent/sockets/cgroup_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/unit/agent/sockets/proc_tree.h"

namespace tcpfleet::agent {
namespace {

using ::testing::IsNull;
using ::testing::Pointee;

constexpr uint64_t kNobody = ~uint64_t{0};

class CgroupPathsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Mount("cgroup2");
    Add("/system.slice/nginx.service");
  }
  void Mount(const std::string& type) {
    std::filesystem::create_directories(tree_.root() + "/cg roup");
    tree_.Write(mountinfo_,
                absl::StrCat("21 1 8:1 / / rw - ext4 /dev/root rw\n34 25 0:29 / ", tree_.root(),
                             "/cg\\040roup rw,nosuid shared:9 - ", type, " none rw\n"));
  }
  uint64_t Add(const std::string& path) {
    std::filesystem::create_directories(tree_.root() + "/cg roup" + path);
    return Id(path);
  }
  uint64_t Id(const std::string& path) const {
    struct stat status {};
    EXPECT_EQ(::stat((tree_.root() + "/cg roup" + path).c_str(), &status), 0);
    return status.st_ino;
  }

  StepClock clock_;
  ProcTree tree_;
  const std::string mountinfo_ = tree_.root() + "/mountinfo";
  CgroupPaths paths_{&clock_, mountinfo_};
};

TEST_F(CgroupPathsTest, FindsPathsBelowTheMount) {
  EXPECT_THAT(paths_.Find(Id("/system.slice/nginx.service")),
              Pointee(std::string("/system.slice/nginx.service")));
  EXPECT_THAT(paths_.Find(Id("/system.slice")), Pointee(std::string("/system.slice")));
  EXPECT_THAT(paths_.Find(Id("")), Pointee(std::string("/")));
}

TEST_F(CgroupPathsTest, FindsNewCgroupsAfterASecond) {
  paths_.Find(Id(""));
  const uint64_t late = Add("/late");
  EXPECT_THAT(paths_.Find(late), IsNull());
  clock_.Advance(absl::Milliseconds(1001));
  EXPECT_THAT(paths_.Find(late), Pointee(std::string("/late")));
}

TEST_F(CgroupPathsTest, SharesOneStringPerCgroup) {
  const auto first = paths_.Find(Id("/system.slice"));
  clock_.Advance(absl::Seconds(5));
  paths_.Find(kNobody);  // walks anew
  EXPECT_EQ(paths_.Find(Id("/system.slice")), first);
}

TEST_F(CgroupPathsTest, AsksOnceForAnIdThatIsNowhere) {
  EXPECT_THAT(paths_.Find(kNobody), IsNull());
  clock_.Advance(absl::Hours(1));
  const int looks = clock_.looks();
  EXPECT_THAT(paths_.Find(kNobody), IsNull());
  EXPECT_EQ(clock_.looks(), looks);
}

TEST_F(CgroupPathsTest, PausesLongerAfterAWalkThatTookLong) {
  clock_.SetStep(absl::Seconds(1));  // of each walk
  paths_.Find(Id(""));
  const uint64_t late = Add("/late");
  clock_.SetStep(absl::ZeroDuration());
  clock_.Advance(absl::Seconds(19));
  EXPECT_THAT(paths_.Find(late), IsNull());
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(paths_.Find(late), Pointee(std::string("/late")));
}

TEST_F(CgroupPathsTest, MasksNamesThatAreNoText) {
  EXPECT_THAT(paths_.Find(Add("/a\nb\xc3")), Pointee(std::string("/a?b?")));
}

TEST_F(CgroupPathsTest, KnowsNothingWithoutACgroup2Mount) {
  Mount("cgroup");
  EXPECT_THAT(paths_.Find(Id("")), IsNull());
  EXPECT_EQ(CgroupPaths::Describe(mountinfo_).level(), v1::Collector::LEVEL_UNAVAILABLE);
  EXPECT_EQ(CgroupPaths::Describe(mountinfo_).detail(), "cgroup2 is not mounted");
}

}  // namespace
}  // namespace tcpfleet::agent
