#include "agent/kernel/process_files.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using tests::IsOk;
using tests::StatusIs;

// Larger than any number a process of this host can have.
constexpr uint32_t kFirst = 5'000'001;

class ProcTree {
 public:
  void Add(uint32_t pid, int files, const std::string& soft, const std::string& hard) const {
    const std::string process = absl::StrCat(root(), "/", pid);
    std::filesystem::create_directories(process + "/fd");
    for (int i = 0; i < files; ++i) Write(absl::StrCat(process, "/fd/", i), "");
    Write(process + "/limits",
          absl::StrCat("Limit                     Soft Limit           Hard Limit           Units\n"
                       "Max processes             1  2  processes\n"
                       "Max open files            ",
                       soft, "  ", hard, "  files     \n"));
    Write(process + "/stat",
          absl::StrCat(pid, " (my prog) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n"));
    Write(process + "/cmdline", std::string("prog\0-x\0", 8));
  }
  static void Write(const std::string& path, absl::string_view text) {
    ASSERT_THAT(sys::WriteFile(path, text), IsOk());
  }
  std::string root() const { return directory_.path(); }

 private:
  const sys::TemporaryDirectory directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test").value();
};

TEST(ReadProcessFiles, SendsThoseNearestToTheirLimitFirst) {
  const ProcTree tree;
  tree.Add(kFirst, 8, "1000", "2000");
  tree.Add(kFirst + 1, 3, "4", "unlimited");
  tree.Add(kFirst + 2, 9, "unlimited", "unlimited");
  tree.Add(kFirst + 3, 0, "4", "4");
  v1::HostStatistics host;
  ASSERT_THAT(ReadProcessFiles(tree.root(), 2, true, host), IsOk());
  ASSERT_EQ(host.processes_size(), 2);
  EXPECT_EQ(host.processes_unreadable(), 0u);
  const v1::ProcessFiles& nearest = host.processes(0);
  EXPECT_EQ(nearest.process().pid(), kFirst + 1);
  EXPECT_EQ(nearest.process().comm(), "my prog");
  EXPECT_EQ(nearest.process().start_ticks(), 777u);
  EXPECT_EQ(nearest.process().command_line(), "prog -x");
  EXPECT_EQ(nearest.open_files(), 3u);
  EXPECT_EQ(nearest.soft_limit(), 4u);
  EXPECT_FALSE(nearest.has_hard_limit());
  EXPECT_EQ(host.processes(1).process().pid(), kFirst);
}

TEST(ReadProcessFiles, ReadsArgumentsOnlyWhenAsked) {
  const ProcTree tree;
  tree.Add(kFirst, 8, "1000", "2000");
  v1::HostStatistics host;
  ASSERT_THAT(ReadProcessFiles(tree.root(), 20, false, host), IsOk());
  EXPECT_EQ(host.processes(0).process().comm(), "my prog");
  EXPECT_EQ(host.processes(0).process().command_line(), "");
}

TEST(ReadProcessFiles, CountsThoseWhoseLimitsItCannotRead) {
  const ProcTree tree;
  tree.Add(kFirst, 1, "x", "y");
  v1::HostStatistics host;
  ASSERT_THAT(ReadProcessFiles(tree.root(), 20, true, host), IsOk());
  EXPECT_EQ(host.processes_size(), 0);
  EXPECT_EQ(host.processes_unreadable(), 1u);
}

TEST(ReadProcessFiles, FailsWhereNoProcessCanBeSeen) {
  const ProcTree tree;
  v1::HostStatistics host;
  EXPECT_THAT(ReadProcessFiles(tree.root(), 20, true, host), StatusIs(absl::StatusCode::kNotFound));
}

TEST(ReadProcessFiles, KnowsThisProcess) {
  v1::HostStatistics host;
  ASSERT_THAT(ReadProcessFiles("/proc", 1'000'000, false, host), IsOk());
  for (const v1::ProcessFiles& process : host.processes()) {
    if (process.process().pid() != static_cast<uint32_t>(::getpid())) continue;
    // The scan has some of its own open.
    const auto files = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
    EXPECT_GE(process.open_files(), static_cast<uint64_t>(files - 1));
    EXPECT_LE(process.open_files(), static_cast<uint64_t>(files + 2));
    EXPECT_EQ(process.soft_limit(), sys::OpenFileLimit().value());
    return;
  }
  FAIL() << "not among " << host.processes_size();
}

TEST(ParseFileLimits, RefusesAFileThatDoesNotSayThem) {
  for (const char* text :
       {"", "Max open files \n", "Max open files   12\n", "Max open files a b\n"}) {
    EXPECT_THAT(ParseFileLimits(text), StatusIs(absl::StatusCode::kDataLoss)) << text;
  }
}

}  // namespace
}  // namespace tcpfleet::agent
