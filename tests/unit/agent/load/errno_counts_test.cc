#include "agent/load/errno_counts.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace tcpfleet::agent {
namespace {

struct Row {
  int error;
  const char* name;
};

class FailureClassTest : public testing::TestWithParam<Row> {};

TEST_P(FailureClassTest, NamesTheClass) {
  EXPECT_EQ(FailureClass(GetParam().error), GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FailureClassTest,
    testing::Values(Row{kPeerClosed, "closed"}, Row{ECONNREFUSED, "refused"},
                    Row{ETIMEDOUT, "timeout"}, Row{ECONNRESET, "reset"}, Row{EPIPE, "reset"},
                    Row{ECONNABORTED, "reset"}, Row{ENETUNREACH, "unreachable"},
                    Row{EHOSTUNREACH, "unreachable"}, Row{ENETDOWN, "unreachable"},
                    Row{EHOSTDOWN, "unreachable"}, Row{EADDRNOTAVAIL, "localPort"},
                    Row{EMFILE, "localFd"}, Row{ENFILE, "localFd"}, Row{EACCES, "policy"},
                    Row{EPERM, "policy"}, Row{ENOBUFS, "ENOBUFS"}, Row{EINVAL, "EINVAL"}));

TEST(IsWorthAnotherAddress, OnlyWhenTheFaultMayLieWithTheAddress) {
  for (const int error : {ECONNREFUSED, ETIMEDOUT, ENETUNREACH, EHOSTUNREACH}) {
    EXPECT_TRUE(IsWorthAnotherAddress(error)) << error;
  }
  for (const int error : {EADDRNOTAVAIL, EMFILE, EACCES, ECONNRESET, EINVAL}) {
    EXPECT_FALSE(IsWorthAnotherAddress(error)) << error;
  }
}

TEST(ErrnoCounts, AddsUpErrorsOfOneClass) {
  ErrnoCounts counts;
  counts.Add(ECONNRESET);
  counts.Add(EPIPE);
  counts.Add(EMFILE);
  std::map<std::string, uint64_t> classes;
  counts.AddTo(classes);
  EXPECT_EQ(classes, (std::map<std::string, uint64_t>{{"reset", 2}, {"localFd", 1}}));
  EXPECT_EQ(counts.total(), 3u);
}

TEST(ErrnoCounts, LosesNoErrorItHasNoPlaceFor) {
  ErrnoCounts counts;
  counts.Add(4242);
  counts.Add(-1);
  EXPECT_EQ(counts.total(), 2u);
  std::map<std::string, uint64_t> classes;
  counts.AddTo(classes);
  EXPECT_FALSE(classes.contains("notSent") || classes.contains("badResponse"));
}

TEST(ErrnoCounts, Merges) {
  ErrnoCounts a;
  a.Add(EPERM);
  ErrnoCounts b = a;
  b.Merge(a);
  EXPECT_EQ(b.total(), 2u);
}

}  // namespace
}  // namespace tcpfleet::agent
