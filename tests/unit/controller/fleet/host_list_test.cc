#include "controller/fleet/host_list.h"

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOkAndHolds;
using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

void ExpectRefused(absl::string_view list, const std::string& message) {
  EXPECT_THAT(ExpandHostList(list), StatusIs(absl::StatusCode::kInvalidArgument, message)) << list;
}

TEST(ExpandHostList, KeepsPlainNames) {
  EXPECT_THAT(ExpandHostList("web1, db.dc1:9000"),
              IsOkAndHolds(ElementsAre("web1", "db.dc1:9000")));
}

TEST(ExpandHostList, ExpandsRangesWithTheirZeros) {
  EXPECT_THAT(ExpandHostList("web[08-11].dc1:7117"),
              IsOkAndHolds(ElementsAre("web08.dc1:7117", "web09.dc1:7117", "web10.dc1:7117",
                                       "web11.dc1:7117")));
  EXPECT_THAT(ExpandHostList("h[9-10]"), IsOkAndHolds(ElementsAre("h9", "h10")));
}

TEST(ExpandHostList, ExpandsListsInBrackets) {
  EXPECT_THAT(ExpandHostList("h[1,3,5-7]"),
              IsOkAndHolds(ElementsAre("h1", "h3", "h5", "h6", "h7")));
}

TEST(ExpandHostList, MultipliesSeveralBrackets) {
  EXPECT_THAT(ExpandHostList("r[1-2]n[1-2]"),
              IsOkAndHolds(ElementsAre("r1n1", "r1n2", "r2n1", "r2n2")));
}

TEST(ExpandHostList, TakesIpv6InBracketsAsAnAddress) {
  EXPECT_THAT(ExpandHostList("[2001:db8::1]:7117,[::1],web[1-2]"),
              IsOkAndHolds(ElementsAre("[2001:db8::1]:7117", "[::1]", "web1", "web2")));
}

TEST(ExpandHostList, TakesUnixPaths) {
  EXPECT_THAT(ExpandHostList("unix:/run/a+b/[1-2].sock"),
              IsOkAndHolds(ElementsAre("unix:/run/a+b/1.sock", "unix:/run/a+b/2.sock")));
}

TEST(ExpandHostList, SaysWhereItIsMalformed) {
  ExpectRefused("", "'' character 1: a host name is missing");
  ExpectRefused("a,,b", "'a,,b' character 3: a host name is missing");
  ExpectRefused("a,", "'a,' character 3: a host name is missing");
  ExpectRefused("web[01-20", "'web[01-20' character 4: '[' is not closed");
  ExpectRefused("web01-20]", "'web01-20]' character 9: ']' without '['");
  ExpectRefused("web[5-1]", "'web[5-1]' character 5: the range runs backwards: write 1-5");
  ExpectRefused("web[]",
                "'web[]' character 5: a range holds numbers only: write for example [01-20] or "
                "[1,3,5-7]");
  ExpectRefused("web[a-c]",
                "'web[a-c]' character 5: a range holds numbers only: write for example [01-20] or "
                "[1,3,5-7]");
  ExpectRefused("web[1-]",
                "'web[1-]' character 7: a range holds numbers only: write for example [01-20] or "
                "[1,3,5-7]");
  ExpectRefused("web[1234567890]",
                "'web[1234567890]' character 5: the number has more than 9 digits");
  ExpectRefused("a b", "'a b' character 3: a comma must stand between hosts");
  ExpectRefused("a!b", "'a!b' character 2: '!' cannot stand in a host name");
  ExpectRefused("a\nb", "'a\nb' character 2: byte 10 cannot stand in a host name");
}

TEST(ExpandHostList, RefusesMoreThanTenThousandHostsWithoutExpandingThem) {
  EXPECT_THAT(ExpandHostList("h[1-10000]"), IsOkAndHolds(SizeIs(10'000)));
  ExpectRefused("h[1-10001]", "'h[1-10001]' character 3: more than 10000 hosts");
  ExpectRefused("h[0-999999999]", "'h[0-999999999]' character 3: more than 10000 hosts");
  ExpectRefused("h[1-101][1-100]", "'h[1-101][1-100]' character 1: more than 10000 hosts");
  ExpectRefused("[0-9999][0-9999][0-9999][0-9999][0-9999]",
                "'[0-9999][0-9999][0-9999][0-9999][0-9999]' character 1: more than 10000 hosts");
}

TEST(AgentAddress, AddsTheAgentPort) {
  EXPECT_THAT(AgentAddress("web1"), IsOkAndHolds("web1:7117"));
  EXPECT_THAT(AgentAddress("web1:80"), IsOkAndHolds("web1:80"));
  EXPECT_THAT(AgentAddress("[::1]"), IsOkAndHolds("[::1]:7117"));
  EXPECT_THAT(AgentAddress("::1"), IsOkAndHolds("[::1]:7117"));
  EXPECT_THAT(AgentAddress("unix:/run/a.sock"), IsOkAndHolds("unix:/run/a.sock"));
}

TEST(AgentAddress, RefusesPortsAndPathsThatCannotBe) {
  EXPECT_THAT(AgentAddress("web1:0"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AgentAddress("web1:65536"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AgentAddress("web1:-1"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AgentAddress("unix:agent.sock"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("absolute path")));
  EXPECT_THAT(AgentAddress("unix:/" + std::string(107, 'x')),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most 107 bytes")));
}

TEST(ParseAgentList, NamesAgentsByHostAtTheUsualPort) {
  const auto agents = ParseAgentList("web1,web2:9000,[::1],unix:/a");
  ASSERT_TRUE(agents.ok());
  std::vector<std::string> names;
  for (const AgentTarget& agent : *agents) names.push_back(agent.name);
  EXPECT_THAT(names, ElementsAre("web1", "web2:9000", "::1", "unix:/a"));
}

TEST(ParseAgentList, RefusesTheSameAgentTwice) {
  EXPECT_THAT(ParseAgentList("web[01-03],web02"),
              StatusIs(absl::StatusCode::kInvalidArgument, "agent 'web02' is named twice"));
  EXPECT_THAT(ParseAgentList("web1,web1:7117"),
              StatusIs(absl::StatusCode::kInvalidArgument, "agent 'web1' is named twice"));
}

}  // namespace
}  // namespace tcpfleet::controller
