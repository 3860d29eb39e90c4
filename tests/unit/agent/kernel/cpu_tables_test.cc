#include "agent/kernel/cpu_tables.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using tests::IsOk;
using tests::StatusIs;

constexpr auto kDataLoss = absl::StatusCode::kDataLoss;

// Nine columns as kernels before 2.6.36 wrote them.
constexpr char kOldRow[] = "0000000a 00000001 00000002 0 0 0 0 0 00000000\n";

TEST(ParseSoftnet, NumbersTheLinesOfOldKernels) {
  const auto cpus = ParseSoftnet(absl::StrCat(kOldRow, kOldRow));
  ASSERT_THAT(cpus, IsOk());
  ASSERT_EQ(cpus->size(), 2u);
  EXPECT_EQ((*cpus)[1].cpu(), 1u);
  EXPECT_EQ((*cpus)[1].processed(), 10u);
  EXPECT_EQ((*cpus)[1].dropped(), 1u);
  EXPECT_EQ((*cpus)[1].time_squeeze(), 2u);
  EXPECT_FALSE((*cpus)[1].has_received_rps());
  EXPECT_FALSE((*cpus)[1].has_backlog_length());
}

TEST(ParseSoftnet, BelievesTheLineWhichCpuItIs) {
  const auto cpus = ParseSoftnet(
      "ffffffff 0 0 0 0 0 0 0 0 00000003 00000004 00000005 00000002 00000006 00000007 00000008\n");
  ASSERT_THAT(cpus, IsOk());
  EXPECT_EQ((*cpus)[0].processed(), 0xffffffff);
  EXPECT_EQ((*cpus)[0].received_rps(), 3u);
  EXPECT_EQ((*cpus)[0].flow_limit(), 4u);
  EXPECT_EQ((*cpus)[0].backlog_length(), 5u);
  EXPECT_EQ((*cpus)[0].cpu(), 2u);
}

TEST(ParseSoftnet, RefusesWhatNoKernelWrites) {
  std::string many;
  for (size_t i = 0; i <= kMostCpus; ++i) absl::StrAppend(&many, kOldRow);
  for (const std::string& text :
       {std::string(), std::string("0 0 0\n"), std::string("x 0 0 0 0 0 0 0 0\n"),
        std::string("10000000000000000 0 0 0 0 0 0 0 0\n"), many}) {
    EXPECT_THAT(ParseSoftnet(text), StatusIs(kDataLoss)) << text.substr(0, 100);
  }
}

TEST(ParseCpuTable, SumsCountersButNotEntries) {
  const auto table = ParseCpuTable(
      "entries  clashres drop early_drop\n00000014 00000001 00000002  00000000\n"
      "00000014 00000000 0000000a  00000001\n");
  ASSERT_THAT(table, IsOk());
  EXPECT_EQ(table->entries, 20u);
  EXPECT_THAT(table->counters,
              ElementsAre(Pair("clashres", 1), Pair("drop", 12), Pair("early_drop", 1)));
}

TEST(ParseCpuTable, RefusesWhatNoKernelWrites) {
  EXPECT_THAT(ParseCpuTable(""), StatusIs(kDataLoss, HasSubstr("is empty")));
  EXPECT_THAT(ParseCpuTable("entries drop\n"), StatusIs(kDataLoss, HasSubstr("0 CPUs")));
  EXPECT_THAT(ParseCpuTable("entries drop\n1\n"),
              StatusIs(kDataLoss, HasSubstr("2 names and 1 values")));
  EXPECT_THAT(ParseCpuTable("entries\n-1\n"), StatusIs(kDataLoss, HasSubstr("'-1'")));
}

}  // namespace
}  // namespace tcpfleet::agent
