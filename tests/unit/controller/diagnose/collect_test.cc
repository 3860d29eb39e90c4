#include "controller/diagnose/collect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/filter/filter.h"
#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using tests::HealthyHost;
using tests::IsOk;

// Answers with snapshots of the healthy host, one after the other; fails from the one after `last`
// on. Keeps what it was asked.
struct Answering {
  v1::HostEvidence evidence = HealthyHost();
  int last = tests::kSnapshots;
  uint64_t cost_us = 0;
  std::vector<v1::ConnectionFrame> frames = {sockets::FrameEncoder().Encode({})};
  std::vector<v1::SnapshotKernelRequest>* asked = nullptr;
  int next = 0;

  absl::Status operator()(const v1::SnapshotKernelRequest& request,
                          const OnMessage<v1::SnapshotKernelResponse>& on_message) {
    if (asked != nullptr) asked->push_back(request);
    if (next >= last) return absl::UnavailableError("Socket closed");
    v1::SnapshotKernelResponse response;
    *response.mutable_snapshot() = evidence.snapshots(next % tests::kSnapshots);
    response.mutable_snapshot()->set_cost_cpu_us(cost_us);
    if (request.has_pick()) {
      for (const v1::ConnectionFrame& frame : frames) *response.add_connections() = frame;
    }
    ++next;
    on_message(std::move(response));
    return absl::OkStatus();
  }
};

v1::EvidenceBundle Collect(FakeFleet& fake, const std::stop_token& stop = {}) {
  FakeClock clock;
  return CollectEvidence(std::move(fake.fleet), DefaultRules(),
                         {.window = absl::Seconds(8), .most_connections = 10}, clock, stop);
}

bool LooksAtAllSockets(const v1::SnapshotKernelRequest& request) {
  if (request.parts().empty()) return true;
  EXPECT_THAT(request.parts(), Contains(v1::SnapshotKernelRequest::PART_LISTENERS));
  EXPECT_THAT(request.parts(), Contains(v1::SnapshotKernelRequest::PART_COUNTERS));
  EXPECT_THAT(request.parts(), Not(Contains(v1::SnapshotKernelRequest::PART_SOCKETS)));
  EXPECT_FALSE(request.has_pick());
  return false;
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
  std::vector<v1::SnapshotKernelRequest> asked;
  fake.clients[0]->snapshot_kernel = Answering{.asked = &asked};
  const v1::EvidenceBundle bundle = Collect(fake);
  EXPECT_THAT(patterns, testing::Contains("net/core/somaxconn"));
  EXPECT_EQ(bundle.hosts(0).sysctls_size(), 1);
  ASSERT_THAT(asked, SizeIs(5));
  EXPECT_THAT(asked[0].pick().filter(), HasSubstr("( state = syn-sent )"));
  EXPECT_EQ(asked[0].pick().most(), 10u);
}

TEST(CollectEvidence, AsksWithAFilterThatAgentsUnderstand) {
  FakeFleet fake(1);
  std::vector<v1::SnapshotKernelRequest> asked;
  fake.clients[0]->snapshot_kernel = Answering{.asked = &asked};
  Collect(fake);
  ASSERT_THAT(asked, Not(IsEmpty()));
  const auto filter = filter::Filter::Parse(asked[0].pick().filter());
  ASSERT_THAT(filter, IsOk());
  sockets::ConnectionSample sample;
  sample.values.Set(sockets::Field::kState, 2);
  EXPECT_TRUE(filter->Matches(sample));  // SYN-SENT
}

TEST(CollectEvidence, LooksForOwnersInTheSecondSampleAndInTheLast) {
  FakeFleet fake(1);
  std::vector<v1::SnapshotKernelRequest> asked;
  fake.clients[0]->snapshot_kernel = Answering{.asked = &asked};
  Collect(fake);
  std::vector<bool> owners;
  for (const v1::SnapshotKernelRequest& request : asked) {
    EXPECT_TRUE(LooksAtAllSockets(request));
    owners.push_back(request.owners());
  }
  EXPECT_THAT(owners, ElementsAre(false, true, false, false, true));
}

// Of 8 s a tenth may be spent.
TEST(CollectEvidence, LooksLessOftenWhereItCostsMuch) {
  const auto looks = [](uint64_t cost_us) {
    FakeFleet fake(1);
    std::vector<v1::SnapshotKernelRequest> asked;
    fake.clients[0]->snapshot_kernel = Answering{.cost_us = cost_us, .asked = &asked};
    const v1::EvidenceBundle bundle = Collect(fake);
    EXPECT_EQ(bundle.hosts(0).snapshots_size(), 5);
    EXPECT_THAT(bundle.hosts(0).missing(), IsEmpty());
    std::vector<bool> full;
    for (const v1::SnapshotKernelRequest& request : asked) {
      full.push_back(LooksAtAllSockets(request));
    }
    EXPECT_EQ(bundle.hosts(0).sockets_size(), std::count(full.begin(), full.end(), true));
    EXPECT_TRUE(asked.back().owners());
    return full;
  };
  EXPECT_THAT(looks(160'000), ElementsAre(true, true, true, true, true));
  EXPECT_THAT(looks(200'000), ElementsAre(true, false, true, true, true));
  EXPECT_THAT(looks(260'000), ElementsAre(true, false, false, true, true));
  EXPECT_THAT(looks(400'000), ElementsAre(true, false, false, false, true));
  EXPECT_THAT(looks(4'000'000), ElementsAre(true, false, false, false, true));
}

TEST(CollectEvidence, CountsConnectionsBeyondItsBound) {
  FakeFleet fake(1);
  std::vector<sockets::ConnectionSample> samples(13);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].identity.cookie = i + 1;
    samples[i].values.Set(sockets::Field::kState, 2);
  }
  sockets::ConnectionPoll poll;
  poll.live = samples;
  poll.completeness.set_dropped(4);
  fake.clients[0]->snapshot_kernel = Answering{.frames = {sockets::FrameEncoder().Encode(poll)}};
  const v1::EvidenceBundle bundle = Collect(fake);
  EXPECT_EQ(bundle.hosts(0).sockets(0).connections_size(), 10);
  EXPECT_EQ(bundle.hosts(0).sockets(0).dropped(), 7U);
}

TEST(CollectEvidence, KeepsWhatAnAgentSaidBeforeItFailed) {
  FakeFleet fake(3);
  fake.clients[0]->describe = [] { return absl::UnavailableError("connection refused"); };
  fake.clients[1]->snapshot_kernel = Answering{.last = 3};
  fake.clients[2]->snapshot_kernel = Answering{.last = 0};
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
  fake.clients[0]->snapshot_kernel = Answering{.frames = {}};
  fake.clients[0]->read_sysctls = [](const auto&, const auto&) {
    return absl::PermissionDeniedError("not for you");
  };
  const v1::EvidenceBundle bundle = Collect(fake);
  ASSERT_THAT(bundle.hosts(0).missing(), SizeIs(testing::Ge(2)));
  EXPECT_EQ(bundle.hosts(0).missing(0).source(), "sysctls");
  EXPECT_EQ(bundle.hosts(0).missing(0).why(), "not for you");
  EXPECT_EQ(bundle.hosts(0).missing(1).source(), "inet_diag");
  EXPECT_EQ(bundle.hosts(0).missing(1).why(), "the agent sends no connections");
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
