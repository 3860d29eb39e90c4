#include "agent/sockets/socket_owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "tests/unit/agent/sockets/proc_tree.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::SizeIs;

using ProcessPtr = std::shared_ptr<const sockets::Process>;

constexpr absl::Duration kEnough = absl::Seconds(10);
constexpr int kManySockets = 200;

class SocketOwnersTest : public ::testing::Test {
 protected:
  ProcessPtr FindNow(uint64_t inode) {
    if (ProcessPtr owner = owners_.Find(inode)) return owner;
    EXPECT_FALSE(owners_.Search(kEnough));
    return owners_.Find(inode);
  }

  StepClock clock_;
  ProcTree proc_;
  SocketOwners owners_{&clock_, proc_.root()};
};

TEST_F(SocketOwnersTest, TellsPidStartNameAndCommandLine) {
  proc_.AddProcess(77, "web server) 1 (", std::string("/usr/bin/web\0-c\0a b\0", 20), 4711);
  proc_.AddLink(77, "fd/0", "/dev/null");
  proc_.AddSocket(77, 3, 1001);
  const ProcessPtr owner = FindNow(1001);
  ASSERT_THAT(owner, NotNull());
  EXPECT_EQ(*owner, (sockets::Process{77, 4711, "web server) 1 (", "/usr/bin/web -c a b"}));
}

TEST_F(SocketOwnersTest, SocketsOfOneProcessShareItsRecord) {
  proc_.AddProcess(77, "web");
  proc_.AddSocket(77, 3, 1001);
  proc_.AddSocket(77, 4, 1002);
  proc_.AddSocket(77, 5, 1003);
  const ProcessPtr first = FindNow(1001);
  owners_.Find(1002);
  EXPECT_EQ(FindNow(1003), first);
  EXPECT_EQ(owners_.Find(1002), first) << "found on the way";
}

TEST_F(SocketOwnersTest, ReadsAProcessAnewAfterExecAndAfterReuseOfItsNumber) {
  proc_.AddProcess(77, "sh");
  for (uint64_t inode = 1001; inode <= 1003; ++inode) {
    proc_.AddSocket(77, static_cast<int>(inode), inode);
  }
  const ProcessPtr shell = FindNow(1001);
  proc_.Rename(77, "web");
  const ProcessPtr web = FindNow(1002);
  EXPECT_EQ(shell->comm, "sh");
  EXPECT_EQ(web->comm, "web");
  proc_.Rename(77, "web", 5000);
  EXPECT_EQ(FindNow(1003)->start_ticks, 5000u);
}

TEST_F(SocketOwnersTest, PrefersTheLowestPidButInitOnlyWhenAlone) {
  for (const uint32_t pid : {1u, 50u, 9u}) {
    proc_.AddProcess(pid, absl::StrCat("p", pid));
    proc_.AddSocket(pid, 3, 1001);
  }
  proc_.AddSocket(1, 4, 1002);
  EXPECT_EQ(FindNow(1001)->pid, 9u);
  EXPECT_EQ(FindNow(1002)->pid, 1u);
}

TEST_F(SocketOwnersTest, LooksAtOwnersOfOtherSocketsFirst) {
  for (uint32_t pid = 100; pid < 110; ++pid) {
    proc_.AddProcess(pid, "idle");
    proc_.AddSocket(pid, 3, pid);
  }
  proc_.AddProcess(900, "busy");
  proc_.AddSocket(900, 3, 1001);
  const ProcessPtr busy = FindNow(1001);
  proc_.AddSocket(900, 4, 1002);
  owners_.Find(1002);
  clock_.SetStep(absl::Milliseconds(1));
  EXPECT_FALSE(owners_.Search(absl::Milliseconds(2)));
  EXPECT_EQ(owners_.Find(1002), busy);
}

TEST_F(SocketOwnersTest, KeepsToItsBudgetAndGoesOnWhereItStopped) {
  proc_.AddProcess(77, "web");
  std::set<uint64_t> unknown;
  for (int fd = 0; fd < kManySockets; ++fd) {
    proc_.AddSocket(77, fd, 2000 + fd);
    unknown.insert(2000 + fd);
    owners_.Find(2000 + fd);
  }
  clock_.SetStep(absl::Milliseconds(1));
  int calls = 0;
  for (bool has_more = true; has_more; ++calls) {
    has_more = owners_.Search(absl::Milliseconds(1));
    const size_t found =
        std::erase_if(unknown, [&](uint64_t inode) { return owners_.Find(inode) != nullptr; });
    EXPECT_GT(found, 0u) << "a call without progress";
    EXPECT_LE(found, 16u) << "more than its time allows";
  }
  EXPECT_THAT(unknown, IsEmpty());
  EXPECT_GE(calls, kManySockets / 16);
}

TEST_F(SocketOwnersTest, LooksAtNothingWhenNothingIsUnknown) {
  proc_.AddProcess(77, "web");
  proc_.AddSocket(77, 3, 1001);
  FindNow(1001);
  const int looks = clock_.looks();
  EXPECT_FALSE(owners_.Search(kEnough));
  EXPECT_EQ(clock_.looks(), looks + 1);
  EXPECT_THAT(FindNow(0), IsNull()) << "sockets without a file have no inode";
  EXPECT_EQ(clock_.looks(), looks + 2);
}

TEST_F(SocketOwnersTest, RetriesSocketsNobodyOwnsLessAndLessOften) {
  proc_.AddProcess(77, "web");
  int passes = 0;
  for (int second = 0; second < 60; ++second) {
    const int looks = clock_.looks();
    EXPECT_THAT(FindNow(1001), IsNull());
    if (clock_.looks() > looks + 1) ++passes;  // one more look behind each process
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_GE(passes, 5);
  EXPECT_LE(passes, 7);
  proc_.AddSocket(77, 3, 1001);
  int seconds = 0;
  while (FindNow(1001) == nullptr && ++seconds < 100) clock_.Advance(absl::Seconds(1));
  EXPECT_LE(seconds, 64);
}

TEST_F(SocketOwnersTest, FindsSocketsAskedForInTheMiddleOfAPass) {
  proc_.AddProcess(10, "first");
  proc_.AddSocket(10, 3, 1001);
  proc_.AddProcess(20, "second");
  for (int fd = 0; fd < kManySockets; ++fd) proc_.AddSocket(20, fd, 2000 + fd);
  owners_.Find(9999);  // nobody's
  clock_.SetStep(absl::Milliseconds(1));
  ASSERT_TRUE(owners_.Search(absl::Milliseconds(3)));
  EXPECT_THAT(owners_.Find(1001), IsNull()) << "its process has been looked through already";
  while (owners_.Search(absl::Milliseconds(3))) {
  }
  EXPECT_THAT(owners_.Find(1001), NotNull());
}

TEST_F(SocketOwnersTest, ProcessThatVanishesInTheMiddleIsNormal) {
  proc_.AddProcess(10, "gone");
  for (int fd = 0; fd < kManySockets; ++fd) proc_.AddSocket(10, fd, 2000 + fd);
  proc_.AddProcess(20, "stays");
  proc_.AddSocket(20, 3, 1001);
  owners_.Find(1001);
  owners_.Find(2000 + kManySockets - 1);
  clock_.SetStep(absl::Milliseconds(1));
  ASSERT_TRUE(owners_.Search(absl::Milliseconds(1)));
  proc_.RemoveProcess(10);
  while (owners_.Search(absl::Milliseconds(1))) {
  }
  EXPECT_THAT(owners_.Find(1001), NotNull());
}

TEST_F(SocketOwnersTest, ProcessWithoutAStatOwnsNothing) {
  proc_.AddProcess(10, "web");
  proc_.AddSocket(10, 3, 1001);
  for (const char* stat : {"", "10 (web", "10 web) S", "10 (web) S 1 2 3", ")(", "10 (web)"}) {
    clock_.Advance(absl::Minutes(10));
    proc_.Write(proc_.Path(10) + "/stat", stat);
    EXPECT_THAT(FindNow(1001), IsNull()) << stat;
    owners_.Search(kEnough);
  }
}

TEST_F(SocketOwnersTest, TellsAnOwnerOnce) {
  proc_.AddProcess(10, "web");
  proc_.AddSocket(10, 3, 1001);
  const ProcessPtr owner = FindNow(1001);
  ASSERT_THAT(owner, NotNull());
  EXPECT_THAT(owners_.Find(1001), IsNull());
  EXPECT_EQ(FindNow(1001), owner) << "and again to who asks again";
}

TEST_F(SocketOwnersTest, ForgetsSocketsNobodyAsksForAnyMore) {
  owners_.Find(1001);
  owners_.Find(1002);
  for (int i = 0; i < 3; ++i) {
    clock_.Advance(absl::Seconds(2));
    owners_.Find(1002);
    owners_.Search(kEnough);
  }
  const int looks = clock_.looks();
  EXPECT_FALSE(owners_.Search(kEnough));
  EXPECT_EQ(clock_.looks(), looks + 1);
}

TEST_F(SocketOwnersTest, CutsLongCommandLinesAndMasksWhatIsNoText) {
  proc_.AddProcess(10, "a\x1b[31m\xff", std::string(10'000, 'x'));
  proc_.AddSocket(10, 3, 1001);
  const ProcessPtr owner = FindNow(1001);
  ASSERT_THAT(owner, NotNull());
  EXPECT_EQ(owner->comm, "a?[31m?");
  EXPECT_THAT(owner->command_line, SizeIs(kLongestCommandLine));
}

TEST_F(SocketOwnersTest, IgnoresOddLinks) {
  proc_.AddProcess(10, "web");
  int fd = 0;
  for (const char* link : {"socket:[]", "socket:[x]", "socket:[1001", "pipe:[1001]", "socket:1001",
                           "socket:[99999999999999999999]", "anon_inode:[eventpoll]"}) {
    proc_.AddLink(10, absl::StrCat("fd/", fd++), link);
  }
  proc_.AddLink(10, absl::StrCat("fd/", fd++), std::string(300, 'x'));
  EXPECT_THAT(FindNow(1001), IsNull());
}

TEST_F(SocketOwnersTest, DescribesAProcItCannotSee) {
  const v1::Collector none = SocketOwners::Describe("/nonexistent");
  EXPECT_EQ(none.level(), v1::Collector::LEVEL_UNAVAILABLE);
  EXPECT_THAT(none.detail(), HasSubstr("/nonexistent"));
  proc_.AddProcess(10, "web");
  EXPECT_EQ(SocketOwners::Describe(proc_.root()).level(), v1::Collector::LEVEL_FULL);
}

}  // namespace
}  // namespace tcpfleet::agent
