#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

// 20 connects to a listener of backlog 4 that never accepts.
v1::HostEvidence Overflowing() {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenOverflows", 60);
  Grow(host, "TcpExt.ListenDrops", 60);
  AddListener(host, Listener(8080, 5, 4, "app", 4711));
  return host;
}

TEST(AcceptQueueOverflow, NamesTheListenerAndItsNumbers) {
  const auto findings = Ask("accept-queue-overflow", Overflowing());
  ASSERT_THAT(findings, IsOk());
  ASSERT_THAT(*findings, SizeIs(1));
  const v1::Finding& finding = findings->front();
  EXPECT_EQ(finding.severity(), "crit");
  EXPECT_EQ(finding.subject(), "0.0.0.0:8080 app[4711]");
  EXPECT_EQ(finding.confidence(), "high");
  const v1::FindingEvidence& overflows = EvidenceOf(finding, "TcpExt.ListenOverflows");
  EXPECT_EQ(overflows.source(), "/proc/net/netstat");
  EXPECT_EQ(overflows.before(), 1'000);
  EXPECT_EQ(overflows.after(), 1'060);
  EXPECT_DOUBLE_EQ(overflows.per_second(), 6);
  EXPECT_EQ(overflows.threshold(), 1);
  EXPECT_EQ(EvidenceOf(finding, "accept_queue").after(), 5);
  EXPECT_EQ(EvidenceOf(finding, "accept_queue").threshold(), 5);
}

TEST(AcceptQueueOverflow, IsCriticalFromOneASecond) {
  v1::HostEvidence host = HealthyHost();
  AddListener(host, Listener(8080, 5, 4));
  Grow(host, "TcpExt.ListenOverflows", 9);
  EXPECT_EQ(Ask("R01", host)->front().severity(), "warn");
  Grow(host, "TcpExt.ListenOverflows", 1);
  EXPECT_EQ(Ask("R01", host)->front().severity(), "crit");
  EXPECT_EQ(Ask("R01", host, "crit_per_second", 1.01)->front().severity(), "warn");
}

TEST(AcceptQueueOverflow, DoesNotKnowTheListenerWhoseQueueWasFullBetweenSnapshots) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenOverflows", 2);
  const auto findings = Ask("R01", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().subject(), "unknown listener");
  EXPECT_EQ(findings->front().confidence(), "low");
}

TEST(AcceptQueueOverflow, ForgivesAListenerThatHasJustBegun) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenOverflows", 3);
  AddListener(host, Listener(8080, 5, 4), 2);
  EXPECT_EQ(Ask("R01", host)->front().severity(), "info");
  EXPECT_EQ(Ask("R01", host, "start_burst", 2)->front().severity(), "warn");
}

TEST(AcceptQueueNearFull, FiresAtTheShareAndNotBelow) {
  v1::HostEvidence below = HealthyHost();
  AddListener(below, Listener(8080, 11, 16));  // 0.647 of 17
  EXPECT_THAT(*Ask("accept-queue-near-full", below), IsEmpty());
  v1::HostEvidence at = HealthyHost();
  AddListener(at, Listener(8080, 12, 16));  // 0.706
  ASSERT_THAT(*Ask("R02", at), SizeIs(1));
  EXPECT_EQ(Ask("R02", at)->front().severity(), "warn");
  EXPECT_NEAR(EvidenceOf(Ask("R02", at)->front(), "accept_queue").threshold(), 11.9, 1e-9);
}

TEST(AcceptQueueNearFull, WantsThreeSnapshotsAndASensibleBacklog) {
  v1::HostEvidence brief = HealthyHost();
  AddListener(brief, Listener(8080, 14, 16), kSnapshots - 2);
  EXPECT_THAT(*Ask("R02", brief), IsEmpty());
  AddListener(brief, Listener(9090, 7, 7));
  EXPECT_THAT(*Ask("R02", brief), IsEmpty());
  v1::HostEvidence two = HealthyHost();
  two.mutable_snapshots()->DeleteSubrange(0, 3);
  EXPECT_THAT(Ask("R02", two), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(AcceptQueueNearFull, LeavesAnOverflowToTheRuleOfOverflows) {
  v1::HostEvidence host = HealthyHost();
  AddListener(host, Listener(8080, 17, 16));
  EXPECT_THAT(*Ask("R02", host), SizeIs(1));
  Grow(host, "TcpExt.ListenOverflows", 5);
  EXPECT_THAT(*Ask("R02", host), IsEmpty());
}

TEST(AcceptQueueNearFull, IsNotFineWhenListenersWereLeftOut) {
  v1::HostEvidence host = HealthyHost();
  NamespaceIn(host, kSnapshots - 1).mutable_sockets()->set_listeners_dropped(7);
  EXPECT_THAT(Ask("R02", host), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         testing::HasSubstr("7 listeners were left out")));
}

TEST(ListenBacklogCapped, TellsALoweredLimitFromOneThatIsKept) {
  v1::HostEvidence host = HealthyHost();
  SetSysctl(host, "net/core/somaxconn", "64");
  AddListener(host, Listener(8080, 0, 64));
  ASSERT_THAT(*Ask("listen-backlog-capped", host), SizeIs(1));
  EXPECT_EQ(Ask("R03", host)->front().severity(), "info");
  EXPECT_EQ(Ask("R03", host)->front().title(), "");  // the rule's own

  v1::HostEvidence kept = HealthyHost();
  AddListener(kept, Listener(8080, 70, 128));
  ASSERT_THAT(*Ask("R03", kept), SizeIs(1));
  EXPECT_EQ(Ask("R03", kept)->front().confidence(), "low");
}

TEST(ListenBacklogCapped, IsSilentWhereTheQueueIsEmptyAndTheLimitIsTheKernels) {
  v1::HostEvidence host = HealthyHost();
  AddListener(host, Listener(8080, 0, 4096));
  AddListener(host, Listener(8081, 10, 128));
  EXPECT_THAT(*Ask("R03", host), IsEmpty());
}

TEST(ReuseportSkew, NamesTheWorkerThatIsStuck) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenOverflows", 15);
  AddListener(host, Listener(8080, 5, 4, "worker", 21));
  AddListener(host, Listener(8080, 0, 4, "worker", 22));
  const auto findings = Ask("reuseport-listener-skew", host);
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(findings->front().severity(), "crit");
  EXPECT_EQ(findings->front().subject(), "0.0.0.0:8080 worker[21]");
}

TEST(ReuseportSkew, IsNoSkewWhenAllAreFull) {
  v1::HostEvidence host = HealthyHost();
  Grow(host, "TcpExt.ListenOverflows", 15);
  AddListener(host, Listener(8080, 5, 4, "worker", 21));
  AddListener(host, Listener(8080, 5, 4, "worker", 22));
  EXPECT_THAT(*Ask("R04", host), IsEmpty());
}

TEST(ReuseportSkew, NeedsOverflows) {
  v1::HostEvidence host = HealthyHost();
  AddListener(host, Listener(8080, 5, 4, "worker", 21));
  AddListener(host, Listener(8080, 0, 4, "worker", 22));
  EXPECT_THAT(*Ask("R04", host), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::tests
