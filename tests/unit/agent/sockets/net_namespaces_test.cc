#include "agent/sockets/net_namespaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/proc_tree.h"

namespace tcpfleet::agent {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

class NetNamespacesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(proc_.root() + "/thread-self/ns");
    std::filesystem::create_directories(proc_.root() + "/self");
    std::filesystem::create_symlink("net:[500]", proc_.root() + "/thread-self/ns/net");
    AddProcessIn(1, 500);
  }
  void AddProcessIn(uint32_t pid, uint64_t inode) {
    proc_.AddProcess(pid, "p");
    proc_.AddLink(pid, "ns/net", absl::StrCat("net:[", inode, "]"));
  }
  std::vector<uint64_t> Inodes() {
    std::vector<uint64_t> inodes;
    for (const NetNamespaces::Member& member : namespaces_.members()) {
      inodes.push_back(member.inode);
    }
    return inodes;
  }
  std::vector<uint64_t> Refreshed() {
    EXPECT_THAT(namespaces_.Refresh(absl::ZeroDuration()), IsOk());
    return Inodes();
  }

  StepClock clock_;
  ProcTree proc_;
  std::vector<std::string> opened_;
  std::set<uint64_t> refused_;
  NetNamespaces namespaces_{
      &clock_, proc_.root(),
      [this](const std::string& path, uint64_t inode) -> absl::StatusOr<netlink::NetlinkSocket> {
        opened_.push_back(path);
        if (refused_.count(inode) != 0) return absl::PermissionDeniedError("setns");
        return netlink::NetlinkSocket::Open(NETLINK_SOCK_DIAG);
      }};
};

TEST_F(NetNamespacesTest, HasTheOwnOneFirst) {
  AddProcessIn(10, 700);
  AddProcessIn(11, 300);
  AddProcessIn(12, 700);
  EXPECT_THAT(Refreshed(), ElementsAre(500, 300, 700));
  EXPECT_THAT(opened_, SizeIs(2));
}

TEST_F(NetNamespacesTest, FindsMountedOnesWithoutAProcess) {
  proc_.Write(proc_.root() + "/self/mountinfo",
              "40 20 0:4 net:[800] /run/netns/blue rw shared:3 - nsfs nsfs rw\n"
              "41 20 0:4 mnt:[801] /run/snapd/ns/x.mnt rw - nsfs nsfs rw\n"
              "42 20 0:5 net:[802] /tmp/x rw - ext4 /dev/root rw\n");
  EXPECT_THAT(Refreshed(), ElementsAre(500, 800));
  EXPECT_THAT(opened_, ElementsAre("/run/netns/blue"));
}

TEST_F(NetNamespacesTest, OpensNewOnesAndLetsGoOfThoseThatAreGone) {
  AddProcessIn(10, 700);
  EXPECT_THAT(Refreshed(), ElementsAre(500, 700));
  AddProcessIn(11, 800);
  proc_.RemoveProcess(10);
  EXPECT_THAT(Refreshed(), ElementsAre(500, 800));
  EXPECT_THAT(opened_, SizeIs(2)) << "one that stays is opened once";
}

TEST_F(NetNamespacesTest, LooksAgainOnlyWhenTheListIsOldOrASocketWasDropped) {
  EXPECT_THAT(Refreshed(), ElementsAre(500));
  AddProcessIn(10, 700);
  EXPECT_THAT(namespaces_.Refresh(absl::Seconds(1)), IsOk());
  EXPECT_THAT(Inodes(), ElementsAre(500));
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(namespaces_.Refresh(absl::Seconds(1)), IsOk());
  EXPECT_THAT(Inodes(), ElementsAre(500, 700));
  namespaces_.Drop(500);
  EXPECT_THAT(Inodes(), ElementsAre(700));
  EXPECT_THAT(namespaces_.Refresh(absl::Seconds(1)), IsOk());
  EXPECT_THAT(Inodes(), ElementsAre(500, 700));
}

TEST_F(NetNamespacesTest, TriesOnesItMayNotEnterAgainAfterAMinute) {
  AddProcessIn(10, 700);
  refused_ = {700};
  EXPECT_THAT(Refreshed(), ElementsAre(500));
  clock_.Advance(absl::Seconds(59));
  Refreshed();
  EXPECT_THAT(opened_, SizeIs(1));
  refused_.clear();
  clock_.Advance(absl::Seconds(1));
  EXPECT_THAT(Refreshed(), ElementsAre(500, 700));
}

TEST_F(NetNamespacesTest, FailsWithoutTheOwnOne) {
  std::filesystem::remove(proc_.root() + "/thread-self/ns/net");
  EXPECT_THAT(namespaces_.Refresh(absl::ZeroDuration()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(namespaces_.members(), IsEmpty());
}

TEST_F(NetNamespacesTest, OpensNoNamespaceThatAPathNoLongerLeadsTo) {
  EXPECT_THAT(NetNamespaces::OpenInside("/proc/self/ns/net", 1),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace tcpfleet::agent
