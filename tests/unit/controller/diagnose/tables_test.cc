#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Of every snapshot, with its index.
v1::HostEvidence Changed(
    const std::function<void(v1::HostStatistics&, v1::NamespaceStatistics&, uint64_t)>& change) {
  v1::HostEvidence host = HealthyHost();
  for (int i = 0; i < kSnapshots; ++i) {
    change(*host.mutable_snapshots(i)->mutable_host(), NamespaceIn(host, i),
           static_cast<uint64_t>(i));
  }
  return host;
}

v1::HostEvidence Tracked(uint64_t entries, uint64_t dropped = 0) {
  return Changed([&](auto&, v1::NamespaceStatistics& statistics, uint64_t i) {
    v1::Conntrack& conntrack = *statistics.mutable_conntrack();
    conntrack.set_entries(entries);
    conntrack.set_maximum(1'000);
    (*conntrack.mutable_counters())["drop"] = dropped * i / 4;
  });
}

TEST(Conntrack, IsNearFullThenFull) {
  EXPECT_THAT(*Ask("conntrack-near-full", Tracked(749)), IsEmpty());
  EXPECT_EQ(Ask("R40", Tracked(750))->front().severity(), "warn");
  EXPECT_THAT(*Ask("conntrack-table-full", Tracked(899)), IsEmpty());
  EXPECT_EQ(Ask("R39", Tracked(900))->front().severity(), "crit");
  EXPECT_THAT(*Ask("R40", Tracked(900)), IsEmpty());
}

TEST(Conntrack, MindsEveryDrop) {
  const auto findings = Ask("R39", Tracked(20, 20));
  ASSERT_THAT(*findings, SizeIs(1));
  EXPECT_EQ(EvidenceOf(findings->front(), "drop").after(), 20);
}

TEST(Conntrack, IsNotEvaluatedWithoutTheModule) {
  const v1::HostEvidence host = Changed(
      [](auto&, v1::NamespaceStatistics& statistics, uint64_t) { statistics.clear_conntrack(); });
  EXPECT_THAT(Ask("R39", host),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("nf_conntrack")));
  EXPECT_THAT(Ask("R40", host), StatusIs(absl::StatusCode::kFailedPrecondition));
}

v1::HostEvidence Neighbours(uint64_t entries, uint64_t forced, uint64_t full) {
  return Changed([&](v1::HostStatistics& statistics, auto&, uint64_t i) {
    v1::NeighbourTable& table = *statistics.mutable_neighbours(0);
    table.set_entries(entries);
    (*table.mutable_counters())["forced_gc_runs"] = forced * i / 4;
    (*table.mutable_counters())["table_fulls"] = full * i / 4;
  });
}

TEST(NeighbourPressure, WarnsBeforeTheTableIsFull) {
  EXPECT_THAT(*Ask("neighbour-table-pressure", Neighbours(819, 0, 0)), IsEmpty());
  EXPECT_EQ(Ask("R41", Neighbours(820, 0, 0))->front().severity(), "warn");
  EXPECT_EQ(Ask("R41", Neighbours(20, 3, 0))->front().severity(), "warn");
  EXPECT_EQ(Ask("R41", Neighbours(20, 3, 1))->front().severity(), "crit");
  EXPECT_EQ(Ask("R41", Neighbours(20, 3, 1))->front().subject(), "arp table");
}

v1::HostEvidence WithFiles(uint64_t open, uint64_t unreadable = 0) {
  return Changed([&](v1::HostStatistics& statistics, auto&, uint64_t) {
    statistics.mutable_processes(0)->set_open_files(open);
    statistics.set_processes_unreadable(unreadable);
  });
}

TEST(ProcessFiles, NamesTheProcess) {
  EXPECT_THAT(*Ask("process-fd-exhaustion", WithFiles(819)), IsEmpty());
  EXPECT_EQ(Ask("R33", WithFiles(820))->front().severity(), "warn");
  EXPECT_EQ(Ask("R33", WithFiles(820))->front().subject(), "nginx[812]");
  EXPECT_EQ(Ask("R33", WithFiles(973))->front().severity(), "crit");
  EXPECT_THAT(*Ask("R33", WithFiles(973), "least_files", 974), IsEmpty());
  EXPECT_THAT(Ask("R33", WithFiles(100, 3)),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("3 processes")));
}

TEST(SystemFiles, KnowsUnlimited) {
  v1::HostEvidence host = Changed(
      [](v1::HostStatistics& statistics, auto&, uint64_t) { statistics.set_open_files(700'000); });
  EXPECT_EQ(Ask("system-fd-exhaustion", host)->front().severity(), "warn");
  for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
    snapshot.mutable_host()->set_open_files(900'000);
  }
  EXPECT_EQ(Ask("R45", host)->front().severity(), "crit");
  for (v1::KernelSnapshot& snapshot : *host.mutable_snapshots()) {
    snapshot.mutable_host()->clear_most_open_files();
  }
  EXPECT_THAT(*Ask("R45", host), IsEmpty());
}

v1::HostEvidence Softnet(uint64_t squeezes, uint64_t drops) {
  return Changed([&](v1::HostStatistics& statistics, auto&, uint64_t i) {
    statistics.mutable_softnet(1)->set_time_squeeze(squeezes * i / 4);
    statistics.mutable_softnet(1)->set_dropped(drops * i / 4);
  });
}

TEST(Softnet, NamesTheCpu) {
  EXPECT_THAT(*Ask("softnet-budget-squeeze", Softnet(96, 0)), IsEmpty());
  EXPECT_EQ(Ask("R42", Softnet(100, 0))->front().severity(), "info");
  EXPECT_EQ(Ask("R42", Softnet(100, 4))->front().severity(), "warn");
  EXPECT_EQ(Ask("R42", Softnet(100, 4))->front().subject(), "CPU 1");
  EXPECT_THAT(*Ask("softnet-backlog-drop", Softnet(100, 0)), IsEmpty());
  EXPECT_EQ(Ask("R43", Softnet(0, 1))->front().severity(), "warn");
  EXPECT_EQ(Ask("R43", Softnet(0, 100))->front().severity(), "crit");
}

v1::HostEvidence Queued(uint64_t drops) {
  return Changed([&](auto&, v1::NamespaceStatistics& statistics, uint64_t i) {
    statistics.mutable_interfaces(0)->mutable_qdiscs(0)->set_drops(drops * i / 4);
  });
}

TEST(QdiscDrop, NamesDeviceAndQueue) {
  EXPECT_THAT(*Ask("qdisc-drop", Queued(39)), IsEmpty());  // of some 40,000 packets
  EXPECT_EQ(Ask("R44", Queued(44))->front().severity(), "info");
  EXPECT_EQ(Ask("R44", Queued(44))->front().subject(), "eth0 fq_codel 8001:");
  EXPECT_EQ(Ask("R44", Queued(420))->front().severity(), "warn");
}

TEST(QdiscDrop, SaysWhenAQueueIsNew) {
  v1::HostEvidence host = Queued(0);
  NamespaceIn(host, 0).clear_interfaces();
  EXPECT_THAT(Ask("R44", host),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not in every snapshot")));
}

}  // namespace
}  // namespace tcpfleet::tests
