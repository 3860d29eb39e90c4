#include "controller/diagnose/host_observation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::controller {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace tcpfleet::tests;  // NOLINT(google-build-using-namespace): evidence and matchers

constexpr absl::string_view kCounter = "TcpExt.ListenOverflows";

TEST(HostObservation, CountsWhatACounterDidOverTheWindow) {
  v1::HostEvidence evidence = HealthyHost();
  Grow(evidence, kCounter, 40);
  const auto change = HostObservation(evidence, kNamespace).Change(kCounter);
  ASSERT_THAT(change, IsOk());
  EXPECT_EQ(change->delta(), 40U);
  EXPECT_DOUBLE_EQ(change->seconds, 10);
  EXPECT_DOUBLE_EQ(change->per_second(), 4);
  EXPECT_THAT(change->rates, ElementsAre(4, 4, 4, 4));
  EXPECT_EQ(change->IntervalsAtLeast(4), 4U);
  EXPECT_EQ(change->IntervalsAtLeast(4.1), 0U);
}

TEST(HostObservation, DoesNotKnowACounterThatWentBack) {
  v1::HostEvidence evidence = HealthyHost();
  Grow(evidence, kCounter, 40);
  (*NamespaceIn(evidence, 2).mutable_counters())[std::string(kCounter)] = 5;
  EXPECT_THAT(HostObservation(evidence, kNamespace).Change(kCounter),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("was set back")));
}

TEST(HostObservation, DoesNotKnowChangesAcrossABoot) {
  v1::HostEvidence evidence = HealthyHost();
  evidence.mutable_snapshots(4)->set_boot_id("another");
  EXPECT_THAT(HostObservation(evidence, kNamespace).Change(kCounter),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("started anew")));
}

TEST(HostObservation, DoesNotTrustSnapshotsOutOfOrder) {
  v1::HostEvidence evidence = HealthyHost();
  evidence.mutable_snapshots(3)->set_monotonic_ns(evidence.snapshots(2).monotonic_ns());
  EXPECT_THAT(HostObservation(evidence, kNamespace).Change(kCounter),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("order")));
}

TEST(HostObservation, SaysWhyASourceIsMissing) {
  v1::HostEvidence evidence = HealthyHost();
  Remove(evidence, kCounter);
  v1::MissingSource& missing = *evidence.mutable_snapshots(1)->add_missing();
  missing.set_source("/proc/net/netstat");
  missing.set_why("Permission denied");
  EXPECT_THAT(HostObservation(evidence, kNamespace).Change(kCounter),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "TcpExt.ListenOverflows: /proc/net/netstat: Permission denied"));
}

TEST(HostObservation, KnowsInWhichSnapshotsAListenerWas) {
  v1::HostEvidence evidence = HealthyHost();
  AddListener(evidence, Listener(8080, 1, 8), 3);
  const HostObservation host(evidence, kNamespace);
  const auto listeners = host.Listeners();
  ASSERT_THAT(listeners, IsOk());
  ASSERT_EQ(listeners->size(), 2U);
  const ListenerHistory& late = (*listeners)[1];
  EXPECT_EQ(late.last->port(), 8080U);
  EXPECT_THAT(late.samples,
              ElementsAre(nullptr, nullptr, nullptr, testing::NotNull(), testing::NotNull()));
}

TEST(HostObservation, TellsLooksAtAllSocketsFromThoseAtListeners) {
  v1::HostEvidence evidence = HealthyHost();
  EXPECT_EQ(HostObservation(evidence, kNamespace).Looks().size(), 5U);
  AddListener(evidence, Listener(8080, 1, 8));
  LookTwice(evidence);
  const HostObservation host(evidence, kNamespace);
  ASSERT_EQ(host.Looks().size(), 2U);
  EXPECT_EQ(host.Looks()[1].monotonic_ns, evidence.snapshots(4).monotonic_ns());
  EXPECT_EQ(host.Looks()[1].sockets, *host.Sockets());
  EXPECT_THAT(host.LookedAtLeast(2), IsOk());
  EXPECT_THAT(host.LookedAtLeast(3),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "judged by at least 3 looks at all sockets, not by 2: looking costs much "
                       "CPU time on this host"));
  EXPECT_THAT(host.Listeners()->back().samples, testing::SizeIs(5));
}

TEST(HostObservation, KnowsOnlyListenersByALastSnapshotOfThose) {
  v1::HostEvidence evidence = HealthyHost();
  NamespaceIn(evidence, 4).mutable_sockets()->set_listeners_only(true);
  const HostObservation host(evidence, kNamespace);
  EXPECT_THAT(host.Sockets(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("listeners only")));
  EXPECT_EQ(host.Listeners()->size(), 1U);
  EXPECT_THAT(host.ListenersComplete(), IsOk());
}

TEST(HostObservation, FollowsAConnectionByItsCookie) {
  v1::HostEvidence evidence = HealthyHost();
  v1::ConnectionRecord connection = Connection("ESTAB", "10.0.0.1:4000", "10.0.0.2:80");
  (*connection.mutable_fields())["bytes_sent"] = 100;
  (*connection.mutable_fields())["last_data_recv_at_ms"] = 1'004'000;
  AddConnection(evidence, connection);
  (*evidence.mutable_sockets(4)->mutable_connections(0)->mutable_fields())["bytes_sent"] = 350;
  const HostObservation host(evidence, kNamespace);
  const auto connections = host.Connections();
  ASSERT_THAT(connections, IsOk());
  ASSERT_EQ(connections->size(), 1U);
  const ConnectionHistory& history = connections->front();
  EXPECT_EQ(history.samples.size(), 5U);
  EXPECT_DOUBLE_EQ(history.seconds(), 10);
  EXPECT_EQ(history.Growth("bytes_sent"), 250U);
  EXPECT_EQ(history.Growth("bytes_acked"), std::nullopt);
  EXPECT_EQ(history.SecondsSince("last_data_recv_at_ms"), 6);
}

TEST(HostObservation, KnowsSysctlsOnlyOfTheAgentsOwnNamespace) {
  v1::HostEvidence evidence = HealthyHost();
  for (v1::KernelSnapshot& snapshot : *evidence.mutable_snapshots()) {
    v1::NamespaceStatistics& other = *snapshot.add_namespaces();
    other.set_network_namespace(7);
    other.set_name("blue");
  }
  EXPECT_THAT(NamespacesOf(evidence), ElementsAre(kNamespace, 7));
  EXPECT_THAT(HostObservation(evidence, kNamespace).Number("net/core/somaxconn"),
              IsOkAndHolds(4096));
  const HostObservation other(evidence, 7);
  EXPECT_EQ(other.NamespaceName(), "blue");
  EXPECT_THAT(other.Number("net/core/somaxconn"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("own network namespace")));
}

}  // namespace
}  // namespace tcpfleet::controller
