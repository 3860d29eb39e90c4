// Who loads whom.
#include <map>
#include <set>

#include "tests/integration/fleet_fixture.h"

namespace tcpfleet::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class MeshTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    for (const char* name : {"web1", "web2", "web3"}) AddAgent(name);
  }

  static std::set<std::string> PathsOf(const v1::StressReport& report) {
    std::set<std::string> paths;
    for (const v1::PathResult& path : report.paths()) {
      EXPECT_GT(path.succeeded(), 0u) << path.client() << " to " << path.target();
      paths.insert(path.client() + ">" + path.target());
    }
    return paths;
  }
};

TEST_F(MeshTest, LoadsEveryOtherAgent) {
  const v1::StressReport report =
      Stress({"crr", "--mesh", "all", "--connections", "12", "--duration", "1s", "--warmup", "0s"});
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_THAT(PathsOf(report), ElementsAre("web1>web2", "web1>web3", "web2>web1", "web2>web3",
                                           "web3>web1", "web3>web2"));
  uint64_t succeeded = 0;
  for (const v1::PathResult& path : report.paths()) {
    succeeded += path.succeeded();
    EXPECT_TRUE(path.connect_latency_us().has_p99());
  }
  EXPECT_EQ(succeeded, report.total().succeeded());
}

TEST_F(MeshTest, LoadsThePairsOfAFile) {
  const std::string file = directory_->path() + "/pairs";
  ASSERT_TRUE(
      sys::WriteFile(file, "# who -> whom\nweb1 -> web3\nweb2 -> web3\nweb1 -> web2\n").ok());
  const v1::StressReport report = Stress(
      {"rr", "--pairs", file, "--connections", "6", "--duration", "500ms", "--warmup", "0s"});
  EXPECT_EQ(report.verdict(), "PASS") << report.verdict_reason();
  EXPECT_THAT(PathsOf(report), ElementsAre("web1>web2", "web1>web3", "web2>web3"));
}

TEST_F(MeshTest, DealsConnectionsOutByWeight) {
  const std::string web2 = agent("web2").host->ipv4().ToString();
  const std::string web3 = agent("web3").host->ipv4().ToString();
  // Their agents' own port answers a connection as well as any.
  const v1::StressReport report =
      Stress({"hold", "--target", web2 + ":7117*3", "--target", web3 + ":7117", "--connections",
              "12", "--duration", "500ms"});
  std::map<std::string, uint64_t> by_target;
  for (const v1::PathResult& path : report.paths()) by_target[path.target()] += path.succeeded();
  EXPECT_EQ(by_target[web2 + ":7117"], 9u);
  EXPECT_EQ(by_target[web3 + ":7117"], 3u);
}

}  // namespace
}  // namespace tcpfleet::tests
