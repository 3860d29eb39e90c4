#include "agent/sockets/socket_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/status_matchers.h"
#include "tests/unit/agent/sockets/fakes.h"

namespace tcpfleet::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;
using tests::IsOk;
using tests::StatusIs;

v1::WatchRequest Request(uint32_t interval_ms = 0, const std::string& filter = "") {
  v1::WatchRequest request;
  request.set_interval_ms(interval_ms);
  request.set_filter(filter);
  return request;
}

class SocketHubTest : public testing::Test {
 protected:
  std::unique_ptr<Subscription> Watch(const v1::WatchRequest& request,
                                      const std::shared_ptr<FakeSink>& sink) {
    absl::StatusOr<std::unique_ptr<Subscription>> subscription = hub_.Watch(request, sink);
    EXPECT_THAT(subscription, IsOk());
    return *std::move(subscription);
  }
  // Lets one more poll happen `ms` later.
  void PollAfter(int64_t ms) {
    const int before = source_.polls();
    clock_.Advance(ms * kMillisecondNs);
    source_.WaitForPolls(before + 1);
  }

  ManualClock clock_;
  FakeSource source_{&clock_};
  SocketHub hub_{&source_, &clock_};
};

TEST_F(SocketHubTest, SendsTheFirstFrameAtOnce) {
  source_.Have({Connection(1), Connection(2)});
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  const v1::ConnectionFrame frame = sink->WaitForFrame(1);
  EXPECT_TRUE(frame.keyframe());
  EXPECT_EQ(frame.merged_polls(), 1u);
  EXPECT_EQ(frame.poll_sequence(), 1u);
  EXPECT_EQ(frame.completeness().seen(), 2u);
  EXPECT_THAT(sink->LiveCookies(), UnorderedElementsAre(1, 2));
}

TEST_F(SocketHubTest, PollsAtTheSubscribersInterval) {
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(2000), sink);
  const auto first_ns = static_cast<int64_t>(sink->WaitForFrame(1).monotonic_ns());
  for (int i = 1; i <= 3; ++i) {
    PollAfter(2000);
    EXPECT_EQ(static_cast<int64_t>(sink->WaitForFrame(static_cast<size_t>(i) + 1).monotonic_ns()),
              first_ns + i * 2000 * kMillisecondNs);
  }
}

TEST_F(SocketHubTest, FollowsTheFastestSubscriberAndKeepsTheOthersPace) {
  const auto slow = std::make_shared<FakeSink>(), fast = std::make_shared<FakeSink>();
  const auto slow_subscription = Watch(Request(1000), slow);
  slow->WaitForFrame(1);
  const auto fast_subscription = Watch(Request(100), fast);
  fast->WaitForFrame(1);
  for (int i = 0; i < 10; ++i) PollAfter(100);
  fast->WaitForFrame(11);
  const v1::ConnectionFrame frame = slow->WaitForFrame(2);
  EXPECT_EQ(slow->frames(), 2u);
  EXPECT_EQ(frame.merged_polls(), 1u);  // the others were not meant for it
  // The poll of the fast one's arrival and ten more.
  EXPECT_EQ(frame.poll_sequence() - slow->WaitForFrame(1).poll_sequence(), 11u);
}

TEST_F(SocketHubTest, MergesPollsForASlowSubscriberAndLosesNoEnd) {
  source_.Have({Connection(1)});
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  sink->SetReady(false);
  source_.Have({Connection(1), Connection(2)});  // 2 lives between two of its frames only
  PollAfter(1000);
  source_.Have({Connection(1)});
  PollAfter(1000);
  PollAfter(1000);  // so the one before has been delivered, that is, held back
  sink->SetReady(true);
  PollAfter(1000);
  const v1::ConnectionFrame frame = sink->WaitForFrame(2);
  // The third of them may have found the sink ready already.
  EXPECT_GE(frame.merged_polls(), 3u);
  EXPECT_EQ(frame.poll_sequence(), 1 + frame.merged_polls());
  PollAfter(1000);
  sink->WaitForFrame(3);
  const std::vector<sockets::ClosedConnection> closed = sink->closed();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(AsSampled(closed[0].last), Connection(2));
  EXPECT_THAT(sink->LiveCookies(), ElementsAre(1));
}

TEST_F(SocketHubTest, GivesEverySubscriberItsOwnFilterAndAsksTheKernelForBoth) {
  source_.Have({Connection(1, 443), Connection(2, 80), Connection(3, 443, 10)});
  const auto web = std::make_shared<FakeSink>(), listeners = std::make_shared<FakeSink>();
  const auto one = Watch(Request(0, "dport = :443"), web);
  web->WaitForFrame(1);
  const auto two = Watch(Request(0, "state listening"), listeners);
  listeners->WaitForFrame(1);
  EXPECT_THAT(web->LiveCookies(), ElementsAre(1));
  EXPECT_THAT(listeners->LiveCookies(), ElementsAre(3));
  EXPECT_EQ(source_.last_request().states, sockets::kAllStates);
}

TEST_F(SocketHubTest, CountsSkippedSocketsByTheFiltersLeave) {
  source_.Have({}, {{.state = 6, .local = {}, .remote = {{}, 443}},
                    {.state = 6, .local = {}, .remote = {{}, 80}},
                    {.state = 3, .local = {}, .remote = {{}, 443}}});
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(0, "exclude syn-recv dport = :443"), sink);
  EXPECT_EQ(sink->WaitForFrame(1).completeness().skipped(), 1u);
}

TEST_F(SocketHubTest, DoesNotReportWhatEndedBeforeTheSubscription) {
  source_.Have({Connection(1), Connection(2)});
  const auto early = std::make_shared<FakeSink>(), late = std::make_shared<FakeSink>();
  const auto one = Watch(Request(), early);
  early->WaitForFrame(1);
  source_.Have({Connection(1)});
  const auto two = Watch(Request(), late);
  late->WaitForFrame(1);
  PollAfter(1000);
  late->WaitForFrame(2);
  EXPECT_TRUE(late->closed().empty());
  EXPECT_THAT(late->LiveCookies(), ElementsAre(1));
}

// A frame the subscriber could not take counts, whatever a faster neighbour polls.
TEST_F(SocketHubTest, CountsMissedFramesByTheSubscribersOwnInterval) {
  const auto slow = std::make_shared<FakeSink>(), fast = std::make_shared<FakeSink>();
  const auto slow_subscription = Watch(Request(1000), slow);
  slow->WaitForFrame(1);
  const auto fast_subscription = Watch(Request(500), fast);
  fast->WaitForFrame(1);
  slow->SetReady(false);
  for (int i = 0; i < 4; ++i) PollAfter(500);
  PollAfter(500);  // so the one before has been delivered
  slow->SetReady(true);
  PollAfter(500);
  // Those at 1 s and 2 s, and the one at 3 s if that found the sink ready; of polls there were six.
  EXPECT_THAT(slow->WaitForFrame(2).merged_polls(),
              testing::AllOf(testing::Ge(2u), testing::Le(3u)));
}

TEST_F(SocketHubTest, TellsWhatOneWithAnotherIntervalMissed) {
  source_.Have({Connection(1)});
  const auto slow = std::make_shared<FakeSink>(), fast = std::make_shared<FakeSink>();
  const auto slow_subscription = Watch(Request(1000), slow);
  slow->WaitForFrame(1);
  const auto fast_subscription = Watch(Request(100), fast);
  fast->WaitForFrame(1);
  for (uint64_t i = 0; i < 9; ++i) {
    sockets::ConnectionSample changed = Connection(1);
    changed.values.Set(sockets::Field::kRtt, i);
    source_.Have({changed, Connection(10 + i)});  // each of the others lives for one poll
    PollAfter(100);
  }
  PollAfter(100);
  PollAfter(100);
  PollAfter(900);
  slow->WaitForFrame(3);
  EXPECT_EQ(slow->closed().size(), 8u);
  EXPECT_THAT(slow->LiveCookies(), UnorderedElementsAre(1, 18));
}

TEST_F(SocketHubTest, KeepsOtherNamespacesFromWhoDidNotAskForThem) {
  sockets::ConnectionSample foreign = Connection(2);
  foreign.identity.network_namespace = 7;
  source_.Have({Connection(1), foreign});
  const auto home = std::make_shared<FakeSink>(), all = std::make_shared<FakeSink>();
  const auto one = Watch(Request(), home);
  home->WaitForFrame(1);
  EXPECT_FALSE(source_.last_request().all_namespaces);
  v1::WatchRequest everywhere;
  everywhere.set_all_namespaces(true);
  const auto two = Watch(everywhere, all);
  all->WaitForFrame(1);
  EXPECT_TRUE(source_.last_request().all_namespaces);
  EXPECT_THAT(home->LiveCookies(), ElementsAre(1));
  EXPECT_THAT(all->LiveCookies(), UnorderedElementsAre(1, 2));
}

TEST_F(SocketHubTest, SaysAGapAfterAFailedPoll) {
  source_.Have({Connection(1)});
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  source_.FailWith(absl::DataLossError("torn"));
  PollAfter(1000);
  source_.FailWith(absl::OkStatus());
  PollAfter(1000);
  const v1::ConnectionFrame frame = sink->WaitForFrame(2);
  EXPECT_TRUE(frame.completeness().gap());
  EXPECT_EQ(frame.merged_polls(), 2u);
  PollAfter(1000);
  EXPECT_FALSE(sink->WaitForFrame(3).completeness().gap());
}

TEST_F(SocketHubTest, GivesUpAfterFiveFailures) {
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  source_.FailWith(absl::DataLossError("torn"));
  for (int i = 0; i < 5; ++i) PollAfter(1000);
  EXPECT_THAT(sink->WaitForFail(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("sampling sockets: torn")));
  EXPECT_EQ(sink->frames(), 1u);
}

TEST_F(SocketHubTest, GivesUpAtOnceWhenItWillNotHeal) {
  source_.FailWith(absl::NotFoundError("no tcp_diag"));
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  EXPECT_THAT(sink->WaitForFail(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SocketHubTest, SamplesAgainForANewSubscriberAfterAFailure) {
  source_.FailWith(absl::NotFoundError("no tcp_diag"));
  const auto sink = std::make_shared<FakeSink>(), next = std::make_shared<FakeSink>();
  const auto one = Watch(Request(), sink);
  EXPECT_FALSE(sink->WaitForFail().ok());
  source_.FailWith(absl::OkStatus());
  const auto two = Watch(Request(), next);
  EXPECT_TRUE(next->WaitForFrame(1).keyframe());
}

TEST_F(SocketHubTest, RestsWhenNobodyWatches) {
  const auto sink = std::make_shared<FakeSink>();
  auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  subscription.reset();
  clock_.Advance(10'000 * kMillisecondNs);
  hub_.Stop();
  EXPECT_EQ(source_.polls(), 1);
  EXPECT_EQ(sink->frames(), 1u);
}

TEST_F(SocketHubTest, TakesSubscribersAgainAfterTheLastLeft) {
  for (int i = 0; i < 20; ++i) {
    const auto sink = std::make_shared<FakeSink>();
    const auto subscription = Watch(Request(), sink);
    EXPECT_TRUE(sink->WaitForFrame(1).keyframe());
  }
}

TEST_F(SocketHubTest, UnsubscribingWaitsForACallUnderWay) {
  const auto sink = std::make_shared<FakeSink>();
  sink->Hold(true);
  auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  int finished_sends = -1;
  std::jthread leaver([&] {
    subscription.reset();
    finished_sends = sink->finished_sends();
  });
  sink->Hold(false);
  leaver.join();
  EXPECT_EQ(finished_sends, 1);
}

TEST_F(SocketHubTest, StopFailsSubscriptionsAndRefusesNewOnes) {
  const auto sink = std::make_shared<FakeSink>();
  const auto subscription = Watch(Request(), sink);
  sink->WaitForFrame(1);
  hub_.Stop();
  hub_.Stop();
  EXPECT_THAT(sink->WaitForFail(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(hub_.Watch(Request(), sink), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SocketHubTest, RefusesTooManySubscriptions) {
  std::vector<std::unique_ptr<Subscription>> subscriptions;
  for (size_t i = 0; i < kMostSubscriptions; ++i) {
    subscriptions.push_back(Watch(Request(), std::make_shared<FakeSink>()));
  }
  EXPECT_THAT(hub_.Watch(Request(), std::make_shared<FakeSink>()),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(SocketHubTest, NamesWhatIsWrongWithARequest) {
  const auto sink = std::make_shared<FakeSink>();
  EXPECT_THAT(hub_.Watch(Request(99), sink),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("interval_ms: 99 is not between 100 and 60000")));
  EXPECT_THAT(hub_.Watch(Request(60001), sink), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(hub_.Watch(Request(0, "prt 1"), sink),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("filter, column 1")));
  v1::WatchRequest request;
  request.add_field_ids(12);
  EXPECT_THAT(hub_.Watch(request, sink), StatusIs(absl::StatusCode::kInvalidArgument,
                                                  HasSubstr("field_ids: there is no field 12")));
}

TEST_F(SocketHubTest, TakesASnapshot) {
  source_.Have({Connection(1, 443), Connection(2, 80)},
               {{.state = 6, .local = {}, .remote = {{}, 443}}});
  v1::SnapshotRequest request;
  request.set_filter("dport = :443");
  const absl::StatusOr<std::vector<v1::ConnectionFrame>> frames = hub_.Snapshot(request);
  ASSERT_THAT(frames, IsOk());
  ASSERT_EQ(frames->size(), 1u);
  const v1::ConnectionFrame* frame = frames->data();
  EXPECT_TRUE(frame->keyframe());
  EXPECT_EQ(frame->completeness().time_wait(), 1u);
  EXPECT_EQ(frame->completeness().seen(), 1u);
  EXPECT_EQ(frame->completeness().skipped(), 1u);
  sockets::FrameDecoder decoder;
  ASSERT_THAT(decoder.Apply(*frame), IsOk());
  ASSERT_EQ(decoder.rows().size(), 1u);
  EXPECT_EQ(AsSampled((*decoder.rows().begin()).sample), Connection(1, 443));
}

TEST_F(SocketHubTest, PassesOnWhyASnapshotFailed) {
  source_.FailWith(absl::PermissionDeniedError("no"));
  EXPECT_THAT(hub_.Snapshot({}), StatusIs(absl::StatusCode::kPermissionDenied));
  v1::SnapshotRequest request;
  request.set_filter("nonsense");
  EXPECT_THAT(hub_.Snapshot(request), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace tcpfleet::agent
