#include "controller/cli/open_fleet.h"

#include <sstream>

#include "common/sys/file.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;

TEST(ChosenAgents, NamesTheOptionThatIsWrong) {
  GlobalOptions options;
  options.agents = "web[1-";
  EXPECT_THAT(ChosenAgents(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                              "--agents: 'web[1-' character 4: '[' is not closed"));
}

TEST(ChosenAgents, SelectsAmongListedAgentsByName) {
  GlobalOptions options;
  options.agents = "web[1-3],db1";
  options.select = "name=web*";
  const auto agents = ChosenAgents(options);
  ASSERT_THAT(agents, IsOk());
  EXPECT_EQ(agents->size(), 3u);
}

TEST(ChosenAgents, ReadsTheInventory) {
  const sys::TemporaryDirectory directory = *sys::TemporaryDirectory::Create("inventory");
  GlobalOptions options;
  options.inventory = directory.path() + "/fleet.yaml";
  ASSERT_THAT(sys::WriteFile(options.inventory, "hosts:\n  - name: web[1-3]\n"), IsOk());
  options.select = "dc=fra";
  EXPECT_THAT(ChosenAgents(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                              HasSubstr("--select: no host has the label 'dc'")));
}

TEST(OpenFleet, RefusesToSelectFromNothing) {
  GlobalOptions options;
  options.select = "role=web";
  std::ostringstream err;
  EXPECT_THAT(OpenFleet(options, err), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(OpenFleet, MakesAClientForEveryAgent) {
  GlobalOptions options;
  options.agents = "127.0.0.[1-3]";
  options.verbose = true;
  std::ostringstream err;
  const auto fleet = OpenFleet(options, err);
  ASSERT_THAT(fleet, IsOk());
  EXPECT_EQ((*fleet)->size(), 3u);
  EXPECT_EQ(err.str(), "tcpfleet: calling 127.0.0.[1-3] (3)\n");
}

}  // namespace
}  // namespace tcpfleet::controller
