#include "controller/fleet/snapshots.h"

#include "common/sockets/frame_encoder.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using ::tcpfleet::tests::IsOk;
using ::tcpfleet::tests::StatusIs;
using ::testing::HasSubstr;

v1::ConnectionFrame FrameOf(uint64_t cookie) {
  sockets::ConnectionSample sample;
  sample.identity.cookie = cookie;
  sample.values.Set(sockets::Field::kState, 1);
  sockets::ConnectionPoll poll;
  poll.live = absl::MakeConstSpan(&sample, 1);
  poll.completeness.set_seen(1);
  return sockets::FrameEncoder().Encode(poll);
}

std::optional<v1::SnapshotRequest> Everything(const AgentTarget&) { return v1::SnapshotRequest(); }

TEST(CollectSnapshots, AddsUpTheFramesOfAnAgent) {
  FakeFleet fake(1);
  fake.clients[0]->frames = {FrameOf(7), FrameOf(8)};
  const std::vector<AgentSnapshot> snapshots = CollectSnapshots(*fake.fleet, &Everything);
  ASSERT_EQ(snapshots.size(), 1u);
  EXPECT_THAT(snapshots[0].status, IsOk());
  ASSERT_EQ(snapshots[0].connections.size(), 2u);
  EXPECT_EQ(snapshots[0].connections[1].identity.cookie, 8u);
  EXPECT_EQ(snapshots[0].completeness.seen(), 2u);
}

TEST(CollectSnapshots, KeepsWhatArrivedBeforeAFailure) {
  FakeFleet fake(2);
  fake.clients[0]->frames = {FrameOf(7)};
  fake.clients[0]->snapshot_status = absl::UnavailableError("Socket closed");
  const std::vector<AgentSnapshot> snapshots = CollectSnapshots(*fake.fleet, &Everything);
  EXPECT_THAT(snapshots[0].status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(snapshots[0].connections.size(), 1u);
  EXPECT_THAT(snapshots[1].status, IsOk());
}

TEST(CollectSnapshots, AsksOnlyWhomItShould) {
  FakeFleet fake(2);
  fake.clients[0]->on_snapshot = [](const v1::SnapshotRequest&) { ADD_FAILURE(); };
  const std::vector<AgentSnapshot> snapshots =
      CollectSnapshots(*fake.fleet, [](const AgentTarget& target) {
        return target.name == "a2" ? std::optional(v1::SnapshotRequest()) : std::nullopt;
      });
  EXPECT_FALSE(snapshots[0].asked);
  EXPECT_TRUE(snapshots[0].status.ok());
  EXPECT_TRUE(snapshots[1].asked);
}

TEST(CollectSnapshots, RefusesAFrameThatIsNone) {
  FakeFleet fake(1);
  v1::ConnectionFrame truncated = FrameOf(7);
  truncated.mutable_rows_zstd()->resize(truncated.rows_zstd().size() / 2);
  fake.clients[0]->frames = {truncated};
  EXPECT_THAT(CollectSnapshots(*fake.fleet, &Everything)[0].status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("unreadable frame: ")));
}

TEST(CollectSnapshots, AsksNobodyAfterAStop) {
  FakeFleet fake(1);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(CollectSnapshots(*fake.fleet, &Everything, stop.get_token())[0].status,
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace tcpfleet::controller
