#include "controller/generate/fleet_facts.h"

#include <gmock/gmock.h>

#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNowNs = 1'000'000'000'000;

sockets::ConnectionSample SocketAt(const std::string& local) {
  sockets::ConnectionSample sample;
  static uint64_t next_cookie = 7;
  sample.identity.cookie = next_cookie++;
  sample.identity.local = *base::ParseEndpoint(local);
  sample.values.Set(sockets::Field::kState, 10);
  return sample;
}

sockets::ConnectionSample Open(const std::string& local, int idle_seconds) {
  sockets::ConnectionSample sample = SocketAt(local);
  const auto at_ms = static_cast<uint64_t>(kNowNs / 1'000'000 - idle_seconds * 1'000);
  sample.values.Set(sockets::Field::kState, 1);
  sample.values.Set(sockets::Field::kLastDataSentAtMs, at_ms - 5'000);
  sample.values.Set(sockets::Field::kLastDataRecvAtMs, at_ms);
  return sample;
}

v1::ConnectionFrame FrameOf(const std::vector<sockets::ConnectionSample>& samples) {
  sockets::ConnectionPoll poll;
  poll.live = samples;
  poll.monotonic_ns = kNowNs;
  return sockets::FrameEncoder().Encode(poll);
}

void HasSockets(FakeAgentClient& client, const std::vector<sockets::ConnectionSample>& listeners,
                const std::vector<sockets::ConnectionSample>& open) {
  client.on_snapshot = [&client, listeners, open](const v1::SnapshotRequest& request) {
    const bool about_listeners = request.filter().find("listening") != std::string::npos;
    client.frames = {FrameOf(about_listeners ? listeners : open)};
  };
}

filter::Filter Listening() { return *filter::Filter::Parse("state listening"); }

std::vector<std::string> AddressesOf(const FoundBackends& found) {
  std::vector<std::string> addresses;
  for (const Backend& backend : found.backends) addresses.push_back(backend.address.ToString());
  return addresses;
}

TEST(FindBackends, CallsListenersByWhereTheyAreReached) {
  FakeFleet fake(2);
  HasSockets(*fake.clients[0],
             {SocketAt("0.0.0.0:8080"), SocketAt("0.0.0.0:8080"), SocketAt("127.0.0.1:9000")}, {});
  HasSockets(*fake.clients[1], {SocketAt("[::]:8080"), SocketAt("[2001:db8::5]:80")}, {});
  const auto found = FindBackends(*fake.fleet, Listening(), {});
  ASSERT_THAT(found, IsOk());
  EXPECT_THAT(AddressesOf(*found), ElementsAre("a1:8080", "[2001:db8::5]:80", "a2:8080"));
  EXPECT_THAT(found->left_out, ElementsAre(HasSubstr("127.0.0.1:9000")));
}

TEST(FindBackends, MeasuresTheLongestSilenceOfOpenConnections) {
  FakeFleet fake(1);
  HasSockets(*fake.clients[0], {SocketAt("0.0.0.0:8080"), SocketAt("0.0.0.0:81")},
             {Open("10.0.0.1:8080", 3), Open("10.0.0.1:8080", 42), Open("10.0.0.1:22", 900)});
  const auto found = FindBackends(*fake.fleet, Listening(), {});
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->backends.size(), 2u);
  EXPECT_EQ(found->backends[0].longest_idle, absl::Seconds(42));
  EXPECT_EQ(found->backends[1].longest_idle, std::nullopt);
}

TEST(FindBackends, NamesWhoDidNotAnswer) {
  FakeFleet fake(2);
  HasSockets(*fake.clients[0], {SocketAt("0.0.0.0:8080")}, {});
  fake.clients[1]->snapshot_status = absl::UnavailableError("Connection refused");
  const auto found = FindBackends(*fake.fleet, Listening(), {});
  ASSERT_THAT(found, IsOk());
  ASSERT_EQ(found->failures.size(), 1u);
  EXPECT_EQ(found->failures[0].name(), "a2");
}

TEST(FindBackends, RefusesMorePortsThanAFilterHolds) {
  FakeFleet fake(1);
  std::vector<sockets::ConnectionSample> listeners;
  for (int port = 1; port <= 101; ++port) {
    listeners.push_back(SocketAt("0.0.0.0:" + std::to_string(port)));
  }
  HasSockets(*fake.clients[0], listeners, {});
  EXPECT_THAT(FindBackends(*fake.fleet, Listening(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("101 ports")));
}

v1::Sysctl Parameter(const std::string& key, const std::string& value) {
  v1::Sysctl sysctl;
  sysctl.set_key(key);
  sysctl.set_value(value);
  return sysctl;
}

void HasLimits(FakeAgentClient& client) {
  client.read_sysctls = [](const auto&, const auto& on_message) {
    v1::ReadSysctlsResponse response;
    *response.add_sysctls() = Parameter("fs/file-max", "9223372036854775807");
    *response.add_sysctls() = Parameter("fs/nr_open", "1048576");
    *response.add_sysctls() = Parameter("net/core/somaxconn", "4096");
    on_message(response);
    return absl::OkStatus();
  };
  client.snapshot_kernel = [](const auto&, const auto& on_message) {
    v1::SnapshotKernelResponse response;
    v1::KernelSnapshot& snapshot = *response.mutable_snapshot();
    snapshot.mutable_host()->set_cpus(4);
    snapshot.mutable_host()->set_memory_bytes(8'000'000'000);
    v1::SocketSummary& sockets = *snapshot.add_namespaces()->mutable_sockets();
    sockets.set_port_range_low(32'768);
    sockets.set_port_range_high(60'999);
    sockets.set_ports_reserved(32);
    on_message(response);
    return absl::OkStatus();
  };
}

TEST(MeasureProxies, ReadsTheLimitsOfThoseThatAreNamed) {
  FakeClock clock;
  FakeFleet fake(2);
  HasLimits(*fake.clients[1]);
  const auto measured = MeasureProxies(*fake.fleet, {{"a2"}}, clock, {});
  ASSERT_THAT(measured, IsOk());
  ASSERT_EQ(measured->hosts.size(), 1u);
  const ProxyHost& host = measured->hosts[0];
  EXPECT_EQ(host.name, "a2");
  EXPECT_EQ(host.somaxconn, 4'096u);
  EXPECT_EQ(host.most_files, 1'048'576u);
  EXPECT_EQ(host.ports, 28'200u);
  EXPECT_EQ(host.memory_bytes, 8'000'000'000u);
  EXPECT_EQ(host.cpus, 4u);
}

TEST(MeasureProxies, GoesByWhatTheAgentMayOpen) {
  FakeClock clock;
  FakeFleet fake(1);
  HasLimits(*fake.clients[0]);
  fake.clients[0]->describe = [] {
    v1::DescribeResponse host;
    host.mutable_limits()->set_max_open_files(20'000);
    return host;
  };
  const auto measured = MeasureProxies(*fake.fleet, {{"a1"}}, clock, {});
  ASSERT_THAT(measured, IsOk());
  EXPECT_EQ(measured->hosts[0].most_files, 20'000u);
}

TEST(MeasureProxies, KnowsNothingOfWhatIsNotSaid) {
  FakeClock clock;
  FakeFleet fake(1);
  HasLimits(*fake.clients[0]);
  fake.clients[0]->read_sysctls = [](const auto&, const auto&) { return absl::OkStatus(); };
  const auto measured = MeasureProxies(*fake.fleet, {{"a1"}}, clock, {});
  ASSERT_THAT(measured, IsOk());
  EXPECT_EQ(measured->hosts[0].somaxconn, std::nullopt);
  EXPECT_EQ(measured->hosts[0].most_files, std::nullopt);
}

TEST(MeasureProxies, RefusesANameTheFleetDoesNotHave) {
  FakeClock clock;
  FakeFleet fake(1);
  EXPECT_THAT(MeasureProxies(*fake.fleet, {{"a7"}}, clock, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no host 'a7'")));
}

}  // namespace
}  // namespace tcpfleet::controller
