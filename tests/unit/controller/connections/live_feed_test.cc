#include "controller/connections/live_feed.h"

#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::Duration kLongEnough = absl::Seconds(20);

// The agent's side of SocketService.Watch.
class FakeWatch {
 public:
  explicit FakeWatch(FakeAgentClient& client) {
    client.on_watch = [this](const v1::WatchRequest& request, auto on_message, auto on_done) {
      requests.push_back(request);
      call_ = std::make_shared<Call>();
      call_->on_message = std::move(on_message);
      call_->on_done = std::move(on_done);
      if (on_call) on_call();
      return std::make_unique<Handle>(call_);
    };
  }
  void Send(uint64_t sequence, size_t extra_bytes = 0) {
    v1::WatchResponse response;
    response.mutable_frame()->set_poll_sequence(sequence);
    response.mutable_frame()->set_rows_zstd(std::string(extra_bytes, 'x'));
    call_->on_message(std::move(response));
  }
  void End(absl::Status status) { call_->Finish(std::move(status)); }
  bool is_over() const { return call_->on_done == nullptr; }

  std::vector<v1::WatchRequest> requests;
  std::function<void()> on_call;  // within Watch

 private:
  struct Call {
    void Finish(absl::Status status) {
      if (on_done) std::exchange(on_done, nullptr)(std::move(status));
    }
    OnMessage<v1::WatchResponse> on_message;
    OnDone on_done;
  };
  class Handle final : public StreamCall {
   public:
    explicit Handle(std::shared_ptr<Call> call) : call_(std::move(call)) {}
    ~Handle() override { call_->Finish(absl::CancelledError("")); }
    void Cancel() override { call_->Finish(absl::CancelledError("")); }

   private:
    std::shared_ptr<Call> call_;
  };
  std::shared_ptr<Call> call_;
};

class LiveFeedTest : public ::testing::Test {
 protected:
  // `size` agents of which every one sends frame 1 as soon as it is called.
  void Open(size_t size, absl::string_view filter = "") {
    fake_ = std::make_unique<FakeFleet>(size);
    for (FakeAgentClient* client : fake_->clients) {
      watches_.push_back(std::make_unique<FakeWatch>(*client));
      FakeWatch* watch = watches_.back().get();
      watch->on_call = [watch] { watch->Send(1); };
    }
    feed_ = std::make_unique<LiveFeed>(*fake_->fleet, clock_,
                                       WatchOptions{.filter = *filter::Filter::Parse(filter),
                                                    .first_retry = absl::Milliseconds(1)});
  }
  v1::RecordingEntry Next() {
    std::optional<v1::RecordingEntry> entry = feed_->Next(kLongEnough, stop_.get_token());
    EXPECT_TRUE(entry.has_value());
    return entry.value_or(v1::RecordingEntry());
  }

  FakeClock clock_;
  std::stop_source stop_;
  std::unique_ptr<FakeFleet> fake_;
  std::vector<std::unique_ptr<FakeWatch>> watches_;
  std::unique_ptr<LiveFeed> feed_;
};

TEST_F(LiveFeedTest, GreetsAnAgentBeforeItsFrames) {
  Open(1);
  clock_.now_ns = 5'000;
  fake_->clients[0]->describe = [] {
    v1::DescribeResponse host;
    host.set_boot_id("boot");
    return host;
  };
  fake_->clients[0]->probe_clock = [] {
    v1::ProbeClockResponse response;
    response.set_monotonic_ns(7'000);
    return response;
  };
  const v1::RecordingEntry up = Next();
  ASSERT_TRUE(up.has_up());
  EXPECT_EQ(up.up().name(), "a1");
  EXPECT_EQ(up.up().host().boot_id(), "boot");
  EXPECT_EQ(up.up().clock_offset_ns(), 7'000 - absl::ToUnixNanos(clock_.Now()));
  EXPECT_EQ(up.unix_ns(), static_cast<uint64_t>(absl::ToUnixNanos(clock_.Now())));
  EXPECT_EQ(Next().frame().poll_sequence(), 1u);
  watches_[0]->Send(2);
  EXPECT_EQ(Next().frame().poll_sequence(), 2u);
  EXPECT_EQ(feed_->Next(absl::ZeroDuration(), {}), std::nullopt);
}

TEST_F(LiveFeedTest, SaysWhyAStreamBrokeAndBeginsAnew) {
  Open(1);
  Next();
  Next();
  watches_[0]->End(absl::InternalError("sampling sockets: netlink: Operation not permitted"));
  const v1::RecordingEntry down = Next();
  ASSERT_TRUE(down.has_down());
  EXPECT_EQ(down.down().name(), "a1");
  EXPECT_THAT(down.down().cause(), HasSubstr("Operation not permitted"));
  EXPECT_TRUE(Next().has_up());
  EXPECT_EQ(Next().frame().poll_sequence(), 1u);
  EXPECT_THAT(watches_[0]->requests, SizeIs(2));
}

TEST_F(LiveFeedTest, SaysTheSameCauseOnce) {
  Open(1);
  int calls = 0;
  FakeWatch& watch = *watches_[0];
  watch.on_call = [&] {
    ++calls;
    if (calls < 4) watch.End(absl::UnavailableError("Connection refused"));
    if (calls == 4) watch.Send(1);
  };
  const v1::RecordingEntry down = Next();
  EXPECT_EQ(down.down().kind(), "unreachable");
  EXPECT_TRUE(Next().has_up());
  EXPECT_EQ(calls, 4);
}

TEST_F(LiveFeedTest, AnAgentThatAnswersNoGreetingIsDown) {
  Open(1);
  fake_->clients[0]->describe = [] { return absl::PermissionDeniedError("role observe"); };
  EXPECT_THAT(Next().down().cause(), HasSubstr("role observe"));
}

TEST_F(LiveFeedTest, AsksOnlyAgentsThatCanMatchAndNumbersThem) {
  Open(3, "( host = a1 or host = a3 ) and dport = :443");
  EXPECT_EQ(feed_->agents(), 2u);
  EXPECT_EQ(Next().up().name(), "a1");
  const v1::RecordingEntry frame = Next();
  EXPECT_EQ(frame.agent(), 0u);
  const v1::RecordingEntry second = Next();
  EXPECT_EQ(second.up().name(), "a3");
  EXPECT_EQ(second.agent(), 1u);
  EXPECT_THAT(watches_[0]->requests[0].filter(),
              AllOf(HasSubstr("443"), ::testing::Not(HasSubstr("host"))));
  EXPECT_THAT(watches_[1]->requests, SizeIs(0));
}

TEST_F(LiveFeedTest, DropsWhatIsNotTakenAndBeginsAnew) {
  Open(1);
  Next();
  Next();
  for (uint64_t sequence = 2; sequence < 8; ++sequence) {
    watches_[0]->Send(sequence, WatchInbox::kMostWaitingBytes / 3);
  }
  const v1::RecordingEntry down = Next();
  EXPECT_EQ(down.down().kind(), "slow");
  EXPECT_THAT(down.down().cause(), HasSubstr("frames dropped"));
  EXPECT_TRUE(Next().has_up());
  EXPECT_EQ(Next().frame().poll_sequence(), 1u);
}

TEST_F(LiveFeedTest, ReturnsAtOnceWhenStopped) {
  Open(1);
  watches_[0]->on_call = nullptr;
  stop_.request_stop();
  EXPECT_EQ(feed_->Next(absl::InfiniteDuration(), stop_.get_token()), std::nullopt);
}

TEST_F(LiveFeedTest, WakesUpWhenStopped) {
  Open(1);
  watches_[0]->on_call = [this] { stop_.request_stop(); };
  EXPECT_EQ(feed_->Next(absl::InfiniteDuration(), stop_.get_token()), std::nullopt);
}

TEST_F(LiveFeedTest, HangsUpWhenItGoes) {
  Open(1);
  Next();
  feed_.reset();
  EXPECT_TRUE(watches_[0]->is_over());
}

}  // namespace
}  // namespace tcpfleet::controller
