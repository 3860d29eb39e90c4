// Latencies are counted from the time a request was due, whatever the server did meanwhile.
#include <absl/strings/str_cat.h>
#include <absl/time/clock.h>

#include <csignal>

#include "common/base/clock.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;

class LatencyTest : public FleetTest {};

constexpr double kRunUs = 4e6;

// Stops the process for half a second; for how long it really was, microseconds.
double FreezeUs(pid_t pid) {
  const int64_t begin_ns = base::MonotonicNowNs();
  ::kill(pid, SIGSTOP);
  absl::SleepFor(absl::Milliseconds(500));
  ::kill(pid, SIGCONT);
  return static_cast<double>(base::MonotonicNowNs() - begin_ns) / 1e3;
}

TEST_F(LatencyTest, OfAServerThatFreezesIsWhatItsClientsWouldHaveWaited) {
  AddAgent("web1");
  TestAgent& server = AddAgent("web2");
  RunningProgram controller = StartController(
      {"--output", "json", "stress", "rr", "--serve", "web2", "--connections", "4", "--rate",
       "1000", "--warmup", "0s", "--duration", "4s", "--interval", "500ms"});
  // The first line of progress is of the first half second.
  ASSERT_TRUE(EventuallyTrue([&] { return !controller.err.Text().empty(); }));
  const double frozen_us = FreezeUs(server.program.process.pid());
  ASSERT_EQ(controller.process.Wait(), 0) << controller.err.Text();
  const v1::StressReport report = ParseStressReport(controller.out.Text());
  ExpectAccountsAddUp(report.total());

  const v1::Distribution& response = report.total().response_latency_us();
  // Closed form: of evenly spaced requests during a stall, the slowest 1 % of the run waited longer
  // than the stall less 1 % of the run. A busy machine only adds to it.
  EXPECT_GE(response.p99(), 0.97 * (frozen_us - 0.01 * kRunUs));
  EXPECT_LE(response.p99(), 1.2 * frozen_us);
  EXPECT_GE(response.p999(), 0.97 * (frozen_us - 0.001 * kRunUs));
  // Seven of eight requests never met the stall.
  EXPECT_LT(response.p50(), 0.1 * frozen_us);
  // Only those on the wire when it began waited for their answer that long.
  EXPECT_LT(report.total().service_latency_us().p99(), 0.5 * frozen_us);
  EXPECT_FALSE(report.generator_limited()) << report.verdict_reason();
}

TEST_F(LatencyTest, ComesAsThreeDistributionsWhenTheLoopIsOpen) {
  AddAgent("web1");
  AddAgent("web2");
  const v1::StressReport report =
      Stress({"rr", "--serve", "web2", "--connections", "4", "--rate", "500", "--warmup", "200ms",
              "--cooldown", "200ms", "--duration", "1s", "--timer", "precise"});
  const v1::RunResult& total = report.total();
  EXPECT_EQ(report.run().loop(), "open");
  EXPECT_EQ(total.attempted(), 500u);
  EXPECT_EQ(total.succeeded(), 500u);
  EXPECT_EQ(total.response_latency_us().count(), 500u);
  EXPECT_EQ(total.service_latency_us().count(), 500u);
  EXPECT_EQ(total.send_lateness_us().count(), 500u);
  EXPECT_GE(total.response_latency_us().max(), total.service_latency_us().p50());
}

TEST_F(LatencyTest, OfAClosedLoopIsSaidToBeOne) {
  AddAgent("web1");
  AddAgent("web2");
  const CommandResult result =
      Controller({"stress", "rr", "--serve", "web2", "--connections", "4", "--duration", "500ms"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("loop       closed"));
}

}  // namespace
}  // namespace tcpfleet::tests
