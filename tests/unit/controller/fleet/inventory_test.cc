#include "controller/fleet/inventory.h"

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

void ExpectRefused(absl::string_view content, const std::string& message) {
  EXPECT_THAT(ParseInventory("fleet.yaml", content),
              StatusIs(absl::StatusCode::kInvalidArgument, message))
      << content;
}

TEST(ParseInventory, ReadsHostsLabelsAndGroups) {
  const auto inventory = ParseInventory("fleet.yaml", R"(
hosts:
  - name: web[01-02]
    address: web[01-02].dc1:9000
    labels: {role: web, dc: fra}
  - name: lb1
groups:
  edge: ["web[01-02]", lb1]
)");
  ASSERT_TRUE(inventory.ok()) << inventory.status();
  ASSERT_EQ(inventory->hosts.size(), 3u);
  EXPECT_EQ(inventory->hosts[1].name, "web02");
  EXPECT_EQ(inventory->hosts[1].address, "web02.dc1:9000");
  EXPECT_THAT(inventory->hosts[1].labels,
              UnorderedElementsAre(Pair("role", "web"), Pair("dc", "fra")));
  EXPECT_EQ(inventory->hosts[2].address, "lb1:7117");
  EXPECT_THAT(inventory->groups.at("edge"), ElementsAre("lb1", "web01", "web02"));
}

TEST(ParseInventory, ReadsPrometheusFileSd) {
  const auto inventory = ParseInventory("targets.json", R"([
    {"targets": ["web1:7117", "[::1]:7118"], "labels": {"role": "web"}},
    {"targets": ["db1"]}
  ])");
  ASSERT_TRUE(inventory.ok()) << inventory.status();
  ASSERT_EQ(inventory->hosts.size(), 3u);
  EXPECT_EQ(inventory->hosts[0].name, "web1");
  EXPECT_EQ(inventory->hosts[1].address, "[::1]:7118");
  EXPECT_EQ(inventory->hosts[1].labels.at("role"), "web");
  EXPECT_TRUE(inventory->hosts[2].labels.empty());
}

TEST(ParseInventory, NamesFileAndLineOfAMistake) {
  ExpectRefused("hosts:\n  - nam: web1\n", "fleet.yaml:2: unknown key 'nam', did you mean 'name'?");
  ExpectRefused("host:\n  - name: a\n", "fleet.yaml:1: unknown key 'host', did you mean 'hosts'?");
  ExpectRefused("hosts:\n  - address: a\n", "fleet.yaml:2: a host needs a 'name'");
  ExpectRefused("hosts: web1\n", "fleet.yaml:1: 'hosts' must be a list of '- name: ...' entries");
  ExpectRefused("hosts:\n  - web1\n", "fleet.yaml:2: a host is a mapping: write - name: web01");
  ExpectRefused("hosts:\n  - name: a\n    labels: [x]\n",
                "fleet.yaml:3: labels must be a mapping: write {role: web, dc: fra}");
  ExpectRefused("hosts:\n  - name: a\n    address: a:99999\n",
                "fleet.yaml:2: '99999' is not a port: it must be a number from 1 to 65535");
  ExpectRefused("hosts:\n  - name: a[1-2]\n    address: b\n",
                "fleet.yaml:3: 'address' stands for 1 hosts, 'name' for 2");
  ExpectRefused("hosts:\n  - name: web1\ngroups:\n  g: [web2]\n",
                "fleet.yaml:4: no host is named 'web2', did you mean 'web1'?");
  ExpectRefused("hosts:\n  - name: a\n    name: b\n", "fleet.yaml:3: key 'name' comes twice");
}

TEST(ParseInventory, RefusesDocumentsThatAreNoInventory) {
  ExpectRefused("web1",
                "fleet.yaml:1: an inventory is a mapping with 'hosts', or a Prometheus "
                "file_sd list");
  ExpectRefused("groups: {}", "fleet.yaml: 'hosts' is missing");
  ExpectRefused("hosts: []", "fleet.yaml: no hosts in it");
  ExpectRefused("[]", "fleet.yaml: no hosts in it");
  EXPECT_THAT(ParseInventory("f", "hosts: [unclosed"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:1: ")));
  EXPECT_THAT(ParseInventory("f", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseInventory("f", std::string(3, '\0')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ParseInventory, RefusesTheSameHostTwice) {
  ExpectRefused("hosts:\n  - name: a\n  - name: a\n", "fleet.yaml: agent 'a' is named twice");
  ExpectRefused("hosts:\n  - name: a\n  - name: b\n    address: a\n",
                "fleet.yaml: agents 'a' and 'b' are the same address a:7117");
}

TEST(ParseInventory, SurvivesDeepNesting) {
  EXPECT_FALSE(ParseInventory("f", std::string(100'000, '[')).ok());
}

TEST(LoadInventory, SaysWhenThereIsNoSuchFile) {
  EXPECT_THAT(LoadInventory("/nonexistent/fleet.yaml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("/nonexistent/fleet.yaml: No such file")));
}

}  // namespace
}  // namespace tcpfleet::controller
