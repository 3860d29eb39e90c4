#include "agent/probe/probe_plan.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::ProbeRequest GoodRequest() {
  v1::ProbeRequest request;
  request.set_host("web.example");
  request.set_port(443);
  request.set_count(5);
  request.set_timeout_ms(3'000);
  request.set_interval_ms(200);
  return request;
}

void ExpectRefused(const v1::ProbeRequest& request, const char* why) {
  EXPECT_THAT(PlanProbe(request), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(why)));
}

TEST(ProbePlan, TakesWhatWasAskedFor) {
  v1::ProbeRequest request = GoodRequest();
  request.set_family(v1::ProbeRequest::FAMILY_IPV6);
  request.set_path_mtu(true);
  const absl::StatusOr<ProbePlan> plan = PlanProbe(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->host, "web.example");
  EXPECT_EQ(plan->port, 443);
  EXPECT_EQ(plan->count, 5u);
  EXPECT_EQ(plan->timeout_ns, 3'000'000'000);
  EXPECT_EQ(plan->interval_ns, 200'000'000);
  EXPECT_EQ(plan->family, base::IpAddress::Family::kV6);
  EXPECT_TRUE(plan->path_mtu);
}

TEST(ProbePlan, NamesTheFieldThatIsOutOfRange) {
  v1::ProbeRequest request = GoodRequest();
  request.set_port(0);
  ExpectRefused(request, "port");
  request.set_port(65'536);
  ExpectRefused(request, "port");
  request = GoodRequest();
  request.set_count(0);
  ExpectRefused(request, "count");
  request.set_count(1'001);
  ExpectRefused(request, "count");
  request = GoodRequest();
  request.set_timeout_ms(0);
  ExpectRefused(request, "timeout_ms");
  request.set_timeout_ms(60'001);
  ExpectRefused(request, "timeout_ms");
  request = GoodRequest();
  request.set_interval_ms(60'001);
  ExpectRefused(request, "interval_ms");
  request = GoodRequest();
  request.set_family(static_cast<v1::ProbeRequest::Family>(3));
  ExpectRefused(request, "family 3");
}

TEST(ProbePlan, RefusesHostsThatAreNeitherNameNorAddress) {
  for (const std::string& host : {std::string(), std::string(254, 'a'), std::string("a b"),
                                  std::string("a\0b", 3), std::string("a\x1b[2J"),
                                  std::string("stra\xc3\x9f"
                                              "e")}) {
    v1::ProbeRequest request = GoodRequest();
    request.set_host(host);
    ExpectRefused(request, "host");
  }
}

TEST(ProbePlan, MayNotTakeLongerThanAnHour) {
  v1::ProbeRequest request = GoodRequest();
  request.set_count(1'000);
  request.set_interval_ms(3'600);
  const absl::StatusOr<ProbePlan> plan = PlanProbe(request);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(CheckProbeTime(*plan, 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("1000 tries of 2 addresses may take 1h40m, at most 1h")));
  request.set_path_mtu(true);
  ExpectRefused(request, "at most 1h");
}

}  // namespace
}  // namespace tcpfleet::agent
