// Five hosts of one kernel, with all their network parameters: only what was planted is found.
#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

class DriftTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    for (int i = 1; i <= 5; ++i) {
      Host& host = *AddAgent(absl::StrCat("web", i)).host;
      ASSERT_EQ(host.Command({"ip", "link", "add", "lan", "type", "bridge"})->exit_code, 0);
    }
  }

  v1::DriftReport Drift(std::vector<std::string> arguments, int expected_exit_code) {
    std::vector<std::string> all = {"--output", "json", "drift"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const CommandResult result = Controller(std::move(all));
    EXPECT_EQ(result.exit_code, expected_exit_code) << result.out << result.err;
    v1::DriftReport report;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &report).ok())
        << result.out;
    return report;
  }

  static std::vector<std::string> KeysOf(const v1::DriftReport& report) {
    std::vector<std::string> keys;
    for (const v1::DriftedKey& key : report.keys()) keys.push_back(key.key());
    return keys;
  }
};

TEST_F(DriftTest, FindsWhatWasPlantedAndNothingElse) {
  const v1::DriftReport before = Drift({}, 0);
  EXPECT_THAT(KeysOf(before), ElementsAre());
  EXPECT_EQ(before.hosts(), 5u);
  EXPECT_GT(before.compared(), 300u);

  ASSERT_TRUE(agent("web4").host->SetSysctl("net.ipv4.tcp_fin_timeout", "17").ok());
  ASSERT_TRUE(agent("web2").host->SetSysctl("net.ipv4.conf.lan.arp_ignore", "3").ok());
  // As on a host with another size of memory.
  ASSERT_TRUE(agent("web3").host->SetSysctl("net.ipv4.tcp_max_tw_buckets", "4711").ok());
  const v1::DriftReport report = Drift({}, 1);
  ASSERT_THAT(KeysOf(report),
              ElementsAre("net.ipv4.conf.*.arp_ignore", "net.ipv4.tcp_fin_timeout"));
  EXPECT_THAT(report.keys(0).groups(1).agents(), ElementsAre("web2"));
  EXPECT_THAT(report.keys(0).groups(1).interfaces(), ElementsAre("lan"));
  EXPECT_EQ(report.keys(1).groups(0).agents_size(), 4);
  EXPECT_TRUE(report.keys(1).groups(0).reference());
  EXPECT_EQ(report.keys(1).groups(1).value(), "17");
  EXPECT_THAT(report.keys(1).groups(1).agents(), ElementsAre("web4"));
  std::vector<std::string> by_memory;
  for (const v1::DriftExplanation& explanation : report.explanations()) {
    if (explanation.reason() != "by the size of memory") continue;
    by_memory.assign(explanation.keys().begin(), explanation.keys().end());
  }
  EXPECT_THAT(by_memory, Contains("net.ipv4.tcp_max_tw_buckets"));
}

TEST_F(DriftTest, FindsWhatHasChangedSinceItWasSaved) {
  const std::string path = directory_->path() + "/monday.json";
  Drift({"--save", path}, 0);
  EXPECT_THAT(KeysOf(Drift({"--since", path}, 0)), ElementsAre());
  for (const char* name : {"web1", "web2", "web3", "web4", "web5"}) {
    ASSERT_TRUE(agent(name).host->SetSysctl("net.ipv4.tcp_fin_timeout", "17").ok());
  }
  // They agree with each other, and not with what they were.
  EXPECT_THAT(KeysOf(Drift({}, 0)), ElementsAre());
  const v1::DriftReport report = Drift({"--since", path, "net.ipv4"}, 1);
  ASSERT_THAT(KeysOf(report), ElementsAre("net.ipv4.tcp_fin_timeout"));
  EXPECT_EQ(report.keys(0).groups(0).value(), "17");
  EXPECT_EQ(report.keys(0).groups(0).value_before(), "60");
  EXPECT_EQ(report.keys(0).groups(0).agents_size(), 5);
}

TEST_F(DriftTest, DoesNotTakeAHostThatIsGoneForOneThatAgrees) {
  agent("web5").program.process.Signal(SIGKILL);
  const v1::DriftReport report = Drift({"net.ipv4.tcp_fin_timeout"}, 3);
  EXPECT_EQ(report.hosts(), 4u);
  ASSERT_EQ(report.failures_size(), 1);
  EXPECT_EQ(report.failures(0).name(), "web5");
}

}  // namespace
}  // namespace tcpfleet::tests
