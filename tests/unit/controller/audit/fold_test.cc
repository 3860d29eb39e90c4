#include "controller/audit/fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/audit/answers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;

constexpr char kKey[] = "net/core/somaxconn";

TEST(FoldSysctls, GroupsHostsByValueLargestFirst) {
  const std::vector<SysctlReading> readings = {Reading({Sysctl(kKey, "128")}),
                                               Reading({Sysctl(kKey, "4096")}),
                                               Reading({Sysctl(kKey, "4096")})};
  const v1::SysctlReport report = FoldSysctls(Members({"db1", "web1", "web2"}), readings);
  ASSERT_EQ(report.keys_size(), 1);
  EXPECT_EQ(report.keys(0).key(), "net.core.somaxconn");
  ASSERT_EQ(report.keys(0).groups_size(), 2);
  EXPECT_EQ(report.keys(0).groups(0).value(), "4096");
  EXPECT_THAT(report.keys(0).groups(0).agents(), ElementsAre("web1", "web2"));
  EXPECT_EQ(report.keys(0).groups(1).value(), "128");
}

TEST(FoldSysctls, TakesTheSameThingWrittenDifferentlyAsTheSame) {
  const std::vector<SysctlReading> readings = {
      Reading({Sysctl("net/ipv4/tcp_rmem", "4096\t131072\t6291456")}),
      Reading({Sysctl("net/ipv4/tcp_rmem", "4096 131072 6291456")})};
  const v1::SysctlReport report = FoldSysctls(Members({"a", "b"}), readings);
  EXPECT_EQ(report.keys(0).groups_size(), 1);
}

TEST(FoldSysctls, SaysWhoDoesNotHaveAKeyAndWhoFailed) {
  std::vector<SysctlReading> readings = {Reading({Sysctl(kKey, "128")}), Reading({}), Reading({})};
  readings[2].status = absl::UnavailableError("gone");
  const v1::SysctlReport report = FoldSysctls(Members({"a", "b", "c"}), readings);
  ASSERT_EQ(report.keys(0).groups_size(), 2);
  EXPECT_TRUE(report.keys(0).groups(1).absent());
  EXPECT_THAT(report.keys(0).groups(1).agents(), ElementsAre("b"));
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).name(), "c");
}

TEST(FoldSysctls, KeepsTheReasonWhyAValueIsUnknown) {
  v1::Sysctl secret;
  secret.set_key("net/ipv4/tcp_fastopen_key");
  secret.set_unreadable("a secret");
  const std::vector<SysctlReading> readings = {Reading({secret})};
  const v1::SysctlReport report = FoldSysctls(Members({"a"}), readings);
  EXPECT_FALSE(report.keys(0).groups(0).has_value());
  EXPECT_EQ(report.keys(0).groups(0).unreadable(), "a secret");
}

TEST(FoldSysctls, SaysWhenFilesDisagreeWithEachOtherOrWithWhatIsInForce) {
  v1::Sysctl sysctl = Sysctl(kKey, "4096");
  SetBy("/etc/sysctl.d/a.conf", "0x1000", *sysctl.mutable_at_boot());
  SetBy("/etc/sysctl.d/a.conf", "4096", *sysctl.mutable_by_procps());
  EXPECT_FALSE(FoldSysctls(Members({"a"}), std::vector<SysctlReading>{Reading({sysctl})})
                   .keys(0)
                   .groups(0)
                   .ambiguous());
  SetBy("/etc/sysctl.conf", "128", *sysctl.mutable_by_procps());
  const v1::SysctlReport report =
      FoldSysctls(Members({"a"}), std::vector<SysctlReading>{Reading({sysctl})});
  EXPECT_TRUE(report.keys(0).groups(0).ambiguous());
  EXPECT_TRUE(report.keys(0).groups(0).differs_from_files());
}

TEST(FoldSysctls, NamesWhatNoHostKnows) {
  std::vector<SysctlReading> readings = {Reading({}), Reading({})};
  readings[0].unmatched = {"net/nosuch", "net/ipv4/tcp_tw_recycle"};
  readings[1].unmatched = {"net/nosuch"};
  EXPECT_THAT(FoldSysctls(Members({"a", "b"}), readings).unmatched(), ElementsAre("net.nosuch"));
}

}  // namespace
}  // namespace tcpfleet::controller
