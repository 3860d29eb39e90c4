// Whether a fleet starts together, seen by the host that is loaded.
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>

#include "tests/integration/fleet_fixture.h"
#include "tests/support/plain_server.h"
#include "tests/support/syn_capture.h"

namespace tcpfleet::tests {
namespace {

class StartTest : public FleetTest {};

// The common start is 200 ms ahead, so what is far below that was not left to chance; the bench
// group "skew" has the goals.
constexpr double kTogetherUs = 100'000;
constexpr double kAgreeUs = 20'000;

TEST_F(StartTest, IsCommonToHostsWhoseClocksAreFarApart) {
  constexpr int kAgents = 8;
  for (int i = 0; i < kAgents; ++i) {
    const std::string name = absl::StrCat("web", i);
    if (i % 2 == 0) {
      AddAgent(name);
    } else {
      AddAgentInAnotherTime(name, 1000 * i);
    }
  }
  Host& target = AddHost("target");
  const auto server =
      PlainServer::Create(PlainServer::Behaviour::kHold, {target.ipv4(), 0}, &target.network())
          .value();
  SynCapture capture = SynCapture::Start(target.network()).value();
  const v1::StressReport report =
      Stress({"hold", "--target", server->endpoint().ToString(), "--connections",
              absl::StrCat(kAgents), "--threads", "1", "--duration", "500ms"});

  const std::map<base::IpAddress, int64_t> syns = capture.FirstSyns();
  ASSERT_EQ(syns.size(), size_t{kAgents});
  const auto [first, last] = std::minmax_element(
      syns.begin(), syns.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const double captured_us = static_cast<double>(last->second - first->second) / 1e3;
  EXPECT_LT(captured_us, kTogetherUs);
  ASSERT_TRUE(report.has_start_skew_us());
  EXPECT_NEAR(report.start_skew_us(), captured_us, kAgreeUs);
}

}  // namespace
}  // namespace tcpfleet::tests
