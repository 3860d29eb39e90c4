#include "controller/commands/diagnose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/commands/command_run.h"
#include "tests/unit/controller/monitor/snapshots.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;

TEST(DiagnoseCommand, CountsAnAgentThatDiesUnderWayOnce) {
  FakeFleet fake(2);
  for (const int64_t samples : {5, 3}) {
    FakeAgentClient& client = *fake.clients[samples == 5 ? 0 : 1];
    client.snapshot_kernel = [samples, sample = int64_t{0}](const auto&,
                                                            const auto& on_message) mutable {
      if (sample == samples) return absl::UnavailableError("Socket closed");
      v1::SnapshotKernelResponse response;
      *response.mutable_snapshot() = SnapshotAfter(2 * ++sample, 100);
      on_message(std::move(response));
      return absl::OkStatus();
    };
  }
  const CommandRun run = RunOn(fake, {"diagnose", "--for", "8s"});
  EXPECT_EQ(run.exit_code, kPartial);
  EXPECT_THAT(run.out, HasSubstr("2 hosts: "));
  EXPECT_THAT(run.err, HasSubstr("1 of 2 agents failed"));
}

}  // namespace
}  // namespace tcpfleet::controller
