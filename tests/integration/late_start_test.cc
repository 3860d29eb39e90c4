// An agent that is held up around the common start: a test that part of the fleet ran without is no
// measurement.
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>

#include <csignal>
#include <thread>

#include "common/base/clock.h"
#include "controller/stress/session.h"
#include "tests/integration/fleet_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_server.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

// All within the lease of 3 s.
constexpr int64_t kStopPreparedNs = 2'000'000'000;
constexpr int64_t kLateNs = 500'000'000;

bool IsStopped(pid_t pid) {
  const std::string stat = sys::ReadFile(absl::StrCat("/proc/", pid, "/stat")).value_or("");
  return absl::StrContains(stat, ") T ");
}

// Asks a real agent, and stops its process when a run of it says `at`, for a while: past the start.
class StoppingClient final : public controller::FakeAgentClient {
 public:
  StoppingClient(std::unique_ptr<controller::AgentClient> agent, sys::ChildProcess& process,
                 v1::RunResponse::EventCase at, absl::Time& stopped)
      : agent_(std::move(agent)), process_(process), at_(at), stopped_(stopped) {}

  void Describe(absl::Duration timeout,
                controller::OnResponse<v1::DescribeResponse> on_response) override {
    agent_->Describe(timeout, std::move(on_response));
  }
  void ProbeClock(absl::Duration timeout,
                  controller::OnResponse<v1::ProbeClockResponse> on_response) override {
    agent_->ProbeClock(timeout, std::move(on_response));
  }
  std::unique_ptr<controller::RunCall> Run(controller::OnMessage<v1::RunResponse> on_message,
                                           controller::OnDone on_done) override {
    return agent_->Run(
        [this, on_message = std::move(on_message)](v1::RunResponse response) {
          if (response.event_case() == at_) {
            StopFor(response.has_armed() ? response.armed().ahead_ns() + kLateNs : kStopPreparedNs);
          }
          on_message(std::move(response));
        },
        std::move(on_done));
  }

 private:
  // The process is a child of the test: nobody else signals it meanwhile.
  void StopFor(int64_t ns) {
    const int64_t until_ns = base::MonotonicNowNs() + ns;
    process_.Signal(SIGSTOP);
    EXPECT_TRUE(EventuallyTrue([this] { return IsStopped(process_.pid()); }));
    stopped_ = absl::Now();
    resumer_ = std::jthread([this, until_ns] {
      base::SystemClock().SleepUntil(until_ns, {});
      process_.Signal(SIGCONT);
    });
  }

  const std::unique_ptr<controller::AgentClient> agent_;
  sys::ChildProcess& process_;
  const v1::RunResponse::EventCase at_;
  absl::Time& stopped_;
  std::jthread resumer_;  // last member: joins before the rest dies
};

class LateStartTest : public FleetTest {
 protected:
  void SetUp() override {
    FleetTest::SetUp();
    if (IsSkipped()) return;
    for (const char* const name : {"web1", "web2"}) AddAgent(name, {"--listen", SocketOf(name)});
    Host& plain = AddHost("plain");
    server_ =
        PlainServer::Create(PlainServer::Behaviour::kEcho, {plain.ipv4(), 0}, &plain.network())
            .value();
  }

  std::string SocketOf(const std::string& name) const {
    return absl::StrCat("unix:", directory_->path(), "/", name);
  }

  // A load of web1, which is stopped when it says `at`, and web2.
  controller::SessionRun RunWithWeb1StoppedAt(v1::RunResponse::EventCase at) {
    std::vector<controller::FleetMember> members;
    for (const char* const name : {"web1", "web2"}) {
      auto client = controller::NewGrpcAgentClient(SocketOf(name), {}).value();
      if (members.empty()) {
        client = std::make_unique<StoppingClient>(std::move(client), agent(name).program.process,
                                                  at, stopped_);
      }
      members.push_back({{name, SocketOf(name), {}}, std::move(client)});
    }
    controller::Fleet fleet(std::move(members), {});
    controller::StressArguments arguments;
    arguments.workload = "crr";
    arguments.targets = {server_->endpoint().ToString()};
    arguments.connections = "8";
    arguments.warmup = "0s";
    arguments.duration = "3s";
    base::SystemClock clock;
    controller::StressSession session(fleet, clock, {});
    controller::SessionRun run =
        session.Run(controller::ParseStressOptions(arguments).value(), nullptr).value();
    ExpectAccountsAddUp(run.report.total());
    EXPECT_GT(ResultOf(run.report, "web2").succeeded(), 0u);
    return run;
  }

  std::unique_ptr<PlainServer> server_;
  absl::Time stopped_;  // when web1 stood still
};

TEST_F(LateStartTest, RunIsInvalidWhenTheStartReachesAnAgentTooLate) {
  const controller::SessionRun run = RunWithWeb1StoppedAt(v1::RunResponse::kPrepared);
  EXPECT_EQ(run.report.verdict(), "INVALID");
  EXPECT_EQ(run.exit_code, controller::kPartial);
  EXPECT_THAT(run.report.verdict_reason(),
              MatchesRegex("web1 got the start signal .* after the start and did not run"));
  ASSERT_THAT(run.report.failures(), SizeIs(1));
  EXPECT_EQ(run.report.failures(0).name(), "web1");
  EXPECT_EQ(run.report.failures(0).kind(), "late");
}

TEST_F(LateStartTest, RunIsInvalidWhenAnArmedAgentStartsLateWithinItsLease) {
  constexpr int kMostAttempts = 5;  // a busy machine may not stop it before the start
  controller::SessionRun run;
  absl::Time start;
  for (int attempt = 0; attempt < kMostAttempts && stopped_ >= start; ++attempt) {
    run = RunWithWeb1StoppedAt(v1::RunResponse::kArmed);
    start = absl::FromUnixSeconds(run.report.run().start().seconds()) +
            absl::Nanoseconds(run.report.run().start().nanos());
  }
  ASSERT_LT(stopped_, start);
  EXPECT_EQ(run.report.verdict(), "INVALID");
  EXPECT_EQ(run.exit_code, controller::kPartial);
  const v1::RunResult& late = ResultOf(run.report, "web1");
  EXPECT_GT(late.first_syn_offset_us(), static_cast<double>(kLateNs) / 2e3);
  EXPECT_THAT(
      run.report.verdict_reason(),
      HasSubstr(absl::StrFormat("web1 made its first connection %.0f ms after the planned start",
                                late.first_syn_offset_us() / 1e3)));
  EXPECT_GT(late.succeeded(), 0u);
  EXPECT_EQ(run.report.failures_size(), 0);
}

}  // namespace
}  // namespace tcpfleet::tests
