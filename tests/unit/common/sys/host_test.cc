#include "common/sys/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "common/sys/terminal.h"
#include "common/sys/thread.h"

namespace tcpfleet::sys {
namespace {

TEST(Host, SaysWhatUnameSays) {
  EXPECT_THAT(KernelRelease(), ::testing::ContainsRegex("^[0-9]+\\.[0-9]+"));
  char name[256] = {};
  ASSERT_EQ(::gethostname(name, sizeof(name) - 1), 0);
  EXPECT_EQ(HostName(), name);
}

TEST(Host, KnowsTheRunningProgram) {
  EXPECT_THAT(ProgramPath().value(), ::testing::EndsWith("/tcpfleet_common_sys_test"));
}

TEST(Host, KnowsPagesAndCpus) {
  EXPECT_EQ(PageBytes() % 4096, 0u);
  EXPECT_GE(OnlineCpus(), AllowedCpus());
}

TEST(Thread, MayRunOnAtLeastOneCpuAndUsesIt) {
  EXPECT_GE(AllowedCpus(), 1u);
  const int64_t before_ns = ThreadCpuNs();
  while (ThreadCpuNs() == before_ns) {
  }
  EXPECT_GT(ThreadCpuNs(), before_ns);
}

TEST(Terminal, IsNotWhatAPipeIs) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(IsTerminal(ends[0]));
  EXPECT_EQ(TerminalColumns(ends[0]), 0);
  EXPECT_EQ(TerminalLines(ends[0]), 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace tcpfleet::sys
