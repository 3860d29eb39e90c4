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

absl::StatusOr<Profile> WithRule(const std::string& rule) {
  return ParseProfile("p.yaml", absl::StrCat("rules:\n  - ", rule, "\n"));
}

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

TEST(Profile, SaysWhereItIsWrong) {
  for (const auto& [rule, what] : std::vector<std::pair<std::string, std::string>>{
           {"{at_least: 1}", "p.yaml:2: a key is empty"},
           {"{key: ../../etc/passwd, equals: 1}", "p.yaml:2"},
           {"{key: net.ipv4..x, equals: 1}", "p.yaml:2"},
           {"{key: net.core.somaxconn}", "exactly one of"},
           {"{key: net.core.somaxconn, equals: 1, at_least: 2}", "exactly one of"},
           {"{key: net.core.somaxconn, at_leest: 1}", "did you mean"},
           {"{key: net.core.somaxconn, at_least: many}", "decimal number"},
           {"{key: net.core.somaxconn, at_least: 0200}", "decimal number"},
           {"{key: net.core.somaxconn, at_least: 0x80}", "decimal number"},
           {"{key: net.core.somaxconn, at_least: 18446744073709551616}", "decimal number"},
           {"{key: net.core.somaxconn, at_least: .nan}", "decimal number"},
           {"{key: net.core.somaxconn, range: [2, 1]}", "above the upper"},
           {"{key: net.core.somaxconn, range: [1]}", "two numbers"},
           {"{key: net.core.somaxconn, equals: ''}", "empty"},
           {"{key: net.core.somaxconn, at_least: 1, never_lower: true}", "goes with `equals`"},
           {"{key: net.core.somaxconn, equals: bbr, never_lower: true}", "needs numbers"},
           {"{key: net.core.somaxconn, equals: 1, severity: bad}", "no severity"},
           {"{key: net.core.somaxconn, equals: 1, when: {since: new}}", "no kernel version"},
           {"{key: net.core.somaxconn, equals: 1, when: {min_ram: big}}", "p.yaml:2"},
           {"{key: net.core.somaxconn, elements: []}", "must be a list"},
           {"{key: net.core.somaxconn, one_of: 1}", "must be a list"},
           {"{key: net.core.somaxconn, absent: false}", "must be true"},
           {"text", "a rule is a mapping"}}) {
    EXPECT_THAT(WithRule(rule),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)))
        << rule;
  }
  for (const char* text : {"", "rules: []", "rules: 1", "[]", "rules: [", "name: x", "\xff\xfe"}) {
    EXPECT_THAT(ParseProfile("p.yaml", text),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("p.yaml")))
        << text;
  }
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
      "net.core.somaxconn = 8192\n");
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_THAT(profile->rules, SizeIs(2));
  EXPECT_EQ(profile->rules[0].equals, "4096 87380 6291456");
  EXPECT_EQ(profile->rules[1].equals, "8192");
  EXPECT_EQ(profile->rules[1].line, 4u);
}

TEST(Profile, RefusesSysctlFilesThatDoNotSayWhatTheySeemTo) {
  for (const auto& [text, where] : std::vector<std::pair<std::string, std::string>>{
           {"net.core.somaxconn 1\n", "f.conf:1"},
           {"\nnet.core.somaxconn = 1 # many\n", "f.conf:2"},
           {"net.core.somaxconn =\n", "f.conf:1"},
           {"../../etc/passwd = 1\n", "f.conf:1"}}) {
    EXPECT_THAT(ParseSysctlFile("f.conf", text),
                tests::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(where)))
        << text;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
