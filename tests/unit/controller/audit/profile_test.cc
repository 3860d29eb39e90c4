#include "controller/audit/profile.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(Profile, KnowsEveryKindOfRule) {
  const auto profile = ParseProfile("p.yaml", R"(
name: mine
rules:
  - {key: net.core.somaxconn, at_least: 4096, severity: crit, reason: queues}
  - {key: net.ipv4.tcp_rmem, elements: [any, {at_least: 131072}, {range: [1, 2]}], ordered: true}
  - {key: net.ipv4.tcp_tw_reuse, one_of: [1, 2], when: {since: "4.19", min_ram: 4G, labels: {role: lb}}}
  - {key: net.core.rmem_default, equals: 262144, never_lower: true}
  - {key: net.ipv4.tcp_tw_recycle, absent: true}
  - {key: net.ipv4.tcp_fin_timeout, range: [10, 60]}
)");
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->name, "mine");
  ASSERT_THAT(profile->rules, SizeIs(6));
  EXPECT_EQ(profile->rules[0].key, "net/core/somaxconn");
  EXPECT_EQ(profile->rules[0].severity, Severity::kCrit);
  std::vector<std::string> wanted;
  for (const Rule& rule : profile->rules) wanted.push_back(WantedText(rule));
  EXPECT_THAT(wanted, ElementsAre(">=4096", "any >=131072 1..2", "one of 1, 2", "at least 262144",
                                  "not on this kernel", "10..60"));
  EXPECT_EQ(profile->rules[2].when.least_ram, 4'000'000'000u);
}

TEST(Profile, ThatComesWithTcpfleetIsWhole) {
  EXPECT_THAT(BuiltInProfiles(), ElementsAre("modern", "optimize", "production"));
  for (const std::string& name : BuiltInProfiles()) {
    const auto profile = LoadProfile(name);
    ASSERT_TRUE(profile.ok()) << profile.status();
    EXPECT_EQ(profile->name, name);
  }
  EXPECT_THAT(LoadProfile("produktion"), tests::StatusIs(absl::StatusCode::kInvalidArgument,
                                                         HasSubstr("did you mean 'production'")));
}

TEST(Profile, MayBeASysctlFile) {
  const auto profile = ParseSysctlFile(
      "99-a.conf",
      "# ours\nnet.core.somaxconn = 0x1000\r\nnet/ipv4/tcp_rmem=4096  87380 6291456\n"
      "net.core.somaxconn = 4096\n");
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_THAT(profile->rules, SizeIs(2));
  EXPECT_EQ(profile->rules[0].equals, "4096");
  EXPECT_EQ(profile->rules[0].line, 2u);
  EXPECT_EQ(profile->rules[1].equals, "4096 87380 6291456");
}

}  // namespace
}  // namespace tcpfleet::controller
