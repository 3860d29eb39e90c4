// SocketOwners, NetNamespaces and CgroupPaths against the real /proc, namespaces and cgroups.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/sockets/cgroup_paths.h"
#include "agent/sockets/net_namespaces.h"
#include "agent/sockets/socket_owners.h"
#include "common/sys/mount_table.h"
#include "common/sys/tcp_listener.h"
#include "tests/support/eventually.h"
#include "tests/support/network_lab.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::Pointee;
using tests::EventuallyTrue;
using tests::IsOk;

constexpr uid_t kNobody = 65534;

uint64_t InodeOf(int fd) {
  struct stat status {};
  EXPECT_EQ(::fstat(fd, &status), 0);
  return status.st_ino;
}

// What `check` says as a user without capabilities, in a process of its own; nothing where this
// process may not become another user.
std::optional<bool> AsNobody(const std::function<bool()>& check) {
  constexpr int kNoSuchUser = 2;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(kNoSuchUser);
    ::_exit(check() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSuchUser) return std::nullopt;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(SocketOwnersOnThisHost, FindsThisProcess) {
  const absl::StatusOr<sys::UniqueFd> listener = sys::ListenTcp(0, 1);
  ASSERT_THAT(listener, IsOk());
  const base::SystemClock clock;
  SocketOwners owners(&clock);
  EXPECT_THAT(owners.Find(InodeOf(listener->get())), IsNull());
  while (owners.Search(absl::Milliseconds(1))) {
  }
  const auto owner = owners.Find(InodeOf(listener->get()));
  ASSERT_THAT(owner, NotNull());
  EXPECT_EQ(owner->pid, static_cast<uint32_t>(::getpid()));
  EXPECT_EQ(owner->comm, std::string(program_invocation_short_name).substr(0, 15));
  EXPECT_THAT(owner->command_line, HasSubstr(program_invocation_name));
  EXPECT_GT(owner->start_ticks, 0u);
}

TEST(SocketOwnersOnThisHost, SaysWhatIsMissingWithoutCapabilities) {
  const std::optional<bool> says = AsNobody([] {
    ::close_range(3, ~0U, 0);  // a BPF program that a test before has loaded would serve this child
    const v1::Collector collector = SocketOwners::Describe();
    return collector.level() == v1::Collector::LEVEL_DEGRADED &&
           absl::string_view(collector.detail()).find("CAP_SYS_PTRACE") != absl::string_view::npos;
  });
  if (!says) GTEST_SKIP() << "needs root to have processes of two users";
  EXPECT_TRUE(*says);
}

class NetNamespacesOnThisHost : public tests::NetworkLabTest {
 protected:
  bool Has(uint64_t inode) {
    EXPECT_THAT(namespaces_.Refresh(absl::ZeroDuration()), IsOk());
    return std::any_of(namespaces_.members().begin(), namespaces_.members().end(),
                       [&](const NetNamespaces::Member& member) { return member.inode == inode; });
  }

  base::SystemClock clock_;
  NetNamespaces namespaces_{&clock_};
};

TEST_F(NetNamespacesOnThisHost, FollowsProcessesThatComeAndGo) {
  const tests::Host& host = AddHost("web1");
  const uint64_t inode = host.network().Inode().value();
  const uint64_t here = sys::NetNamespace::Current()->Inode().value();
  EXPECT_FALSE(Has(inode));
  {
    const absl::StatusOr<sys::ChildProcess> program =
        host.Spawn({.arguments = {"sleep", "60"}, .environment = {}});
    ASSERT_THAT(program, IsOk());
    EXPECT_TRUE(EventuallyTrue([&] { return Has(inode); }));
  }
  EXPECT_FALSE(Has(inode));
  EXPECT_EQ(namespaces_.members()[0].inode, here);
  EXPECT_EQ(sys::NetNamespace::Current()->Inode().value(), here);
}

TEST_F(NetNamespacesOnThisHost, HasOnlyTheOwnOneWithoutCapabilities) {
  const tests::Host& host = AddHost("web1");
  const absl::StatusOr<sys::ChildProcess> program =
      host.Spawn({.arguments = {"sleep", "60"}, .environment = {}});
  ASSERT_THAT(program, IsOk());
  const uint64_t here = sys::NetNamespace::Current()->Inode().value();
  const std::optional<bool> says = AsNobody([&] {
    const v1::Collector collector = NetNamespaces::Describe();
    return namespaces_.Refresh(absl::ZeroDuration()).ok() && namespaces_.members().size() == 1 &&
           namespaces_.members()[0].inode == here &&
           collector.level() == v1::Collector::LEVEL_DEGRADED &&
           absl::string_view(collector.detail()).find("CAP_SYS_ADMIN") != absl::string_view::npos;
  });
  if (!says) GTEST_SKIP() << "needs root to have processes of two users";
  EXPECT_TRUE(*says);
}

TEST(CgroupPathsOnThisHost, FindsACgroup) {
  std::string mount_point;
  const std::vector<sys::Mount> mounts = sys::ReadMounts().value();
  for (const sys::Mount& mount : mounts) {
    if (mount.type == "cgroup2") mount_point = mount.point;
  }
  const std::string name = absl::StrCat("/tcpfleet-test-", ::getpid());
  struct stat status {};
  std::error_code error;
  if (mount_point.empty() || !std::filesystem::create_directory(mount_point + name, error)) {
    GTEST_SKIP() << "no cgroup2 mount that this user may write to: " << error.message();
  }
  EXPECT_EQ(::stat((mount_point + name).c_str(), &status), 0);
  const base::SystemClock clock;
  EXPECT_THAT(CgroupPaths(&clock).Find(status.st_ino), Pointee(name));
  std::filesystem::remove(mount_point + name);
  EXPECT_EQ(CgroupPaths::Describe().level(), v1::Collector::LEVEL_FULL);
}

}  // namespace
}  // namespace tcpfleet::agent
