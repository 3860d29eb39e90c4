// SocketService.Watch of a real agent, over real gRPC.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/queue.h"
#include "common/sockets/frame_decoder.h"
#include "common/sys/file.h"
#include "controller/fleet/agent_client.h"
#include "tests/support/eventually.h"
#include "tests/support/run_command.h"

namespace tcpfleet::tests {
namespace {

constexpr int64_t kPatienceNs = 20'000'000'000;
constexpr int64_t kShortPatienceNs = 500'000'000;
constexpr int kMoreThanAnAgentServesAtOnce = 70;

class WatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string address = "unix:" + directory_->path() + "/agent.sock";
    sys::ChildProcess::Options options;
    options.arguments = {TCPFLEET_AGENT_PROGRAM, "--listen", address};
    options.stdout_fd = out_->fd();
    agent_.emplace(sys::ChildProcess::Start(options).value());
    ASSERT_TRUE(EventuallyTrue([&] { return out_->Text() == "ready\n"; }));
    client_ = controller::NewGrpcAgentClient(address, {}).value();
  }

  std::unique_ptr<controller::StreamCall> Watch(const std::string& filter) {
    v1::WatchRequest request;
    request.set_filter(filter);
    request.set_interval_ms(100);
    return client_->Watch(
        request, [this](v1::WatchResponse response) { frames_.Push(std::move(response)); },
        [this](absl::Status status) { ended_.Push(std::move(status)); });
  }

  absl::StatusOr<sys::TemporaryDirectory> directory_ =
      sys::TemporaryDirectory::Create("tcpfleet-test");
  absl::StatusOr<CapturedOutput> out_ = CapturedOutput::Create();
  std::optional<sys::ChildProcess> agent_;
  std::unique_ptr<controller::AgentClient> client_;
  base::Queue<v1::WatchResponse> frames_{1000};
  base::Queue<absl::Status> ended_{1000};
};

TEST_F(WatchTest, SendsAKeyframeThenWhatChangedUntilCancelled) {
  const auto call = Watch("state all");
  sockets::FrameDecoder decoder;
  uint64_t last_poll = 0;
  for (int i = 0; i < 3; ++i) {
    const auto response = frames_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->frame().keyframe(), i == 0);
    EXPECT_GT(response->frame().poll_sequence(), last_poll);
    last_poll = response->frame().poll_sequence();
    EXPECT_TRUE(decoder.Apply(response->frame()).ok());
    // Later frames count what several polls saw when this machine stalls.
    if (i == 0) {
      EXPECT_EQ(decoder.rows().size(), response->frame().completeness().seen());
    }
  }
  call->Cancel();
  const auto status = ended_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsCancelled(*status)) << *status;
}

TEST_F(WatchTest, CancelledWatchesGiveTheirPlaceBack) {
  for (int i = 0; i < kMoreThanAnAgentServesAtOnce; ++i) {
    // The agent notices a cancelled call a moment later than we do.
    ASSERT_TRUE(EventuallyTrue([&] {
      const auto call = Watch("state listening");
      return frames_.PopUntil(base::MonotonicNowNs() + kShortPatienceNs).has_value();
    })) << i;
  }
}

TEST_F(WatchTest, RefusesABadFilterByColumn) {
  const auto call = Watch("state establshed");
  const auto status = ended_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsInvalidArgument(*status)) << *status;
}

TEST_F(WatchTest, StoppingAgentTellsItsWatchersAndEnds) {
  const auto call = Watch("state listening");
  ASSERT_TRUE(frames_.PopUntil(base::MonotonicNowNs() + kPatienceNs).has_value());
  agent_->Signal(SIGTERM);
  const auto status = ended_.PopUntil(base::MonotonicNowNs() + kPatienceNs);
  ASSERT_TRUE(status.has_value());
  EXPECT_TRUE(absl::IsUnavailable(*status)) << *status;
  EXPECT_EQ(agent_->WaitUntil(base::MonotonicNowNs() + kPatienceNs), 0);
}

}  // namespace
}  // namespace tcpfleet::tests
