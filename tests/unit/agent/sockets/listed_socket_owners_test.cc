// SocketOwners where the kernel lists the sockets of processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/bpf/socket_files.h"
#include "agent/sockets/socket_owners.h"
#include "tests/unit/agent/sockets/proc_tree.h"

namespace tcpfleet::agent {
namespace {

using ::testing::IsNull;
using ::testing::NotNull;

using ProcessPtr = std::shared_ptr<const sockets::Process>;

constexpr absl::Duration kEnough = absl::Seconds(10);
constexpr int kManySockets = 200;

// A kernel's list that the test writes; the processes are a ProcTree's.
class FakeKernel {
 public:
  void Add(uint32_t pid, uint64_t inode) { files_.push_back({inode, pid, 0}); }
  void RefuseToOpen(bool refuses) { refuses_ = refuses; }
  void BreakAfter(size_t files) { breaks_after_ = files; }

  SocketOwners::OpenFiles Open() {
    return [this]() -> absl::StatusOr<std::unique_ptr<SocketFiles>> {
      if (refuses_) return absl::PermissionDeniedError("no");
      ++opened_;
      return std::make_unique<List>(this);
    };
  }
  int opened() const { return opened_; }
  int reads() const { return reads_; }
  int now_open() const { return now_open_; }

 private:
  class List final : public SocketFiles {
   public:
    explicit List(FakeKernel* kernel) : kernel_(kernel) { ++kernel_->now_open_; }
    ~List() override { --kernel_->now_open_; }
    absl::StatusOr<absl::Span<const SocketFile>> Next() override {
      ++kernel_->reads_;
      if (at_ >= kernel_->breaks_after_) return absl::InternalError("broken");
      constexpr size_t kAtOnce = 10;
      const absl::Span<const SocketFile> next =
          absl::MakeConstSpan(kernel_->files_).subspan(at_, kAtOnce);
      at_ += next.size();
      return next;
    }

   private:
    FakeKernel* const kernel_;
    size_t at_ = 0;
  };

  std::vector<SocketFile> files_;
  bool refuses_ = false;
  size_t breaks_after_ = SIZE_MAX;
  int opened_ = 0;
  int reads_ = 0;
  int now_open_ = 0;
};

class ListedSocketOwnersTest : public ::testing::Test {
 protected:
  ProcessPtr FindNow(uint64_t inode) {
    if (ProcessPtr owner = owners_.Find(inode)) return owner;
    EXPECT_FALSE(owners_.Search(kEnough));
    return owners_.Find(inode);
  }

  StepClock clock_;
  ProcTree proc_;
  FakeKernel kernel_;
  SocketOwners owners_{&clock_, proc_.root(), kernel_.Open()};
};

TEST_F(ListedSocketOwnersTest, TellsWhatProcSaysOfAProcessWhoseFilesItHides) {
  proc_.AddProcess(77, "web", std::string("/usr/bin/web\0-c", 15), 4711);
  kernel_.Add(77, 1001);
  kernel_.Add(77, 1002);
  owners_.Find(1002);
  const ProcessPtr owner = FindNow(1001);
  ASSERT_THAT(owner, NotNull());
  EXPECT_EQ(*owner, (sockets::Process{77, 4711, "web", "/usr/bin/web -c"}));
  EXPECT_EQ(owners_.Find(1002), owner);
  EXPECT_EQ(kernel_.opened(), 1);
  EXPECT_EQ(kernel_.now_open(), 0) << "all are found";
}

TEST_F(ListedSocketOwnersTest, PrefersTheLowestPidButInitOnlyWhenAlone) {
  for (const uint32_t pid : {1u, 9u, 50u}) {
    proc_.AddProcess(pid, "web");
    kernel_.Add(pid, 1001);
    if (pid == 1) kernel_.Add(pid, 1002);
  }
  EXPECT_EQ(FindNow(1001)->pid, 9u);
  EXPECT_EQ(FindNow(1002)->pid, 1u);
}

TEST_F(ListedSocketOwnersTest, GivesWhatAProcessThatIsGoneSharedToTheNextOne) {
  proc_.AddProcess(9, "web");
  kernel_.Add(0, 1001);  // gone before the kernel told its number
  kernel_.Add(5, 1001);
  kernel_.Add(9, 1001);
  EXPECT_EQ(FindNow(1001)->pid, 9u);
}

TEST_F(ListedSocketOwnersTest, KeepsToItsBudgetAndGoesOnWhereItStopped) {
  proc_.AddProcess(77, "web");
  for (int fd = 0; fd < kManySockets; ++fd) {
    kernel_.Add(77, 2000 + fd);
    owners_.Find(2000 + fd);
  }
  clock_.SetStep(absl::Milliseconds(1));
  EXPECT_TRUE(owners_.Search(absl::Milliseconds(2)));
  EXPECT_EQ(kernel_.reads(), 2);
  EXPECT_THAT(owners_.Find(2019), NotNull());
  EXPECT_THAT(owners_.Find(2020), IsNull());
  while (owners_.Search(absl::Milliseconds(2))) {
  }
  EXPECT_EQ(kernel_.opened(), 1);
  EXPECT_EQ(kernel_.reads(), kManySockets / 10);
}

TEST_F(ListedSocketOwnersTest, ReadsAProcessAnewInEveryCall) {
  proc_.AddProcess(77, "sh");
  for (uint64_t inode = 2000; inode < 2020; ++inode) {
    kernel_.Add(77, inode);
    owners_.Find(inode);
  }
  clock_.SetStep(absl::Milliseconds(1));
  ASSERT_TRUE(owners_.Search(absl::Milliseconds(1)));
  proc_.Rename(77, "web", 5000);
  ASSERT_FALSE(owners_.Search(absl::Milliseconds(5)));
  EXPECT_EQ(owners_.Find(2000)->comm, "sh");
  EXPECT_EQ(owners_.Find(2019)->comm, "web");
}

TEST_F(ListedSocketOwnersTest, FindsSocketsAskedForInTheMiddleOfAPass) {
  proc_.AddProcess(77, "web");
  for (int fd = 0; fd < kManySockets; ++fd) kernel_.Add(77, 2000 + fd);
  owners_.Find(9999);  // nobody's
  clock_.SetStep(absl::Milliseconds(1));
  ASSERT_TRUE(owners_.Search(absl::Milliseconds(3)));
  EXPECT_THAT(owners_.Find(2001), IsNull()) << "it has been passed already";
  while (owners_.Search(absl::Milliseconds(3))) {
  }
  EXPECT_THAT(owners_.Find(2001), NotNull());
  EXPECT_EQ(kernel_.opened(), 2);
}

TEST_F(ListedSocketOwnersTest, RetriesSocketsNobodyOwnsLessAndLessOften) {
  for (int second = 0; second < 60; ++second) {
    EXPECT_THAT(FindNow(1001), IsNull());
    clock_.Advance(absl::Seconds(1));
  }
  EXPECT_GE(kernel_.opened(), 5);
  EXPECT_LE(kernel_.opened(), 7);
}

TEST_F(ListedSocketOwnersTest, LooksThroughProcWhereTheKernelRefuses) {
  kernel_.RefuseToOpen(true);
  proc_.AddProcess(10, "web");
  proc_.AddSocket(10, 3, 1001);
  EXPECT_EQ(FindNow(1001)->pid, 10u);
  kernel_.RefuseToOpen(false);
  kernel_.Add(10, 1002);
  EXPECT_EQ(FindNow(1002)->pid, 10u) << "as soon as it does not";
}

TEST_F(ListedSocketOwnersTest, LooksThroughProcForTheRestOfAListThatBreaks) {
  proc_.AddProcess(10, "p10");
  proc_.AddProcess(20, "p20");
  for (uint64_t i = 0; i < 10; ++i) kernel_.Add(10, 1000 + i);
  for (uint64_t i = 0; i < 10; ++i) kernel_.Add(20, 2000 + i);
  proc_.AddSocket(20, 3, 2000);
  kernel_.BreakAfter(10);
  owners_.Find(1000);
  owners_.Find(2001);
  EXPECT_EQ(FindNow(2000)->comm, "p20");
  EXPECT_EQ(owners_.Find(1000)->comm, "p10");
  EXPECT_THAT(owners_.Find(2001), IsNull());
  EXPECT_EQ(kernel_.opened(), 1);
  EXPECT_EQ(kernel_.now_open(), 0);
}

}  // namespace
}  // namespace tcpfleet::agent
