#include "controller/rollout/planner.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "controller/rollout/plan_file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tests::IsOk;
using tests::StatusIs;

v1::Sysctl Key(const std::string& key, const std::string& value) {
  v1::Sysctl sysctl;
  sysctl.set_key(key);
  sysctl.set_value(value);
  sysctl.set_writable(true);
  sysctl.set_scope(v1::Sysctl::SCOPE_NETWORK_NAMESPACE);
  return sysctl;
}

v1::Sysctl KeySetTo(const std::string& key, const std::string& value, const std::string& at_boot) {
  v1::Sysctl sysctl = Key(key, value);
  for (v1::PersistedSysctl* persisted : {sysctl.mutable_at_boot(), sysctl.mutable_by_procps()}) {
    persisted->mutable_winner()->set_file("/etc/sysctl.d/10-a.conf");
    persisted->mutable_winner()->set_line(3);
    persisted->mutable_winner()->set_value(at_boot);
  }
  return sysctl;
}

// Hosts named h1, h2, ... and what is wanted of them.
struct Story {
  Story& Host(std::vector<v1::Sysctl> sysctls) {
    SysctlReading& reading = readings.emplace_back();
    reading.sysctls = SysctlList(std::move(sysctls));
    const std::string name = absl::StrCat("h", hosts.size() + 1);
    hosts.push_back({{name, {.kernel = "6.1.0", .memory_bytes = 1, .labels = {}}, &reading},
                     name + ":7117",
                     "boot-" + name,
                     4026531840});
    return *this;
  }
  Story& Set(const std::string& text) {
    wish.exact.push_back(ParseExactRule(text).value());
    return *this;
  }
  Story& Want(const std::string& yaml_rules) {
    wish.profile = ParseProfile("p.yaml", "name: p\nrules:\n" + yaml_rules).value();
    return *this;
  }
  Story& RuntimeOnly() {
    wish.persist = false;
    return *this;
  }
  v1::SysctlPlan Plan() const { return MakePlan(wish, hosts); }

  std::deque<SysctlReading> readings;
  std::vector<HostToPlan> hosts;
  PlanWish wish{.profile = {},
                .exact = {},
                .persist = true,
                .author = "ann@console",
                .reason = "test",
                .now = absl::FromUnixMillis(1'700'000'000'123)};
};

// "net/core/somaxconn: 128 -> 4096"
std::vector<std::string> ChangesOf(const v1::PlannedHost& host) {
  std::vector<std::string> texts;
  for (const v1::SysctlChange& change : host.set().changes()) {
    texts.push_back(
        absl::StrCat(change.key(), ": ", change.old_value(), " -> ", change.new_value()));
  }
  return texts;
}

TEST(MakePlan, SetsExactValuesAndLeavesHostsThatHaveThem) {
  const v1::SysctlPlan plan = Story()
                                  .Host({Key("net/core/somaxconn", "128")})
                                  .Host({KeySetTo("net/core/somaxconn", "4096", "4096")})
                                  .Set("net.core.somaxconn=4096")
                                  .Plan();
  ASSERT_THAT(plan.hosts(), SizeIs(1));
  EXPECT_EQ(plan.hosts(0).name(), "h1");
  EXPECT_EQ(plan.hosts(0).address(), "h1:7117");
  EXPECT_EQ(plan.hosts(0).set().boot_id(), "boot-h1");
  EXPECT_EQ(plan.hosts(0).set().network_namespace(), 4026531840u);
  EXPECT_THAT(ChangesOf(plan.hosts(0)), ElementsAre("net/core/somaxconn: 128 -> 4096"));
  EXPECT_EQ(plan.hosts(0).notes(0).direction(), "raises");
  EXPECT_EQ(plan.hosts(0).notes(0).scope(), "network namespace");
  EXPECT_THAT(plan.hosts(0).notes(0).cautions(), ElementsAre(HasSubstr("listen again")));
  EXPECT_THAT(plan.unchanged(), ElementsAre("h2"));
  EXPECT_THAT(plan.obstacles(), IsEmpty());
  EXPECT_THAT(CheckPlan(plan), IsOk());
}

TEST(MakePlan, ProfilesGetTheSmallestChange) {
  const v1::SysctlPlan plan =
      Story()
          .Host({Key("net/core/somaxconn", "128"), Key("net/ipv4/tcp_fin_timeout", "600"),
                 Key("net/ipv4/tcp_rmem", "4096 16384 33554432"),
                 Key("net/ipv4/tcp_tw_reuse", "0")})
          .Want(
              "  - {key: net.core.somaxconn, at_least: 4096, reason: queues}\n"
              "  - {key: net.ipv4.tcp_fin_timeout, range: [10, 60]}\n"
              "  - {key: net.ipv4.tcp_tw_reuse, one_of: [1, 2]}\n"
              "  - {key: net.ipv4.tcp_rmem, elements: [{at_least: 4096}, {at_least: 131072}, "
              "{at_least: 6291456}]}\n")
          .Plan();
  ASSERT_THAT(plan.hosts(), SizeIs(1));
  EXPECT_THAT(ChangesOf(plan.hosts(0)),
              ElementsAre("net/core/somaxconn: 128 -> 4096", "net/ipv4/tcp_fin_timeout: 600 -> 60",
                          "net/ipv4/tcp_tw_reuse: 0 -> 1",
                          "net/ipv4/tcp_rmem: 4096 16384 33554432 -> 4096 131072 33554432"));
  EXPECT_EQ(plan.hosts(0).notes(0).reason(), "queues");
  EXPECT_EQ(plan.hosts(0).notes(1).direction(), "lowers");
  EXPECT_EQ(plan.hosts(0).notes(3).direction(), "raises");
}

TEST(MakePlan, NeverLowersWhatIsHigherThanABound) {
  const v1::SysctlPlan plan = Story()
                                  .Host({Key("net/core/somaxconn", "65535")})
                                  .Want("  - {key: net.core.somaxconn, at_least: 4096}\n")
                                  .Plan();
  EXPECT_THAT(plan.hosts(), IsEmpty());
  EXPECT_THAT(plan.unchanged(), ElementsAre("h1"));
}

TEST(MakePlan, SeveralRulesOfAKeyAllHold) {
  Story story;
  story.Host({Key("net/core/somaxconn", "128")})
      .Want(
          "  - {key: net.core.somaxconn, at_least: 4096}\n"
          "  - {key: net.core.somaxconn, at_least: 16384, when: {since: \"5.0\"}}\n");
  EXPECT_THAT(ChangesOf(story.Plan().hosts(0)), ElementsAre("net/core/somaxconn: 128 -> 16384"));
  story.Want(
      "  - {key: net.core.somaxconn, at_least: 4096}\n"
      "  - {key: net.core.somaxconn, at_most: 1024, when: {since: \"5.0\"}}\n");
  const v1::SysctlPlan plan = story.Plan();
  EXPECT_THAT(plan.hosts(), IsEmpty());
  ASSERT_THAT(plan.obstacles(), SizeIs(1));
  EXPECT_THAT(plan.obstacles(0).why(), HasSubstr("exclude each other"));
}

TEST(MakePlan, SetWinsOverTheProfile) {
  const v1::SysctlPlan plan = Story()
                                  .Host({Key("net/core/somaxconn", "128")})
                                  .Want("  - {key: net.core.somaxconn, at_least: 4096}\n")
                                  .Set("net.core.somaxconn=1000")
                                  .Plan();
  EXPECT_THAT(ChangesOf(plan.hosts(0)), ElementsAre("net/core/somaxconn: 128 -> 1000"));
}

TEST(MakePlan, PatternsStandForTheKeysOfEachHost) {
  const v1::SysctlPlan plan =
      Story()
          .Host({Key("net/ipv4/conf/all/rp_filter", "0"), Key("net/ipv4/conf/eth0/rp_filter", "2")})
          .Host({Key("net/ipv4/tcp_sack", "1")})
          .Set("net.ipv4.conf.*.rp_filter=1")
          .Plan();
  EXPECT_THAT(ChangesOf(plan.hosts(0)), ElementsAre("net/ipv4/conf/all/rp_filter: 0 -> 1",
                                                    "net/ipv4/conf/eth0/rp_filter: 2 -> 1"));
  ASSERT_THAT(plan.obstacles(), SizeIs(1));
  EXPECT_EQ(plan.obstacles(0).name(), "h2");
}

TEST(MakePlan, KeysThatCannotBeHadLeaveTheWholeHostOut) {
  v1::Sysctl read_only = Key("net/core/somaxconn", "128");
  read_only.set_writable(false);
  v1::Sysctl unreadable;
  unreadable.set_key("net/core/somaxconn");
  unreadable.set_unreadable("permission denied");
  const v1::SysctlPlan plan = Story()
                                  .Host({Key("net/ipv4/tcp_sack", "0")})
                                  .Host({read_only, Key("net/ipv4/tcp_sack", "0")})
                                  .Host({unreadable, Key("net/ipv4/tcp_sack", "0")})
                                  .Set("net.core.somaxconn=4096")
                                  .Set("net.ipv4.tcp_sack=1")
                                  .Plan();
  EXPECT_THAT(plan.hosts(), IsEmpty());
  EXPECT_THAT(plan.unchanged(), IsEmpty());
  ASSERT_THAT(plan.obstacles(), SizeIs(3));
  EXPECT_THAT(plan.obstacles(0).why(), HasSubstr("not on this kernel"));
  EXPECT_THAT(plan.obstacles(1).why(), HasSubstr("cannot be written"));
  EXPECT_THAT(plan.obstacles(2).why(), HasSubstr("permission denied"));
}

TEST(MakePlan, WhatAProfileWantsOfOtherKernelsIsNoObstacle) {
  const v1::SysctlPlan plan =
      Story()
          .Host({Key("net/ipv4/tcp_sack", "1")})
          .Want(
              "  - {key: net.ipv4.tcp_tw_reuse_delay, equals: 1000}\n"
              "  - {key: net.ipv4.tcp_sack, equals: 0, when: {until: \"4.0\"}}\n"
              "  - {key: net.ipv4.tcp_tw_recycle, absent: true}\n")
          .Plan();
  EXPECT_THAT(plan.obstacles(), IsEmpty());
  EXPECT_THAT(plan.unchanged(), ElementsAre("h1"));
}

TEST(MakePlan, WhatIsInForceButNotSetAtBootIsPersisted) {
  Story story;
  story.Host({KeySetTo("net/core/somaxconn", "4096", "128")})
      .Host({Key("net/core/somaxconn", "4096")})
      .Set("net.core.somaxconn=4096");
  const v1::SysctlPlan plan = story.Plan();
  ASSERT_THAT(plan.hosts(), SizeIs(2));
  EXPECT_EQ(plan.hosts(0).notes(0).direction(), "persists");
  EXPECT_EQ(plan.hosts(0).notes(0).set_by(), "/etc/sysctl.d/10-a.conf:3");
  EXPECT_THAT(ChangesOf(plan.hosts(1)), ElementsAre("net/core/somaxconn: 4096 -> 4096"));
  EXPECT_THAT(story.RuntimeOnly().Plan().unchanged(), ElementsAre("h1", "h2"));
}

TEST(MakePlan, TakesWhatBootSetsWhereThatIsRight) {
  Story story;
  story.Host({KeySetTo("net/core/somaxconn", "128", "8192")})
      .Want("  - {key: net.core.somaxconn, at_least: 4096}\n");
  EXPECT_THAT(ChangesOf(story.Plan().hosts(0)), ElementsAre("net/core/somaxconn: 128 -> 8192"));
  EXPECT_THAT(ChangesOf(story.RuntimeOnly().Plan().hosts(0)),
              ElementsAre("net/core/somaxconn: 128 -> 4096"));
}

TEST(MakePlan, OrdersChangesAsTheyHaveToBeWritten) {
  const v1::SysctlPlan plan =
      Story()
          .Host({Key("net/core/somaxconn", "1"), Key("net/ipv4/ip_forward", "0"),
                 Key("net/ipv4/ip_local_port_range", "32768 60999"),
                 Key("net/ipv4/ip_unprivileged_port_start", "2000"),
                 Key("net/ipv4/tcp_mem", "1 2 3"), Key("net/ipv4/tcp_sack", "0")})
          .Set("net.ipv4.tcp_mem=4 5 6")
          .Set("net.ipv4.ip_local_port_range=1025 60999")
          .Set("net.ipv4.tcp_sack=1")
          .Set("net.core.somaxconn=2")
          .Set("net.ipv4.ip_unprivileged_port_start=1024")
          .Set("net.ipv4.ip_forward=1")
          .Plan();
  std::vector<std::string> keys;
  for (const v1::SysctlChange& change : plan.hosts(0).set().changes()) keys.push_back(change.key());
  EXPECT_THAT(keys, ElementsAre("net/ipv4/ip_forward", "net/ipv4/ip_unprivileged_port_start",
                                "net/core/somaxconn", "net/ipv4/tcp_sack",
                                "net/ipv4/ip_local_port_range", "net/ipv4/tcp_mem"));
}

TEST(MakePlan, UnreadableVersionIsAnObstacleNotAGuess) {
  Story story;
  story.Host({Key("net/ipv4/tcp_sack", "0")})
      .Want("  - {key: net.ipv4.tcp_sack, equals: 1, when: {since: \"4.0\"}}\n");
  story.hosts[0].host.facts.kernel = "mystery";
  EXPECT_THAT(story.Plan().obstacles(), SizeIs(1));
}

TEST(ParseExactRule, ReadsKeyAndCanonicalValue) {
  const Rule rule = ParseExactRule(" net.ipv4.tcp_rmem =4096\t 131072  6291456 ").value();
  EXPECT_EQ(rule.key, "net/ipv4/tcp_rmem");
  EXPECT_EQ(rule.equals, "4096 131072 6291456");
  EXPECT_EQ(ParseExactRule("net/ipv4/ip_local_reserved_ports=5,1-3,2").value().equals, "1-3,5");
}

TEST(ParseExactRule, RefusesHostileInput) {
  const struct {
    std::string text;
    const char* why;
  } kCases[] = {
      {"net.core.somaxconn", "write KEY=VALUE"},
      {"=1", ""},
      {"net.core.somaxconn=", "empty"},
      {"net.core.somaxconn=0200", "octal, 128"},
      {"net.core.somaxconn=1 # many", "without a comment"},
      {"net.core.somaxconn=1;2", "without a comment"},
      {"net.core.somaxconn=1\n2", "one line"},
      {"net.core.somaxconn=1\r\n", "one line"},
      {std::string("net.core.somaxconn=1\0002", 22), "one line"},
      {"../../etc/passwd=1", ""},
      {"net..core=1", ""},
      {"net.core.x=" + std::string(5000, 'a'), "at most 4096"},
      {std::string(1 << 20, 'k') + "=1", ""},
  };
  for (const auto& [text, why] : kCases) {
    EXPECT_THAT(ParseExactRule(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)))
        << text.substr(0, 60);
  }
}

}  // namespace
}  // namespace tcpfleet::controller
