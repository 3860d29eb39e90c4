#include "agent/load/load_wish.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tcpfleet::agent {
namespace {

using Spec = v1::StressSpec;

RunPlan Client(Spec::Workload workload) {
  RunPlan plan;
  plan.spec.set_workload(workload);
  plan.spec.set_connections(50);
  plan.spec.set_request_bytes(100);
  plan.exchanges = workload == Spec::WORKLOAD_CRR || workload == Spec::WORKLOAD_RR;
  return plan;
}

TEST(PeakRate, IsThisAgentsPartOfTheFleets) {
  Spec spec = Client(Spec::WORKLOAD_RR).spec;
  EXPECT_TRUE(std::isinf(PeakRate(spec)));
  spec.set_rate_per_second(1000);
  EXPECT_EQ(PeakRate(spec), 1000);
  spec.mutable_schedule_share()->set_stride(4);
  spec.mutable_schedule_share()->add_offsets(0);
  spec.mutable_schedule_share()->add_offsets(3);
  EXPECT_EQ(PeakRate(spec), 500);
}

TEST(PeakRate, IsTheHighestOfAllSegments) {
  Spec spec;
  for (const auto& [from, to] : {std::pair{0, 300}, {300, 700}, {10, 10}}) {
    v1::RateSegment& segment = *spec.add_rate_segments();
    segment.set_from_per_second(from);
    segment.set_to_per_second(to);
  }
  EXPECT_EQ(PeakRate(spec), 700);
}

TEST(PeakRate, AddsWhatEveryConnectionDoes) {
  Spec spec = Client(Spec::WORKLOAD_RR).spec;
  spec.set_rate_per_connection(2);
  EXPECT_EQ(PeakRate(spec), 100);
}

TEST(WishOf, CountsNewConnectionsByWorkload) {
  RunPlan plan = Client(Spec::WORKLOAD_CRR);
  EXPECT_EQ(WishOf(plan).new_connections_per_second, 0);  // closed loop: as many as there may be
  plan.spec.set_rate_per_second(1000);
  EXPECT_EQ(WishOf(plan).new_connections_per_second, 1000);
  plan.spec.set_workload(Spec::WORKLOAD_RR);
  EXPECT_EQ(WishOf(plan).new_connections_per_second, 0);
  plan.spec.set_requests_per_connection(10);
  EXPECT_EQ(WishOf(plan).new_connections_per_second, 100);
}

TEST(WishOf, CountsTheBitsOfRequests) {
  RunPlan plan = Client(Spec::WORKLOAD_RR);
  EXPECT_EQ(WishOf(plan).bits_per_second, 0);
  plan.spec.set_rate_per_second(1000);
  EXPECT_EQ(WishOf(plan).bits_per_second, 800'000);
  plan.spec.set_request("GET x");
  EXPECT_EQ(WishOf(plan).bits_per_second, 40'000);
}

TEST(WishOf, NamesTheRunForThoseItKeepsOut) {
  RunPlan plan = Client(Spec::WORKLOAD_HOLD);
  EXPECT_EQ(WishOf(plan).description, "hold client with 50 connections");
  plan.is_client = false;
  EXPECT_EQ(WishOf(plan).description, "hold server with 50 connections");
  EXPECT_EQ(WishOf(plan).rate_per_second, 0);
}

}  // namespace
}  // namespace tcpfleet::agent
