#include "controller/fleet/kernel_snapshots.h"

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using ::testing::HasSubstr;
using tests::IsOk;
using tests::StatusIs;

v1::KernelSnapshot SnapshotOf(uint64_t network_namespace) {
  v1::KernelSnapshot snapshot;
  v1::NamespaceStatistics& own = *snapshot.add_namespaces();
  own.set_network_namespace(network_namespace);
  (*own.mutable_counters())["Tcp.ActiveOpens"] = 7;
  (*own.mutable_levels())["Tcp.MaxConn"] = -1;
  v1::SocketSummary& sockets = *own.mutable_sockets();
  sockets.set_port_range_low(32768);
  sockets.set_port_range_high(60999);
  v1::Listener& listener = *sockets.add_listeners();
  listener.set_address("::");
  listener.set_port(443);
  v1::PortUse& use = *sockets.add_port_use();
  use.set_local_address("198.18.0.1");
  use.set_peer_address("198.18.0.2");
  use.set_peer_port(443);
  use.set_used(20);
  use.set_usable(20);
  return snapshot;
}

auto Answering(v1::KernelSnapshot snapshot, int times = 1) {
  return [snapshot = std::move(snapshot), times](const v1::SnapshotKernelRequest&,
                                                 const auto& on_message) {
    v1::SnapshotKernelResponse response;
    *response.mutable_snapshot() = snapshot;
    for (int i = 0; i < times; ++i) on_message(response);
    return absl::OkStatus();
  };
}

TEST(SnapshotKernels, GivesOneAnswerPerMember) {
  FakeFleet fake(3);
  fake.clients[0]->snapshot_kernel = Answering(SnapshotOf(1));
  fake.clients[1]->snapshot_kernel = [](const auto&, const auto&) {
    return absl::UnavailableError("nobody there");
  };
  fake.clients[2]->snapshot_kernel = Answering(SnapshotOf(3));
  const auto snapshots = SnapshotKernels(*fake.fleet, {});
  ASSERT_EQ(snapshots.size(), 3u);
  ASSERT_THAT(snapshots[0], IsOk());
  EXPECT_EQ(snapshots[0]->namespaces(0).network_namespace(), 1u);
  EXPECT_THAT(snapshots[1], StatusIs(absl::StatusCode::kUnavailable, HasSubstr("nobody there")));
  ASSERT_THAT(snapshots[2], IsOk());
  EXPECT_EQ(snapshots[2]->namespaces(0).network_namespace(), 3u);
}

TEST(LookAtKernels, AsksEachMemberForItsOwn) {
  FakeFleet fake(2);
  std::vector<uint32_t> tops;
  for (FakeAgentClient* client : fake.clients) {
    client->snapshot_kernel = [&](const v1::SnapshotKernelRequest& request,
                                  const auto& on_message) {
      tops.push_back(request.top());
      return Answering(SnapshotOf(1))(request, on_message);
    };
  }
  const auto looks = LookAtKernels(*fake.fleet,
                                   [](size_t member) {
                                     v1::SnapshotKernelRequest request;
                                     request.set_top(static_cast<uint32_t>(member) + 5);
                                     return request;
                                   },
                                   {});
  ASSERT_EQ(looks.size(), 2u);
  EXPECT_THAT(tops, testing::ElementsAre(5, 6));
}

TEST(LookAtKernels, GivesTheConnectionsPicked) {
  FakeFleet fake(3);
  const auto answering = [](std::vector<v1::ConnectionFrame> frames) {
    return [frames = std::move(frames)](const auto&, const auto& on_message) {
      v1::SnapshotKernelResponse response;
      *response.mutable_snapshot() = SnapshotOf(1);
      for (const v1::ConnectionFrame& frame : frames) *response.add_connections() = frame;
      on_message(std::move(response));
      return absl::OkStatus();
    };
  };
  std::vector<sockets::ConnectionSample> samples(3);
  for (size_t i = 0; i < samples.size(); ++i) samples[i].identity.cookie = i + 1;
  sockets::ConnectionPoll poll;
  poll.live = samples;
  poll.completeness.set_dropped(4);
  const v1::ConnectionFrame frame = sockets::FrameEncoder().Encode(poll);
  fake.clients[0]->snapshot_kernel = answering({frame, frame});
  fake.clients[1]->snapshot_kernel = answering({});
  v1::ConnectionFrame torn = frame;
  torn.set_rows_zstd("torn");
  fake.clients[2]->snapshot_kernel = answering({torn});
  const auto looks =
      LookAtKernels(*fake.fleet, [](size_t) { return v1::SnapshotKernelRequest(); }, {});
  for (const auto& look : looks) ASSERT_THAT(look, IsOk());
  EXPECT_THAT(looks[0]->connections.status, IsOk());
  EXPECT_EQ(looks[0]->connections.connections.size(), 6u);
  EXPECT_EQ(looks[0]->connections.completeness.dropped(), 8u);
  EXPECT_THAT(looks[1]->connections.status,
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("sends no connections")));
  EXPECT_THAT(looks[2]->connections.status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("unreadable frame")));
}

TEST(SnapshotKernels, RefusesPoolsThatDoNotAddUp) {
  const auto refused = [](const std::function<void(v1::SocketSummary&)>& change) {
    v1::KernelSnapshot snapshot = SnapshotOf(1);
    v1::SocketSummary& sockets = *snapshot.mutable_namespaces(0)->mutable_sockets();
    sockets.add_rest_seconds(30);
    sockets.add_rest_seconds(300);
    v1::SocketGroup& peer = *sockets.add_peers();
    peer.set_sockets(5);
    peer.add_resting(5);
    peer.add_resting(2);
    peer.add_connection_hashes(1);
    peer.add_connection_hashes(7);
    change(sockets);
    return !CheckKernelSnapshot(snapshot).ok();
  };
  EXPECT_FALSE(refused([](v1::SocketSummary&) {}));
  EXPECT_TRUE(refused([](v1::SocketSummary& sockets) { sockets.set_rest_seconds(0, 301); }));
  EXPECT_TRUE(
      refused([](v1::SocketSummary& sockets) { sockets.mutable_peers(0)->add_resting(0); }));
  EXPECT_TRUE(
      refused([](v1::SocketSummary& sockets) { sockets.mutable_peers(0)->set_resting(0, 6); }));
  EXPECT_TRUE(
      refused([](v1::SocketSummary& sockets) { sockets.mutable_peers(0)->set_resting(1, 6); }));
  EXPECT_TRUE(refused(
      [](v1::SocketSummary& sockets) { sockets.mutable_peers(0)->set_connection_hashes(1, 0); }));
  EXPECT_TRUE(refused([](v1::SocketSummary& sockets) {
    for (uint32_t i = 8; i < 80; ++i) sockets.mutable_peers(0)->add_connection_hashes(i);
  }));
}

TEST(SnapshotKernels, RefusesNoAnswerAndSeveral) {
  FakeFleet fake(2);
  fake.clients[1]->snapshot_kernel = Answering(SnapshotOf(1), 2);
  const auto snapshots = SnapshotKernels(*fake.fleet, {});
  EXPECT_THAT(snapshots[0], StatusIs(absl::StatusCode::kDataLoss, HasSubstr("0 snapshots")));
  EXPECT_THAT(snapshots[1], StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2 snapshots")));
}

struct Lie {
  const char* complaint;
  void (*tell)(v1::KernelSnapshot&);
};

constexpr Lie kLies[] = {
    {"own network namespace", [](auto& it) { it.clear_namespaces(); }},
    {"text in name", [](auto& it) { it.mutable_namespaces(0)->set_name("a\x1b[2J"); }},
    {"text in key",
     [](auto& it) { (*it.mutable_namespaces(0)->mutable_counters())[std::string(5000, 'x')] = 1; }},
    {"entries of missing",
     [](auto& it) {
       for (int i = 0; i < 20'000; ++i) it.add_missing();
     }},
    {"as load_1m",
     [](auto& it) { it.mutable_host()->set_load_1m(std::numeric_limits<double>::quiet_NaN()); }},
    {"as uptime_seconds", [](auto& it) { it.mutable_host()->set_uptime_seconds(-1); }},
    {"pressure", [](auto& it) { it.mutable_host()->add_pressure()->set_share_10s(1.5); }},
    {"range of ports",
     [](auto& it) { it.mutable_namespaces(0)->mutable_sockets()->set_port_range_low(61000); }},
    {"range of ports",
     [](auto& it) { it.mutable_namespaces(0)->mutable_sockets()->set_port_range_high(65536); }},
    {"as an address",
     [](auto& it) {
       it.mutable_namespaces(0)->mutable_sockets()->mutable_listeners(0)->set_port(65536);
     }},
    {"as an address",
     [](auto& it) {
       it.mutable_namespaces(0)->mutable_sockets()->add_peers()->set_peer_address("example.org");
     }},
    {"used ports",
     [](auto& it) {
       it.mutable_namespaces(0)->mutable_sockets()->mutable_port_use(0)->set_used(21);
     }},
};

TEST(CheckKernelSnapshot, TakesWhatAnAgentSends) {
  EXPECT_THAT(CheckKernelSnapshot(SnapshotOf(1)), IsOk());
}

TEST(CheckKernelSnapshot, RefusesWhatItCannotHaveMeant) {
  for (const Lie& lie : kLies) {
    v1::KernelSnapshot snapshot = SnapshotOf(1);
    lie.tell(snapshot);
    EXPECT_THAT(CheckKernelSnapshot(snapshot),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(lie.complaint)));
  }
}

class OpenCall final : public StreamCall {
 public:
  explicit OpenCall(OnDone on_done) : on_done_(std::move(on_done)) {}
  ~OpenCall() override { Cancel(); }
  void Cancel() override {
    if (on_done_) std::exchange(on_done_, nullptr)(absl::CancelledError("cancelled"));
  }

 private:
  OnDone on_done_;
};

struct Heard {
  size_t member;
  absl::StatusOr<v1::KernelSnapshot> snapshot;
};

// Sends these at once and stays open.
auto Sending(std::vector<v1::KernelSnapshot> snapshots) {
  return [snapshots = std::move(snapshots)](const v1::WatchKernelRequest&,
                                            const OnMessage<v1::WatchKernelResponse>& on_message,
                                            OnDone on_done) -> std::unique_ptr<StreamCall> {
    for (const v1::KernelSnapshot& snapshot : snapshots) {
      v1::WatchKernelResponse response;
      *response.mutable_snapshot() = snapshot;
      on_message(std::move(response));
    }
    return std::make_unique<OpenCall>(std::move(on_done));
  };
}

TEST(WatchKernels, HearsEveryMemberUntilItFails) {
  FakeFleet fake(2);
  fake.clients[0]->on_watch_kernel = Sending({SnapshotOf(1), v1::KernelSnapshot(), SnapshotOf(1)});
  fake.clients[1]->on_watch_kernel = [](const auto&, const auto&, const OnDone& on_done) {
    on_done(absl::UnavailableError("nobody there"));
    return nullptr;
  };
  std::vector<Heard> heard;
  WatchKernels(*fake.fleet, {},
               [&](size_t member, auto snapshot) {
                 heard.push_back({member, std::move(snapshot)});
               },
               {});
  ASSERT_EQ(heard.size(), 3u);
  EXPECT_THAT(heard[0].snapshot, IsOk());
  EXPECT_THAT(heard[1].snapshot, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(heard[1].member, 0u);
  EXPECT_THAT(heard[2].snapshot, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(heard[2].member, 1u);
}

TEST(WatchKernels, EndsQuietlyWhenStopped) {
  FakeFleet fake(1);
  fake.clients[0]->on_watch_kernel = Sending({SnapshotOf(1)});
  std::stop_source stop;
  int heard = 0;
  WatchKernels(
      *fake.fleet, {},
      [&](size_t, const auto& snapshot) {
        EXPECT_THAT(snapshot, IsOk());
        ++heard;
        stop.request_stop();
      },
      stop.get_token());
  EXPECT_EQ(heard, 1);
}

}  // namespace
}  // namespace tcpfleet::controller
