#include "controller/stack/stack_reader.h"

#include <gmock/gmock.h>

#include <memory>

#include "tests/unit/controller/fleet/fakes.h"
#include "tests/unit/controller/stack/hosts.h"

namespace tcpfleet::controller {
namespace {

using SnapshotAnswer = std::function<absl::StatusOr<v1::KernelSnapshot>(int round)>;

void AnswerWith(FakeAgentClient& client, SnapshotAnswer answer) {
  client.snapshot_kernel = [answer, round = std::make_shared<int>(0)](
                               const v1::SnapshotKernelRequest&,
                               const OnMessage<v1::SnapshotKernelResponse>& on_message) {
    absl::StatusOr<v1::KernelSnapshot> snapshot = answer((*round)++);
    if (!snapshot.ok()) return snapshot.status();
    v1::SnapshotKernelResponse response;
    *response.mutable_snapshot() = *std::move(snapshot);
    on_message(std::move(response));
    return absl::OkStatus();
  };
}

v1::KernelSnapshot SnapshotAt(int64_t seconds) {
  v1::KernelSnapshot snapshot = BusySnapshot();
  snapshot.set_monotonic_ns(seconds * 1'000'000'000);
  return snapshot;
}

class StackReaderTest : public testing::Test {
 protected:
  StackReaderTest() {
    for (FakeAgentClient* client : fake_.clients) {
      client->describe = [] { return v1::DescribeResponse(); };
      AnswerWith(*client, [](int round) { return SnapshotAt(100 + round); });
    }
  }
  void Begin() { reader_.Introduce(clock_, {}); }

  FakeFleet fake_{2};
  FakeClock clock_;
  StackReader reader_{*fake_.fleet, v1::SnapshotKernelRequest()};
};

TEST_F(StackReaderTest, ComparesARoundWithTheOneBefore) {
  Begin();
  for (int round = 0; round < 3; ++round) reader_.TakeRound({});
  const std::vector<v1::StackHost> latest = reader_.LatestRound();
  ASSERT_EQ(latest.size(), 2u);
  EXPECT_EQ(latest[0].first().monotonic_ns(), 101'000'000'000);
  EXPECT_EQ(latest[0].last().monotonic_ns(), 102'000'000'000);
  const v1::StackReport whole = reader_.Whole();
  ASSERT_EQ(whole.hosts_size(), 2);
  EXPECT_EQ(whole.hosts(0).first().monotonic_ns(), 100'000'000'000);
  EXPECT_EQ(whole.hosts(0).last().monotonic_ns(), 102'000'000'000);
  EXPECT_EQ(whole.failures_size(), 0);
}

TEST_F(StackReaderTest, HasNothingToCompareAfterOneRound) {
  Begin();
  reader_.TakeRound({});
  EXPECT_FALSE(reader_.LatestRound()[0].has_last());
  EXPECT_FALSE(reader_.Whole().hosts(0).has_last());
}

TEST_F(StackReaderTest, LeavesOutARoundThatAHostMissed) {
  AnswerWith(*fake_.clients[1], [](int round) -> absl::StatusOr<v1::KernelSnapshot> {
    if (round == 1) return absl::UnavailableError("Socket closed");
    return SnapshotAt(100 + round);
  });
  Begin();
  reader_.TakeRound({});
  reader_.TakeRound({});
  ASSERT_EQ(reader_.LatestRound().size(), 1u);
  reader_.TakeRound({});
  const std::vector<v1::StackHost> latest = reader_.LatestRound();
  ASSERT_EQ(latest.size(), 2u);
  EXPECT_FALSE(latest[1].has_last()) << "there is no round before to compare with";
  const v1::StackReport whole = reader_.Whole();
  ASSERT_EQ(whole.failures_size(), 1);
  EXPECT_EQ(whole.failures(0).name(), "a2");
  EXPECT_EQ(whole.failures(0).kind(), "died");
}

TEST_F(StackReaderTest, NamesAHostWhoseParametersAreMissing) {
  fake_.clients[0]->read_sysctls = [](const auto&, const auto&) {
    return absl::PermissionDeniedError("observe role needed");
  };
  Begin();
  reader_.TakeRound({});
  EXPECT_EQ(reader_.LatestRound().size(), 2u);
  ASSERT_EQ(reader_.Whole().failures_size(), 1);
  EXPECT_EQ(reader_.Whole().failures(0).name(), "a1");
}

TEST_F(StackReaderTest, RefusesASnapshotThatIsNone) {
  AnswerWith(*fake_.clients[0], [](int) { return v1::KernelSnapshot(); });
  Begin();
  reader_.TakeRound({});
  ASSERT_EQ(reader_.LatestRound().size(), 1u);
  EXPECT_EQ(reader_.LatestRound()[0].name(), "a2");
}

}  // namespace
}  // namespace tcpfleet::controller
