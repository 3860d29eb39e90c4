// The connection frames of a run add up to the bytes its load generator has counted.
#include <absl/strings/str_cat.h>

#include <map>
#include <utility>

#include "tests/integration/sockets_fixture.h"

namespace tcpfleet::tests {
namespace {

using sockets::Field;

constexpr int64_t kAheadNs = 300'000'000;
constexpr int64_t kHeartbeatNs = 500'000'000;
constexpr int kAttempts = 5;

// What TCP_INFO says of one side's connections, ended and live.
struct Bytes {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t acknowledged = 0;
  size_t connections = 0;
};

// One agent's part in a run, told what to do step by step.
class RunDriver {
 public:
  explicit RunDriver(controller::AgentClient& client)
      : call_(client.Run([this](v1::RunResponse event) { events_.Push(std::move(event)); },
                         [this](const absl::Status&) { events_.Push(std::nullopt); })) {}

  v1::Prepared Prepare(const v1::StressSpec& spec) {
    v1::RunRequest request;
    *request.mutable_prepare() = spec;
    EXPECT_TRUE(call_->Send(request));
    EXPECT_TRUE(Await([&] { return prepared_.has_value(); }));
    return prepared_.value_or(v1::Prepared());
  }
  void Start(int64_t monotonic_ns) {
    v1::RunRequest request;
    request.mutable_start()->set_monotonic_ns(monotonic_ns);
    EXPECT_TRUE(call_->Send(request));
  }
  void Stop() {
    v1::RunRequest request;
    request.mutable_stop();
    call_->Send(request);
  }
  // Takes what comes, with heartbeats, until the run has finished or `until_ns`.
  bool AwaitEnd(int64_t until_ns) {
    return Await([&] { return finished_; }, until_ns);
  }

  const v1::RunCounters& counters() const { return counters_; }
  Bytes Sum() const {
    Bytes bytes;
    const auto add = [&](const sockets::ConnectionSample& sample) {
      bytes.sent += sample.values.Get(Field::kBytesSent);
      bytes.received += sample.values.Get(Field::kBytesReceived);
      bytes.acknowledged += sample.values.Get(Field::kBytesAcked);
      ++bytes.connections;
    };
    for (const auto& [cookie, sample] : ended_) add(sample);
    for (const auto& [row, sample] : decoder_.rows()) add(sample);
    return bytes;
  }
  uint64_t dropped() const { return dropped_; }

 private:
  template <class Condition>
  bool Await(Condition condition, int64_t until_ns = base::MonotonicNowNs() + kPatienceNs) {
    while (!condition() && base::MonotonicNowNs() < until_ns) {
      auto event = events_.PopUntil(std::min(until_ns, base::MonotonicNowNs() + kHeartbeatNs));
      v1::RunRequest heartbeat;
      heartbeat.mutable_heartbeat();
      call_->Send(heartbeat);
      if (!event.has_value()) continue;
      if (!event->has_value()) break;
      Take(**event);
    }
    return condition();
  }
  void Take(const v1::RunResponse& event) {
    if (event.has_prepared()) prepared_ = event.prepared();
    if (event.has_progress()) counters_ = event.progress().counters();
    if (event.has_finished()) finished_ = true;
    if (!event.has_connections()) return;
    const absl::Status applied = decoder_.Apply(event.connections());
    EXPECT_TRUE(applied.ok()) << applied;
    dropped_ += event.connections().completeness().dropped();
    for (const sockets::ClosedConnection& closed : decoder_.closed()) {
      const uint64_t cookie = closed.last.identity.cookie;
      EXPECT_TRUE(ended_.emplace(cookie, closed.last).second) << cookie << " ended twice";
    }
  }

  base::Queue<std::optional<v1::RunResponse>> events_{10'000};  // nothing: the end
  std::optional<v1::Prepared> prepared_;
  v1::RunCounters counters_;
  bool finished_ = false;
  sockets::FrameDecoder decoder_;
  std::map<uint64_t, sockets::ConnectionSample> ended_;
  uint64_t dropped_ = 0;
  std::unique_ptr<controller::RunCall> call_;  // last: no callback after the others are gone
};

struct Case {
  const char* name;
  v1::StressSpec::Workload workload;
  v1::StressSpec::CloseMode close_mode;
};

class SocketsBytesTest : public SocketsTest, public ::testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    SocketsTest::SetUp();
    if (IsSkipped()) return;
    for (const char* name : {"web1", "web2"}) AddWatchedAgent(name);
  }
};

TEST_P(SocketsBytesTest, ClosedAndLiveConnectionsAddUpToTheGeneratorsTotals) {
  v1::StressSpec spec;
  spec.set_workload(GetParam().workload);
  spec.set_close_mode(GetParam().close_mode);
  spec.set_connections(16);
  spec.set_duration_ms(1505);
  // Slow enough for nothing to be under way at the end, as a rule.
  spec.set_rate_per_second(200);
  spec.set_connect_timeout_ms(5000);
  spec.set_request_bytes(700);
  spec.set_response_bytes(3000);
  spec.set_threads(1);
  spec.set_interval_ms(200);
  spec.set_tcp_info_connections(~uint32_t{0});

  const auto client_agent = NewClient(agent("web1"));
  const auto server_agent = NewClient(agent("web2"));
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    RunDriver server(*server_agent);
    RunDriver client(*client_agent);
    spec.set_role(v1::StressSpec::ROLE_SERVER);
    spec.clear_targets();
    const v1::Prepared prepared = server.Prepare(spec);
    spec.set_role(v1::StressSpec::ROLE_CLIENT);
    v1::Target& target = *spec.add_targets();
    target.set_host(agent("web2").host->ipv4().ToString());
    target.set_port(prepared.listen_port());
    client.Prepare(spec);
    const int64_t start_ns = base::MonotonicNowNs() + kAheadNs;
    server.Start(start_ns);
    client.Start(start_ns);
    const int64_t patience_ns = base::MonotonicNowNs() + kPatienceNs;
    // Both want heartbeats all the time.
    while (!client.AwaitEnd(base::MonotonicNowNs() + kHeartbeatNs) &&
           base::MonotonicNowNs() < patience_ns) {
      server.AwaitEnd(base::MonotonicNowNs());
    }
    server.Stop();
    ASSERT_TRUE(client.AwaitEnd(patience_ns));
    ASSERT_TRUE(server.AwaitEnd(patience_ns));

    const v1::RunCounters& counters = client.counters();
    if (counters.cancelled() != 0) continue;
    const Bytes bytes = client.Sum();
    EXPECT_EQ(client.dropped(), 0u);
    EXPECT_GT(counters.bytes_sent(), 0u);
    EXPECT_EQ(bytes.connections, counters.connections_opened());
    EXPECT_EQ(bytes.sent, counters.bytes_sent());
    EXPECT_EQ(bytes.received, counters.bytes_received());
    const Bytes served = server.Sum();
    EXPECT_EQ(served.connections, counters.connections_opened());
    EXPECT_EQ(served.sent, server.counters().bytes_sent());
    EXPECT_EQ(served.sent, counters.bytes_received());
    // The kernel counts the FIN of the other side as a byte it received.
    const bool ends_with_fin = GetParam().close_mode == v1::StressSpec::CLOSE_MODE_FIN;
    EXPECT_EQ(served.received,
              server.counters().bytes_received() + (ends_with_fin ? served.connections : 0));
    return;
  }
  FAIL() << "something was under way at the end of every run";
}

INSTANTIATE_TEST_SUITE_P(
    Sockets, SocketsBytesTest,
    ::testing::Values(Case{"rr", v1::StressSpec::WORKLOAD_RR, v1::StressSpec::CLOSE_MODE_RST},
                      Case{"crr", v1::StressSpec::WORKLOAD_CRR, v1::StressSpec::CLOSE_MODE_RST},
                      Case{"crrFin", v1::StressSpec::WORKLOAD_CRR, v1::StressSpec::CLOSE_MODE_FIN}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace tcpfleet::tests
