#include "controller/stress/options.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

StressArguments Crr() {
  StressArguments arguments;
  arguments.workload = "crr";
  arguments.targets = {"198.18.0.3:80"};
  return arguments;
}

void ExpectRefused(const StressArguments& arguments, const std::string& text) {
  EXPECT_THAT(ParseStressOptions(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
}

TEST(StressOptions, HaveDocumentedDefaults) {
  StressArguments arguments = Crr();
  arguments.workload = "rr";
  const auto options = ParseStressOptions(arguments);
  ASSERT_THAT(options, IsOk());
  const v1::StressSpec& spec = options->spec;
  EXPECT_EQ(spec.workload(), v1::StressSpec::WORKLOAD_RR);
  EXPECT_EQ(spec.connections(), 64u);
  EXPECT_EQ(spec.rate_per_second(), 0);
  EXPECT_EQ(spec.duration_ms(), 10'000u);
  EXPECT_EQ(spec.warmup_ms(), 1'000u);
  EXPECT_EQ(spec.connect_timeout_ms(), 5'000u);
  EXPECT_EQ(spec.close_mode(), v1::StressSpec::CLOSE_MODE_RST);
  EXPECT_EQ(spec.request_bytes(), 1u);
  EXPECT_EQ(spec.response_bytes(), 1u);
  EXPECT_EQ(spec.interval_ms(), 1'000u);
  EXPECT_EQ(spec.tcp_info_connections(), 1'000u);
  EXPECT_EQ(spec.threads(), 0u);
  EXPECT_EQ(spec.cooldown_ms(), 0u);
  EXPECT_EQ(spec.exemplars(), 10u);
  EXPECT_FALSE(spec.has_arrivals());
  EXPECT_FALSE(spec.has_behavior());
  EXPECT_TRUE(spec.socket_options().no_delay());
  EXPECT_TRUE(spec.socket_options().keepalive());
  EXPECT_EQ(spec.socket_options().keepalive_idle_seconds(), 30u);
  EXPECT_EQ(spec.socket_options().keepalive_interval_seconds(), 5u);
  EXPECT_EQ(spec.socket_options().keepalive_probes(), 3u);
  EXPECT_TRUE(spec.socket_options().linger_reset());
  EXPECT_EQ(spec.targets(0).host(), "198.18.0.3");
  EXPECT_EQ(spec.targets(0).port(), 80u);
}

TEST(StressOptions, LeaveKeepaliveOffWhereConnectionsLiveForOneExchange) {
  EXPECT_FALSE(ParseStressOptions(Crr())->spec.socket_options().keepalive());
}

TEST(StressOptions, HoldCountsFromItsStart) {
  StressArguments arguments = Crr();
  arguments.workload = "hold";
  EXPECT_EQ(ParseStressOptions(arguments)->spec.warmup_ms(), 0u);
}

TEST(StressOptions, TakeServeListsWithDataAddresses) {
  StressArguments arguments = Crr();
  arguments.targets.clear();
  arguments.serve = {"a,b@198.18.0.3", "c"};
  const auto options = ParseStressOptions(arguments);
  ASSERT_THAT(options, IsOk());
  ASSERT_EQ(options->serve.size(), 3u);
  EXPECT_EQ(options->serve[1].agent, "b");
  EXPECT_EQ(options->serve[1].data_address, "198.18.0.3");
  EXPECT_EQ(options->serve[2].agent, "c");
}

TEST(StressOptions, TakeFractionalAndScaledRates) {
  StressArguments arguments = Crr();
  arguments.rate = "0.5";
  EXPECT_EQ(ParseStressOptions(arguments)->spec.rate_per_second(), 0.5);
  arguments.rate = "20k";
  EXPECT_EQ(ParseStressOptions(arguments)->spec.rate_per_second(), 20'000);
}

TEST(StressOptions, TakeAllAndNoneForTcpInfo) {
  StressArguments arguments = Crr();
  arguments.tcp_info = "all";
  EXPECT_EQ(ParseStressOptions(arguments)->spec.tcp_info_connections(), kSampleAllConnections);
  arguments.tcp_info = "none";
  EXPECT_EQ(ParseStressOptions(arguments)->spec.tcp_info_connections(), 0u);
}

TEST(StressOptions, TurnKeepaliveOff) {
  StressArguments arguments = Crr();
  arguments.keepalive = "off";
  EXPECT_FALSE(ParseStressOptions(arguments)->spec.socket_options().keepalive());
}

TEST(StressOptions, SuggestTheWorkloadThatWasMeant) {
  StressArguments arguments = Crr();
  arguments.workload = "conect";
  ExpectRefused(arguments, "unknown workload 'conect', did you mean 'connect'?");
}

TEST(StressOptions, WantEitherTargetOrServe) {
  StressArguments arguments = Crr();
  arguments.serve = {"a"};
  ExpectRefused(arguments, "exclude each other");
  arguments.serve.clear();
  arguments.targets.clear();
  ExpectRefused(arguments, "nothing to connect to");
}

struct BadOption {
  std::string StressArguments::*option;
  std::string value;
  std::string complaint;
};

TEST(StressOptions, RefuseAbsurdValuesNamingTheOption) {
  const BadOption bad[] = {
      {&StressArguments::connections, "0", "--connections"},
      {&StressArguments::connections, "-5", "--connections"},
      {&StressArguments::connections, "101M", "--connections"},
      {&StressArguments::connections, "many", "--connections"},
      {&StressArguments::rate, "-1", "--rate"},
      {&StressArguments::rate, "nan", "--rate"},
      {&StressArguments::rate, "inf", "--rate"},
      {&StressArguments::rate, "1e5", "--rate"},
      {&StressArguments::rate, "2G", "--rate"},
      {&StressArguments::rate, "", "--rate"},
      {&StressArguments::duration, "25h", "--duration"},
      {&StressArguments::duration, "-1s", "--duration"},
      {&StressArguments::duration, "0", "--duration"},
      {&StressArguments::warmup, "25h", "--warmup"},
      {&StressArguments::connect_timeout, "0s", "--connect-timeout"},
      {&StressArguments::interval, "99ms", "--interval"},
      {&StressArguments::interval, "61s", "--interval"},
      {&StressArguments::close, "reset", "--close"},
      {&StressArguments::keepalive, "30s/5s", "--keepalive"},
      {&StressArguments::keepalive, "0s/5s/3", "--keepalive"},
      {&StressArguments::keepalive, "1.5s/5s/3", "--keepalive"},
      {&StressArguments::keepalive, "30s/5s/128", "--keepalive"},
      {&StressArguments::request_bytes, "0", "--request-bytes"},
      {&StressArguments::response_bytes, "1048577", "--response-bytes"},
      {&StressArguments::threads, "1025", "--threads"},
      {&StressArguments::tcp_info, "some", "--tcp-info"},
  };
  for (const BadOption& option : bad) {
    SCOPED_TRACE(option.complaint + " " + option.value);
    StressArguments arguments = Crr();
    arguments.*option.option = option.value;
    ExpectRefused(arguments, option.complaint);
  }
}

TEST(StressOptions, RefuseMessageSizesWhereNothingIsSent) {
  StressArguments arguments = Crr();
  arguments.workload = "hold";
  arguments.response_bytes = "10";
  ExpectRefused(arguments, "--response-bytes: does not apply to hold, only to crr, rr");
}

TEST(StressOptions, RefuseMalformedTargetsAndServers) {
  StressArguments arguments = Crr();
  arguments.targets = {"host-without-port"};
  ExpectRefused(arguments, "--target");
  arguments.targets.clear();
  for (const std::string serve : {"a,,b", "a@", "@1.2.3.4", ""}) {
    arguments.serve = {serve};
    ExpectRefused(arguments, "--serve");
  }
  arguments.serve = {"a", "a"};
  ExpectRefused(arguments, "named twice");
}

TEST(StressOptions, RefuseMoreTargetsThanAgentsTake) {
  StressArguments arguments = Crr();
  arguments.targets.assign(1025, "198.18.0.3:80");
  ExpectRefused(arguments, "1024");
}

TEST(StressOptions, RefuseThresholdsBeforeAnythingStarts) {
  StressArguments arguments = Crr();
  arguments.thresholds = {"failedPercent<1", "conectLatencyUs.p99<5"};
  ExpectRefused(arguments, "did you mean 'connectLatencyUs'?");
}

}  // namespace
}  // namespace tcpfleet::controller
