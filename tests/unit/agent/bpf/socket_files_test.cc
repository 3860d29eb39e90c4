// The BPF program in the kernel that runs, and what SocketOwners makes of it.
#include "agent/bpf/socket_files.h"

#include <absl/container/flat_hash_map.h>
#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "agent/sockets/socket_owners.h"
#include "common/base/clock.h"
#include "common/sys/child_process.h"
#include "common/sys/file.h"
#include "common/sys/tcp_listener.h"
#include "tests/support/eventually.h"
#include "tests/support/run_command.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::EventuallyTrue;
using tests::IsOk;

constexpr char kHolder[] = TCPFLEET_SOCKET_HOLDER_PROGRAM;

uint64_t InodeOf(int fd) {
  struct stat status {};
  EXPECT_EQ(::fstat(fd, &status), 0);
  return status.st_ino;
}

size_t OpenDescriptors() {
  const std::filesystem::directory_iterator descriptors("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(descriptors), end(descriptors)));
}

// Everything the kernel lists, as (inode, pid).
std::vector<std::pair<uint64_t, uint32_t>> ReadAll() {
  std::vector<std::pair<uint64_t, uint32_t>> all;
  const std::unique_ptr<SocketFiles> list = OpenSocketFiles().value();
  for (;;) {
    const absl::StatusOr<absl::Span<const SocketFile>> files = list->Next();
    EXPECT_THAT(files, IsOk());
    if (!files.ok() || files->empty()) return all;
    for (const SocketFile& file : *files) all.emplace_back(file.inode, file.pid);
  }
}

struct Holder {
  sys::ChildProcess process;
  std::vector<uint64_t> inodes;
};

Holder Hold(int count, std::vector<std::string> around = {}) {
  const tests::CapturedOutput output = tests::CapturedOutput::Create().value();
  around.insert(around.end(), {kHolder, "hold", std::to_string(count)});
  Holder holder{
      sys::ChildProcess::Start({.arguments = around, .environment = {}, .stdout_fd = output.fd()})
          .value(),
      {}};
  EXPECT_TRUE(EventuallyTrue([&] { return absl::EndsWith(output.Text(), "ready\n"); }));
  uint64_t inode = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(output.Text(), '\n'))) {
    if (absl::SimpleAtoi(line, &inode)) holder.inodes.push_back(inode);
  }
  EXPECT_THAT(holder.inodes, SizeIs(count));
  return holder;
}

absl::flat_hash_map<uint64_t, uint32_t> OwnersOf(const std::vector<uint64_t>& inodes,
                                                 const SocketOwners::OpenFiles& open_files) {
  const base::SystemClock clock;
  SocketOwners owners(&clock, "/proc", open_files);
  for (const uint64_t inode : inodes) owners.Find(inode);
  EXPECT_FALSE(owners.Search(absl::Seconds(60)));
  absl::flat_hash_map<uint64_t, uint32_t> pids;
  for (const uint64_t inode : inodes) {
    if (const auto owner = owners.Find(inode)) pids[inode] = owner->pid;
  }
  return pids;
}

class SocketFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const absl::Status permitted = OpenSocketFiles().status();
    if (!permitted.ok()) GTEST_SKIP() << permitted.message();
  }
};

TEST_F(SocketFilesTest, OwnersAreThoseOfProc) {
  const std::vector<std::string> apart = {"unshare", "--pid", "--fork", "--kill-child"};
  const sys::UniqueFd shared = sys::ListenTcp(0, 1).value();
  const sys::ChildProcess heir =
      sys::ChildProcess::Start(
          {.arguments = {"sleep", "60"}, .environment = {}, .stdin_fd = shared.get()})
          .value();
  std::vector<uint64_t> inodes = {InodeOf(shared.get())};
  std::vector<Holder> holders;
  for (const int count : {1, 300, 700}) holders.push_back(Hold(count));
  holders.push_back(Hold(40, apart));
  for (const Holder& holder : holders) {
    inodes.insert(inodes.end(), holder.inodes.begin(), holder.inodes.end());
  }
  const auto by_bpf = OwnersOf(inodes, OpenSocketFiles);
  EXPECT_THAT(by_bpf, SizeIs(inodes.size()));
  EXPECT_EQ(by_bpf, OwnersOf(inodes, nullptr));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(by_bpf.at(holders[i].inodes[0]), static_cast<uint32_t>(holders[i].process.pid()));
  }
}

TEST_F(SocketFilesTest, TellsStreamSocketsOfBothFamiliesAndOfMptcpOnly) {
  struct Kind {
    int family, type, protocol;
    bool is_told;
  };
  std::vector<std::pair<sys::UniqueFd, bool>> sockets;
  for (const Kind& kind :
       {Kind{AF_INET, SOCK_STREAM, 0, true}, Kind{AF_INET6, SOCK_STREAM, 0, true},
        Kind{AF_INET, SOCK_STREAM, IPPROTO_MPTCP, true}, Kind{AF_INET, SOCK_DGRAM, 0, false},
        Kind{AF_UNIX, SOCK_STREAM, 0, false}, Kind{AF_NETLINK, SOCK_RAW, 0, false}}) {
    sockets.emplace_back(::socket(kind.family, kind.type | SOCK_CLOEXEC, kind.protocol),
                         kind.is_told);
  }
  const auto all = ReadAll();
  for (size_t i = 0; i < sockets.size(); ++i) {
    const auto& [socket, is_told] = sockets[i];
    if (!socket.valid()) continue;  // a kernel without IPv6, or MPTCP
    const std::pair<uint64_t, uint32_t> file(InodeOf(socket.get()), ::getpid());
    EXPECT_EQ(std::count(all.begin(), all.end(), file), is_told ? 1 : 0) << i;
  }
}

TEST_F(SocketFilesTest, ListsADuplicateAgainAndAThreadOnlyForFilesOfItsOwn) {
  const sys::UniqueFd socket = sys::ListenTcp(0, 1).value();
  const sys::UniqueFd duplicate(::dup(socket.get()));
  const std::pair<uint64_t, uint32_t> file(InodeOf(socket.get()), ::getpid());
  std::pair<uint64_t, uint32_t> of_thread;
  std::vector<std::pair<uint64_t, uint32_t>> all;
  std::thread([&] {
    ASSERT_EQ(::unshare(CLONE_FILES), 0);
    const sys::UniqueFd own = sys::ListenTcp(0, 1).value();
    of_thread = {InodeOf(own.get()), ::getpid()};
    all = ReadAll();
  }).join();
  EXPECT_THAT(all, Contains(of_thread));
  EXPECT_EQ(std::count(all.begin(), all.end(), file), 4) << "two tables with two each";
  std::thread([&] { all = ReadAll(); }).join();
  EXPECT_EQ(std::count(all.begin(), all.end(), file), 2);
}

TEST_F(SocketFilesTest, GoesOnWhereItStopped) {
  const Holder holder = Hold(3 * static_cast<int>(SocketFiles::kMostAtOnce));
  std::vector<uint64_t> seen;
  const std::unique_ptr<SocketFiles> list = OpenSocketFiles().value();
  for (;;) {
    const absl::Span<const SocketFile> files = list->Next().value();
    if (files.empty()) break;
    EXPECT_LE(files.size(), SocketFiles::kMostAtOnce);
    for (const SocketFile& file : files) {
      if (file.pid == static_cast<uint32_t>(holder.process.pid())) seen.push_back(file.inode);
    }
  }
  EXPECT_EQ(seen, holder.inodes);
  EXPECT_THAT(list->Next().value(), IsEmpty());
}

TEST_F(SocketFilesTest, LeavesNoDescriptorBehind) {
  const Holder holder = Hold(2 * static_cast<int>(SocketFiles::kMostAtOnce));
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 20; ++i) {
    ReadAll();
    OpenSocketFiles().value()->Next().value();  // the rest is left unread
    OwnersOf({holder.inodes[0], 999'999'999'999}, OpenSocketFiles);
  }
  EXPECT_EQ(OpenDescriptors(), before);
}

TEST_F(SocketFilesTest, NamesProcessesAsThePidNamespaceOfTheReaderDoes) {
  EXPECT_EQ(tests::OutputOf({"unshare", "--pid", "--fork", "--mount-proc", kHolder, "ask"}).value(),
            "1 1 1\n");
}

TEST_F(SocketFilesTest, IsNotForAProcOfAnotherPidNamespace) {
  const std::string answer =
      tests::OutputOf({"unshare", "--pid", "--fork", kHolder, "ask"}).value();
  EXPECT_THAT(answer, HasSubstr("1 /proc is not that of the PID namespace of this process "));
}

// A socket that only a process of another user has.
class SocketOfNobodyTest : public SocketFilesTest {
 protected:
  void SetUp() override {
    SocketFilesTest::SetUp();
    if (IsSkipped()) return;
    const sys::UniqueFd listener = sys::ListenTcp(0, 1).value();
    inode_ = InodeOf(listener.get());
    holder_ = sys::ChildProcess::Start(
                  {.arguments = {"setpriv", "--reuid=65534", "--clear-groups", "sleep", "60"},
                   .environment = {},
                   .stdin_fd = listener.get()})
                  .value();
    const std::string comm = absl::StrCat("/proc/", holder_->pid(), "/comm");
    ASSERT_TRUE(EventuallyTrue([&] { return sys::ReadFile(comm).value_or("") == "sleep\n"; }));
  }
  // What root finds that has no capabilities but these.
  std::string AskWith(const std::string& capabilities) {
    return tests::OutputOf({"setpriv", "--bounding-set=-all" + capabilities, "--inh-caps=-all",
                            kHolder, "ask", std::to_string(inode_)})
        .value();
  }

  uint64_t inode_ = 0;
  std::optional<sys::ChildProcess> holder_;
};

TEST_F(SocketOfNobodyTest, IsFoundWithTwoCapabilities) {
  const std::string pid = std::to_string(holder_->pid());
  EXPECT_THAT(AskWith(",+bpf,+perfmon"), EndsWith(absl::StrCat(" ", pid, " ", pid, "\n")));
}

TEST_F(SocketOfNobodyTest, IsFoundInProcWithTwoOthers) {
  EXPECT_THAT(AskWith(",+sys_ptrace,+dac_read_search"),
              EndsWith(absl::StrCat(" load BPF program: needs CAP_BPF and CAP_PERFMON ",
                                    holder_->pid(), "\n")));
}

TEST_F(SocketOfNobodyTest, IsNotFoundWithout) {
  EXPECT_THAT(AskWith(""), EndsWith(" load BPF program: needs CAP_BPF and CAP_PERFMON 0\n"));
}

}  // namespace
}  // namespace tcpfleet::agent
