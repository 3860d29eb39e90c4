#include "agent/load/wire_checks.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::agent {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;
using Spec = v1::StressSpec;

Spec Of(Spec::Workload workload) {
  Spec spec;
  spec.set_workload(workload);
  spec.set_role(Spec::ROLE_CLIENT);
  return spec;
}

auto Refused(const char* part) {
  return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part));
}

TEST(WireChecks, TakesHttpAloneAndOnlyForClientsThatExchange) {
  Spec spec = Of(Spec::WORKLOAD_RR);
  spec.mutable_http()->set_path("/");
  EXPECT_THAT(CheckWire(spec), IsOk());
  spec.set_response_delimiter("\n");
  EXPECT_THAT(CheckWire(spec), Refused("leave out request"));
  spec.clear_response_delimiter();
  spec.mutable_http()->set_path("no slash");
  EXPECT_THAT(CheckWire(spec), Refused("http path"));
  spec.set_role(Spec::ROLE_SERVER);
  EXPECT_THAT(CheckWire(spec), Refused("ours answers"));
  spec.set_workload(Spec::WORKLOAD_HOLD);
  EXPECT_THAT(CheckWire(spec), Refused("crr and rr"));
}

TEST(WireChecks, BoundsDelimiters) {
  Spec spec = Of(Spec::WORKLOAD_CRR);
  spec.set_response_delimiter(std::string(kMostDelimiterBytes, 'x'));
  EXPECT_THAT(CheckWire(spec), IsOk());
  spec.set_response_delimiter(std::string(kMostDelimiterBytes + 1, 'x'));
  EXPECT_THAT(CheckWire(spec), Refused("1025 bytes, at most 1024"));
}

TEST(WireChecks, BoundsStreams) {
  Spec spec = Of(Spec::WORKLOAD_STREAM);
  EXPECT_THAT(CheckWire(spec), Refused("direction 0"));
  spec.set_direction(Spec::DIRECTION_BOTH);
  EXPECT_THAT(CheckWire(spec), IsOk());
  spec.set_write_bytes(kMostWriteBytes + 1);
  EXPECT_THAT(CheckWire(spec), Refused("write_bytes is 16777217"));
  spec.set_workload(Spec::WORKLOAD_HOLD);
  EXPECT_THAT(CheckWire(spec), Refused("belong to stream"));
}

TEST(WireChecks, ChecksBehaviorOfServersOnly) {
  Spec spec = Of(Spec::WORKLOAD_HOLD);
  spec.mutable_behavior()->set_reset_after_requests(1);
  EXPECT_THAT(CheckWire(spec), IsOk());
  spec.set_role(Spec::ROLE_SERVER);
  EXPECT_THAT(CheckWire(spec), Refused("of crr and rr"));
}

}  // namespace
}  // namespace tcpfleet::agent
