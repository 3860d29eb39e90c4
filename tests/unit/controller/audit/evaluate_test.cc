#include "controller/audit/evaluate.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/audit/kernel_version.h"
#include "controller/audit/modules.h"
#include "tests/unit/controller/audit/answers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr char kKey[] = "net/ipv4/some_numbers";
const HostFacts kHost{.kernel = "6.1.0-30-amd64", .memory_bytes = 8'000'000'000, .labels = {}};

Rule Parsed(const std::string& wanted) {
  const auto profile = ParseProfile(
      "p.yaml", absl::StrCat("rules:\n  - {key: net.ipv4.some_numbers, ", wanted, "}\n"));
  EXPECT_TRUE(profile.ok()) << profile.status();
  return profile->rules.front();
}

RuleState StateOf(const std::string& wanted, const std::string& value) {
  const v1::Sysctl sysctl = Sysctl(kKey, value);
  return Judge(Parsed(wanted), kHost, &sysctl).state;
}

TEST(Judge, ComparesNumbersOneByOne) {
  const std::string elements = "elements: [{at_least: 4096}, any, {at_least: 6291456}]";
  EXPECT_EQ(StateOf(elements, "4096\t1\t33554432"), RuleState::kRight);
  EXPECT_EQ(StateOf(elements, "4096\t131072\t4194304"), RuleState::kWrong);
  EXPECT_EQ(StateOf(elements, "4096\t131072"), RuleState::kWrong);
  EXPECT_EQ(StateOf(elements, "bbr"), RuleState::kWrong);
  EXPECT_EQ(StateOf("elements: [any, any, any], ordered: true", "9000 100 50"), RuleState::kWrong);
  EXPECT_EQ(StateOf("elements: [any, any, any], ordered: true", "50 100 9000"), RuleState::kRight);
  EXPECT_EQ(StateOf("range: [10, 60]", "61"), RuleState::kWrong);
  EXPECT_EQ(StateOf("one_of: [bbr, cubic]", "cubic\n"), RuleState::kRight);
  EXPECT_EQ(StateOf("equals: 16", "0x10"), RuleState::kRight);
}

TEST(Judge, NeverAsksToLowerWhereTheProfileSaysSo) {
  EXPECT_EQ(StateOf("equals: 4096 87380 16777216", "4096 131072 33554432"), RuleState::kWrong);
  EXPECT_EQ(StateOf("equals: 4096 87380 16777216, never_lower: true", "4096 131072 33554432"),
            RuleState::kRight);
  EXPECT_EQ(StateOf("equals: 4096 87380 16777216, never_lower: true", "4096 131072 4194304"),
            RuleState::kWrong);
  const v1::Sysctl sysctl = Sysctl(kKey, "4096 131072 33554432");
  EXPECT_THAT(Judge(Parsed("equals: 4096 87380 16777216"), kHost, &sysctl).notes,
              Contains(HasSubstr("would lower it")));
}

TEST(Judge, RefusesValuesThatAProfileCorrectsWhereTheyWouldLower) {
  const Rule rule = Parsed(
      "elements: [any, any, {at_least: 6291456}], original: 4096 87380 16777216, "
      "correction: less than newer kernels have");
  v1::Sysctl sysctl = Sysctl(kKey, "4096 131072 33554432");
  const Judgement higher = Judge(rule, kHost, &sysctl);
  EXPECT_EQ(higher.state, RuleState::kRight);
  EXPECT_TRUE(higher.would_lower);
  EXPECT_THAT(higher.notes,
              Contains("the uncorrected 4096 87380 16777216 is refused, it would lower it"));
  sysctl.set_value("4096 87380 6291456");
  EXPECT_FALSE(Judge(rule, kHost, &sysctl).would_lower);
  // Where less is better nothing is lost by lowering.
  sysctl.set_value("90");
  EXPECT_FALSE(
      Judge(Parsed("at_most: 75, original: 75, correction: default"), kHost, &sysctl).would_lower);
}

TEST(Judge, SaysWhichServersHaveToListenAgain) {
  const auto profile =
      ParseProfile("p.yaml", "rules:\n  - {key: net.core.somaxconn, at_least: 4096}\n");
  ASSERT_TRUE(profile.ok());
  v1::Sysctl sysctl = Sysctl("net/core/somaxconn", "128");
  EXPECT_TRUE(Judge(profile->rules[0], kHost, &sysctl).needs_restart);
  sysctl.set_value("4096");
  EXPECT_FALSE(Judge(profile->rules[0], kHost, &sysctl).needs_restart);
}

TEST(Judge, SaysWhyARuleDoesNotApply) {
  const v1::Sysctl sysctl = Sysctl(kKey, "1");
  for (const auto& [when, state] : std::vector<std::pair<std::string, RuleState>>{
           {"since: \"6.1\"", RuleState::kRight},
           {"since: \"6.2\"", RuleState::kNotApplicable},
           {"until: \"6.1\"", RuleState::kNotApplicable},
           {"until: \"6.2\"", RuleState::kRight},
           {"min_ram: 16G", RuleState::kNotApplicable},
           {"max_ram: 16G", RuleState::kRight},
           {"labels: {role: lb}", RuleState::kNotApplicable}}) {
    const Judgement judgement =
        Judge(Parsed(absl::StrCat("equals: 1, when: {", when, "}")), kHost, &sysctl);
    EXPECT_EQ(judgement.state, state) << when;
    EXPECT_EQ(judgement.notes.empty(), state == RuleState::kRight) << when;
  }
  const Rule of_module = Parsed("equals: 1, when: {module: nf_conntrack}");
  EXPECT_EQ(Judge(of_module, kHost, &sysctl).state, RuleState::kNotApplicable);
  HostFacts firewall = kHost;
  firewall.modules =
      LoadedModules(Reading({Sysctl("net/netfilter/nf_conntrack_max", "1")}).sysctls);
  EXPECT_EQ(Judge(of_module, firewall, &sysctl).state, RuleState::kRight);
  HostFacts balancer = kHost;
  balancer.labels["role"] = "lb";
  EXPECT_EQ(Judge(Parsed("equals: 1, when: {labels: {role: lb}}"), balancer, &sysctl).state,
            RuleState::kRight);
}

TEST(Judge, NeverTakesTheUnknownForRight) {
  const v1::Sysctl sysctl = Sysctl(kKey, "1");
  HostFacts unknown;
  unknown.kernel = "custom";
  EXPECT_EQ(Judge(Parsed("equals: 1, when: {since: \"5.4\"}"), unknown, &sysctl).state,
            RuleState::kUnknown);
  EXPECT_EQ(Judge(Parsed("equals: 1, when: {min_ram: 1G}"), unknown, &sysctl).state,
            RuleState::kUnknown);
  v1::Sysctl unreadable;
  unreadable.set_key(kKey);
  unreadable.set_unreadable("permission denied");
  EXPECT_EQ(Judge(Parsed("equals: 1"), kHost, &unreadable).state, RuleState::kUnknown);
}

TEST(Judge, KnowsKeysThatAreNotThere) {
  EXPECT_EQ(Judge(Parsed("absent: true"), kHost, nullptr).state, RuleState::kRight);
  EXPECT_EQ(Judge(Parsed("equals: 1"), kHost, nullptr).state, RuleState::kNotApplicable);
  const auto removed =
      ParseProfile("p.yaml", "rules:\n  - {key: net.ipv4.tcp_tw_recycle, equals: 0}\n");
  EXPECT_THAT(Judge(removed->rules.front(), kHost, nullptr).notes, ElementsAre("removed in 4.12"));
  const v1::Sysctl there = Sysctl(kKey, "0");
  EXPECT_EQ(Judge(Parsed("absent: true"), kHost, &there).state, RuleState::kWrong);
}

TEST(Judge, LooksBeyondTheNextBoot) {
  v1::Sysctl sysctl = Sysctl(kKey, "1");
  EXPECT_FALSE(Judge(Parsed("equals: 1"), kHost, &sysctl).after_boot.has_value());
  SetBy("/etc/sysctl.d/a.conf", "2", *sysctl.mutable_at_boot());
  const Judgement judgement = Judge(Parsed("equals: 1"), kHost, &sysctl);
  EXPECT_EQ(judgement.state, RuleState::kRight);
  EXPECT_THAT(judgement.after_boot, Optional(RuleState::kWrong));
  EXPECT_THAT(judgement.value_after_boot, Optional(std::string("2")));
  EXPECT_EQ(judgement.set_by, "/etc/sysctl.d/a.conf:1");
  EXPECT_THAT(judgement.notes, Contains(HasSubstr("`sysctl --system` does not set it")));
  *sysctl.mutable_by_procps() = sysctl.at_boot();
  EXPECT_THAT(Judge(Parsed("equals: 1"), kHost, &sysctl).notes, IsEmpty());
}

TEST(LoadedModules, ShowInTheParametersTheyBring) {
  EXPECT_THAT(
      LoadedModules(
          Reading({Sysctl("net/ipv4/tcp_available_congestion_control", "reno bbr")}).sysctls),
      ElementsAre("tcp_bbr"));
  EXPECT_THAT(LoadedModules({}), IsEmpty());
  for (const std::string& name : KnownModuleNames()) EXPECT_NE(EvidenceOf(name), nullptr) << name;
}

TEST(KernelVersion, IsWhatComesFirst) {
  using Version = std::array<uint32_t, 3>;
  EXPECT_EQ(ParseKernelVersion("6.1.0-30-amd64"), (Version{6, 1, 0}));
  EXPECT_EQ(ParseKernelVersion("5.4"), (Version{5, 4, 0}));
  EXPECT_EQ(ParseKernelVersion("6.18.44"), (Version{6, 18, 44}));
  for (const char* text : {"", "6", "v6.1", ".6", "6.", "99999999999.1"}) {
    EXPECT_FALSE(ParseKernelVersion(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
