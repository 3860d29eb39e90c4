#include "controller/fleet/hello.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;

constexpr int64_t kAgentAheadNs = 5'000'000'000;

// The probes' ways there and back, in order; the last pair repeats.
struct Network {
  std::vector<std::pair<int64_t, int64_t>> ways_ns;
  size_t probes = 0;

  absl::StatusOr<v1::ProbeClockResponse> Probe(FakeClock& clock) {
    const auto [there_ns, back_ns] = ways_ns[std::min(probes++, ways_ns.size() - 1)];
    v1::ProbeClockResponse response;
    clock.now_ns += there_ns;
    response.set_monotonic_ns(clock.now_ns + kAgentAheadNs);
    clock.now_ns += back_ns;
    return response;
  }
};

TEST(SayHello, TakesTheOffsetFromTheSmallestRoundTrip) {
  FakeClock clock;
  FakeFleet fake(1);
  Network network{{{90'000, 10'000}, {5'000, 7'000}, {50'000, 1'000}}};
  fake.clients[0]->probe_clock = [&] { return network.Probe(clock); };
  const std::vector<Hello> hellos = SayHello(*fake.fleet, clock);
  ASSERT_EQ(hellos.size(), 1u);
  EXPECT_THAT(hellos[0].host, IsOk());
  EXPECT_EQ(hellos[0].clock.offset_ns, kAgentAheadNs - 1'000);
  EXPECT_EQ(hellos[0].clock.uncertainty_ns, 6'000);
  EXPECT_EQ(hellos[0].clock.smallest_round_trip_ns, 12'000);
  EXPECT_EQ(hellos[0].clock.largest_round_trip_ns, 100'000);
  EXPECT_EQ(network.probes, static_cast<size_t>(kClockProbes));
}

TEST(SayHello, KeepsAFailureWithItsAgent) {
  FakeClock clock;
  FakeFleet fake(2);
  fake.clients[0]->describe = [] { return absl::UnavailableError("Connection refused"); };
  const std::vector<Hello> hellos = SayHello(*fake.fleet, clock);
  EXPECT_THAT(hellos[0].host, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(hellos[1].host, IsOk());
}

TEST(SayHello, FailsWhenTheAgentBreaksDuringTheProbes) {
  FakeClock clock;
  FakeFleet fake(1);
  int probes = 0;
  fake.clients[0]->probe_clock = [&]() -> absl::StatusOr<v1::ProbeClockResponse> {
    if (++probes == 3) return absl::UnavailableError("Socket closed");
    return v1::ProbeClockResponse();
  };
  EXPECT_THAT(SayHello(*fake.fleet, clock)[0].host, StatusIs(absl::StatusCode::kUnavailable));
}

TEST(SayHello, StopsProbingWhenTheTimeIsUp) {
  FakeClock clock;
  FakeFleet fake(1);
  Network network{{{1'000'000'000, 1'000'000'000}}};
  fake.clients[0]->probe_clock = [&] { return network.Probe(clock); };
  EXPECT_THAT(SayHello(*fake.fleet, clock)[0].host, IsOk());
  EXPECT_EQ(network.probes, 3u);  // 2 s each, 5 s in all
}

TEST(SayHello, MarksAgentsNotAskedAsCancelled) {
  FakeClock clock;
  FakeFleet fake(1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(SayHello(*fake.fleet, clock, stop.get_token())[0].host,
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace tcpfleet::controller
