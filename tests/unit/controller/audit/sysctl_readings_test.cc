#include "controller/audit/sysctl_readings.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/audit/answers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

// What comes of an agent that sends these parts.
SysctlReading ReadFrom(std::vector<v1::ReadSysctlsResponse> parts,
                       const absl::Status& status = absl::OkStatus()) {
  auto client = std::make_unique<FakeAgentClient>();
  client->read_sysctls = [=](const auto&, const OnMessage<v1::ReadSysctlsResponse>& on_message) {
    for (const v1::ReadSysctlsResponse& part : parts) on_message(part);
    return status;
  };
  std::vector<FleetMember> members = Members({"web1"});
  members[0].client = std::move(client);
  Fleet fleet(std::move(members), {});
  return ReadSysctls(fleet, {}, {}).front();
}

v1::ReadSysctlsResponse Part(const std::vector<std::string>& keys) {
  v1::ReadSysctlsResponse part;
  for (const std::string& key : keys) *part.add_sysctls() = Sysctl(key, "1");
  return part;
}

TEST(ReadSysctls, PutsTheMessagesOfAnAgentTogether) {
  const SysctlReading reading = ReadFrom({Part({"net/a", "net/b"}), Part({"net/c"})});
  EXPECT_TRUE(reading.status.ok());
  EXPECT_EQ(reading.sysctls.size(), 3u);
}

TEST(ReadSysctls, TakesNoAgentsWordForAKey) {
  for (const auto& keys : std::vector<std::vector<std::string>>{{"net/b", "net/a"},
                                                                {"net/a", "net/a"},
                                                                {"../etc/passwd"},
                                                                {"net.ipv4.tcp_rmem"},
                                                                {""}}) {
    EXPECT_THAT(ReadFrom({Part(keys)}).status, tests::StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(ReadSysctls, SaysThatAnAgentFailed) {
  EXPECT_THAT(ReadFrom({Part({"net/a"})}, absl::UnavailableError("gone")).status,
              tests::StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace tcpfleet::controller
