#include "controller/fleet/selector.h"

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::StatusIs;

Inventory TestInventory() {
  Inventory inventory;
  inventory.hosts = {{"web1", "web1:7117", {{"role", "web"}, {"dc", "fra"}}},
                     {"web2", "web2:7117", {{"role", "web"}, {"dc", "ams"}}},
                     {"db1", "db1:7117", {{"role", "db"}}}};
  inventory.groups = {{"edge", {"web1", "db1"}}, {"core", {"web2"}}};
  return inventory;
}

std::string Selected(absl::string_view selection) {
  const auto hosts = SelectHosts(TestInventory(), selection);
  if (!hosts.ok()) return hosts.status().ToString();
  std::string names;
  for (const AgentTarget& host : *hosts) names += (names.empty() ? "" : " ") + host.name;
  return names;
}

TEST(SelectHosts, ComparesLabels) {
  EXPECT_EQ(Selected("role=web"), "web1 web2");
  EXPECT_EQ(Selected("role=web, dc=ams"), "web2");
}

TEST(SelectHosts, CountsAMissingLabelAsDifferent) {
  EXPECT_EQ(Selected("dc!=fra"), "web2 db1");
  EXPECT_EQ(Selected("dc=*"), "web1 web2");
}

TEST(SelectHosts, MatchesStars) {
  EXPECT_EQ(Selected("name=web*"), "web1 web2");
  EXPECT_EQ(Selected("name=*1"), "web1 db1");
  EXPECT_EQ(Selected("name=*e*1*"), "web1");
  EXPECT_EQ(Selected("role!=w*b"), "db1");
}

TEST(SelectHosts, KnowsGroups) {
  EXPECT_EQ(Selected("group=edge"), "web1 db1");
  EXPECT_EQ(Selected("group!=edge"), "web2");
  EXPECT_EQ(Selected("group=*"), "web1 web2 db1");
}

void ExpectRefused(absl::string_view selection, const std::string& message) {
  EXPECT_THAT(SelectHosts(TestInventory(), selection),
              StatusIs(absl::StatusCode::kInvalidArgument, message));
}

TEST(SelectHosts, RefusesWhatNobodyHas) {
  ExpectRefused("rol=web", "no host has the label 'rol', did you mean 'role'?");
  ExpectRefused("group=egde", "no group is named 'egde', did you mean 'edge'?");
  ExpectRefused("role=web,name=db*", "'role=web,name=db*' selects none of the 3 hosts");
}

TEST(SelectHosts, RefusesMalformedTerms) {
  for (const char* term : {"role", "=web", "!=web", "", "role=web,"}) {
    EXPECT_THAT(SelectHosts(TestInventory(), term),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         ::testing::HasSubstr("is not a selection: write LABEL=VALUE")))
        << term;
  }
}

}  // namespace
}  // namespace tcpfleet::controller
