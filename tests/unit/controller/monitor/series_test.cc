#include "controller/monitor/series.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/controller/monitor/snapshots.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;

SeriesReading ReadOne(const std::string& series, const v1::KernelSnapshot* before,
                      const v1::KernelSnapshot& now, const std::string& network_namespace = "") {
  for (const SeriesReading& reading : ReadSeries(before, now)) {
    if (reading.series->name == series && reading.network_namespace == network_namespace) {
      return reading;
    }
  }
  ADD_FAILURE() << "no " << series;
  return {};
}

TEST(Series, CountConnectionsAndTimeWait) {
  const v1::KernelSnapshot now = SnapshotAfter(10, 0);
  EXPECT_EQ(ReadOne("connections", nullptr, now).Largest(), 40);
  EXPECT_EQ(ReadOne("time_wait", nullptr, now).Largest(), 100);
}

TEST(Series, RatesArePerSecond) {
  const v1::KernelSnapshot before = SnapshotAfter(10, 1'000);
  const v1::KernelSnapshot now = SnapshotAfter(30, 3'000);
  EXPECT_EQ(ReadOne("connect_rate", &before, now).Largest(), 100);
  EXPECT_EQ(ReadOne("accept_rate", &before, now).Largest(), 100);
  // Failed attempts and resets.
  EXPECT_EQ(ReadOne("error_rate", &before, now).Largest(), 200);
  EXPECT_EQ(ReadOne("retransmitted_share", &before, now).Largest(), 0.5);
}

TEST(Series, AFewRetransmissionsAreNoShareOfAFewSegments) {
  const v1::KernelSnapshot before = SnapshotAfter(10, 0);
  const v1::KernelSnapshot now = SnapshotAfter(20, 5);
  EXPECT_EQ(ReadOne("retransmitted_share", &before, now).Largest(), 0.005);
}

TEST(Series, OfDestinationsComeLargestFirst) {
  v1::KernelSnapshot now = SnapshotAfter(10, 0);
  AddPortUse("198.18.0.2", 100, 1'000, now);
  AddPortUse("2001:db8::1", 900, 1'000, now);
  AddPortUse("198.18.0.3", 900, 0, now);
  const SeriesReading reading = ReadOne("port_use", nullptr, now);
  ASSERT_EQ(reading.values.size(), 2u);
  EXPECT_EQ(reading.values[0].subject, "198.18.0.1 to [2001:db8::1]:443");
  EXPECT_EQ(reading.Largest(), 0.9);
  const SeriesReading none = ReadOne("time_wait_per_tuple", nullptr, now);
  EXPECT_TRUE(none.values.empty());
  EXPECT_EQ(none.unknown, "");
}

TEST(Series, NameTheirNamespace) {
  v1::KernelSnapshot now = SnapshotAfter(10, 0);
  *now.add_namespaces() = now.namespaces(0);
  *now.add_namespaces() = now.namespaces(0);
  now.mutable_namespaces(1)->set_name("blue");
  now.mutable_namespaces(2)->set_network_namespace(77);
  EXPECT_EQ(ReadOne("connections", nullptr, now, "blue").Largest(), 40);
  EXPECT_EQ(ReadOne("connections", nullptr, now, "netns 77").Largest(), 40);
}

TEST(Series, SayWhyTheyAreUnknown) {
  const v1::KernelSnapshot before = SnapshotAfter(10, 1'000);
  EXPECT_EQ(ReadOne("connect_rate", nullptr, before).unknown, "it takes two snapshots");
  EXPECT_EQ(ReadOne("connect_rate", &before, SnapshotAfter(20, 999)).unknown,
            "Tcp.ActiveOpens went back");
  EXPECT_THAT(ReadOne("connect_rate", &before, SnapshotAfter(10, 2'000)).unknown,
              HasSubstr("no time"));
  v1::KernelSnapshot rebooted = SnapshotAfter(20, 2'000);
  rebooted.set_boot_id("another");
  EXPECT_EQ(ReadOne("connect_rate", &before, rebooted).unknown, "the host has rebooted");
  v1::KernelSnapshot moved = SnapshotAfter(20, 2'000);
  moved.mutable_namespaces(0)->set_network_namespace(2);
  EXPECT_EQ(ReadOne("connect_rate", &before, moved).unknown, "the namespace is new");

  v1::KernelSnapshot blind = SnapshotAfter(20, 2'000);
  blind.mutable_namespaces(0)->clear_sockets();
  blind.mutable_namespaces(0)->clear_counters();
  EXPECT_EQ(ReadOne("connections", &before, blind).unknown, "inet_diag was not read");
  v1::MissingSource& missing = *blind.add_missing();
  missing.set_source("inet_diag");
  missing.set_why("Operation not permitted");
  for (const char* series : {"connections", "time_wait", "time_wait_per_tuple", "port_use"}) {
    EXPECT_EQ(ReadOne(series, &before, blind).unknown, "inet_diag: Operation not permitted");
  }
  for (const char* series : {"connect_rate", "accept_rate", "error_rate", "retransmitted_share"}) {
    EXPECT_THAT(ReadOne(series, &before, blind).unknown, HasSubstr("/proc/net/snmp"));
  }
  v1::KernelSnapshot no_range = SnapshotAfter(20, 2'000);
  no_range.mutable_namespaces(0)->mutable_sockets()->clear_port_range_low();
  EXPECT_THAT(ReadOne("port_use", &before, no_range).unknown, HasSubstr("ip_local_port_range"));
}

}  // namespace
}  // namespace tcpfleet::controller
