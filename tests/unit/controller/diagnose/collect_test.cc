#include "controller/diagnose/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "common/filter/filter.h"
#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using tests::HealthyHost;
using tests::IsOk;

// Snapshots of the healthy host, one after the other; fails from the one after `last` on.
auto Answering(int last = tests::kSnapshots) {
  return [evidence = HealthyHost(), last, next = 0](
             const v1::SnapshotKernelRequest&,
             const OnMessage<v1::SnapshotKernelResponse>& on_message) mutable -> absl::Status {
    if (next >= last) return absl::UnavailableError("Socket closed");
    v1::SnapshotKernelResponse response;
    *response.mutable_snapshot() = evidence.snapshots(next % tests::kSnapshots);
    ++next;
    on_message(std::move(response));
    return absl::OkStatus();
  };
}

v1::EvidenceBundle Collect(FakeFleet& fake, const std::stop_token& stop = {}) {
  FakeClock clock;
  return CollectEvidence(std::move(fake.fleet), DefaultRules(),
                         {.window = absl::Seconds(8), .most_connections = 10}, clock, stop);
}

TEST(CollectEvidence, TakesFiveSamplesAtLeastOverTheWindow) {
  FakeFleet fake(2);
  for (FakeAgentClient* client : fake.clients) client->snapshot_kernel = Answering();
  std::vector<std::pair<int, int>> progress;
  FakeClock clock;
  const v1::EvidenceBundle bundle =
      CollectEvidence(std::move(fake.fleet), DefaultRules(),
                      {.window = absl::Seconds(8),
                       .on_sample = [&](int taken, int of) { progress.emplace_back(taken, of); }},
                      clock, {});
  ASSERT_EQ(bundle.hosts_size(), 2);
  EXPECT_EQ(bundle.hosts(1).name(), "a2");
  EXPECT_EQ(bundle.hosts(0).snapshots_size(), 5);
  EXPECT_EQ(bundle.hosts(0).sockets_size(), 5);
  EXPECT_GE(clock.now_ns, 8'000'000'000);
  EXPECT_EQ(progress.back(), std::pair(5, 5));
  EXPECT_TRUE(bundle.failures().empty());
}

TEST(CollectEvidence, AsksForTheSysctlsAndConnectionsOfTheRules) {
  FakeFleet fake(1);
  fake.clients[0]->snapshot_kernel = Answering();
  std::vector<std::string> patterns;
  fake.clients[0]->read_sysctls = [&](const v1::ReadSysctlsRequest& request,
                                      const OnMessage<v1::ReadSysctlsResponse>& on_message) {
    patterns.assign(request.patterns().begin(), request.patterns().end());
    v1::ReadSysctlsResponse response;
    response.add_sysctls()->set_key("net/core/somaxconn");
    on_message(std::move(response));
    return absl::OkStatus();
  };
  std::string filter;
  fake.clients[0]->on_snapshot = [&](const v1::SnapshotRequest& request) {
    filter = request.filter();
  };
  const v1::EvidenceBundle bundle = Collect(fake);
  EXPECT_THAT(patterns, testing::Contains("net/core/somaxconn"));
  EXPECT_EQ(bundle.hosts(0).sysctls_size(), 1);
  EXPECT_THAT(filter, HasSubstr("( state = syn-sent )"));
}

TEST(CollectEvidence, AsksWithAFilterThatAgentsUnderstand) {
  const v1::SnapshotRequest request = ConnectionsOf(DefaultRules());
  const auto filter = filter::Filter::Parse(request.filter());
  ASSERT_THAT(filter, IsOk());
  sockets::ConnectionSample sample;
  sample.values.Set(sockets::Field::kState, 2);
  EXPECT_TRUE(filter->Matches(sample));  // SYN-SENT
}

TEST(CollectEvidence, CountsConnectionsBeyondItsBound) {
  FakeFleet fake(1);
  fake.clients[0]->snapshot_kernel = Answering();
  std::vector<sockets::ConnectionSample> samples(13);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].identity.cookie = i + 1;
    samples[i].values.Set(sockets::Field::kState, 2);
  }
  sockets::ConnectionPoll poll;
  poll.live = samples;
  fake.clients[0]->frames = {sockets::FrameEncoder().Encode(poll)};
  const v1::EvidenceBundle bundle = Collect(fake);
  EXPECT_EQ(bundle.hosts(0).sockets(0).connections_size(), 10);
  EXPECT_EQ(bundle.hosts(0).sockets(0).dropped(), 3U);
}

TEST(CollectEvidence, KeepsWhatAnAgentSaidBeforeItFailed) {
  FakeFleet fake(3);
  fake.clients[0]->describe = [] { return absl::UnavailableError("connection refused"); };
  fake.clients[1]->snapshot_kernel = Answering(3);
  fake.clients[2]->snapshot_kernel = Answering(0);
  const v1::EvidenceBundle bundle = Collect(fake);
  ASSERT_EQ(bundle.hosts_size(), 1);
  EXPECT_EQ(bundle.hosts(0).name(), "a2");
  EXPECT_EQ(bundle.hosts(0).snapshots_size(), 3);
  std::vector<std::string> failed;
  for (const v1::AgentFailure& failure : bundle.failures()) failed.push_back(failure.name());
  EXPECT_THAT(failed, ElementsAre("a1", "a3", "a2"));
}

TEST(CollectEvidence, SaysWhyASourceIsMissing) {
  FakeFleet fake(1);
  fake.clients[0]->snapshot_kernel = Answering();
  fake.clients[0]->read_sysctls = [](const auto&, const auto&) {
    return absl::PermissionDeniedError("not for you");
  };
  fake.clients[0]->snapshot_status = absl::InternalError("no sockets");
  const v1::EvidenceBundle bundle = Collect(fake);
  ASSERT_THAT(bundle.hosts(0).missing(), SizeIs(testing::Ge(2)));
  EXPECT_EQ(bundle.hosts(0).missing(0).source(), "sysctls");
  EXPECT_EQ(bundle.hosts(0).missing(0).why(), "not for you");
  EXPECT_EQ(bundle.hosts(0).missing(1).source(), "inet_diag");
}

TEST(CollectEvidence, EndsWhenItIsStopped) {
  FakeFleet fake(1);
  fake.clients[0]->snapshot_kernel = Answering();
  std::stop_source stop;
  stop.request_stop();
  const v1::EvidenceBundle bundle = Collect(fake, stop.get_token());
  EXPECT_EQ(bundle.hosts_size(), 0);
}

}  // namespace
}  // namespace tcpfleet::controller
