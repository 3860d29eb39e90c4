#include "controller/diagnose/rolling_evidence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "common/sockets/frame_encoder.h"
#include "controller/diagnose/collect.h"
#include "tests/unit/controller/diagnose/evidence.h"
#include "tests/unit/controller/fleet/fakes.h"

namespace tcpfleet::controller {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using tests::HealthyHost;

// Two agents that answer every 10 s unless `statuses_` says otherwise.
class RollingEvidenceTest : public testing::Test {
 protected:
  void SetUp() override {
    for (size_t i = 0; i < 2; ++i) {
      fake_.clients[i]->snapshot_kernel = [this, i](const auto&, const auto& on_message) {
        if (!statuses_[i].ok()) return statuses_[i];
        v1::SnapshotKernelResponse response;
        *response.mutable_snapshot() = HealthyHost().snapshots(0);
        response.mutable_snapshot()->set_boot_id(boot_id_);
        response.mutable_snapshot()->set_monotonic_ns(now_ns_);
        *response.add_connections() = sockets::FrameEncoder().Encode({});
        on_message(std::move(response));
        return absl::OkStatus();
      };
      fake_.clients[i]->describe = [this, i]() -> absl::StatusOr<v1::DescribeResponse> {
        if (!statuses_[i].ok()) return statuses_[i];
        ++described_;
        return v1::DescribeResponse();
      };
    }
    evidence_.emplace(
        std::move(fake_.fleet), DefaultRules(),
        RollingEvidence::Options{.interval = absl::Seconds(10), .window = absl::Seconds(40)},
        clock_);
  }

  const v1::EvidenceBundle& Sample() {
    now_ns_ += 10'000'000'000;
    return evidence_->Sample({});
  }

  FakeClock clock_;
  FakeFleet fake_{2};
  std::vector<absl::Status> statuses_{2};
  std::string boot_id_ = "first";
  int64_t now_ns_ = 0;
  int described_ = 0;
  std::optional<RollingEvidence> evidence_;
};

TEST_F(RollingEvidenceTest, KeepsWhatIsInTheWindow) {
  for (int i = 0; i < 7; ++i) Sample();
  const v1::EvidenceBundle& bundle = Sample();
  ASSERT_THAT(bundle.hosts(), SizeIs(2));
  const v1::HostEvidence& host = bundle.hosts(1);
  EXPECT_EQ(host.name(), "a2");
  ASSERT_THAT(host.snapshots(), SizeIs(5));
  EXPECT_EQ(host.snapshots(0).monotonic_ns(), 40'000'000'000);
  EXPECT_EQ(host.snapshots(4).monotonic_ns(), 80'000'000'000);
  EXPECT_THAT(host.sockets(), SizeIs(5));
  EXPECT_THAT(bundle.failures(), IsEmpty());
  EXPECT_EQ(described_, 2) << "once is enough";
}

TEST_F(RollingEvidenceTest, AsksAnAgentThatFailedAgain) {
  Sample();
  statuses_[0] = absl::UnavailableError("Connection refused");
  for (int i = 0; i < 2; ++i) {
    const v1::EvidenceBundle& without = Sample();
    ASSERT_THAT(without.hosts(), SizeIs(1));
    EXPECT_EQ(without.hosts(0).name(), "a2");
    ASSERT_THAT(without.failures(), SizeIs(1));
    EXPECT_EQ(without.failures(0).name(), "a1");
    EXPECT_EQ(without.failures(0).kind(), i == 0 ? "died" : "unreachable");
  }
  statuses_[0] = absl::OkStatus();
  const v1::EvidenceBundle& whole = Sample();
  ASSERT_THAT(whole.hosts(), SizeIs(2));
  EXPECT_THAT(whole.failures(), IsEmpty());
  EXPECT_EQ(described_, 3) << "it may be another one";
  EXPECT_THAT(whole.hosts(0).snapshots(), SizeIs(2)) << "both are of the last 40 s";
  EXPECT_EQ(whole.hosts(0).snapshots(1).monotonic_ns(), 40'000'000'000);
}

TEST_F(RollingEvidenceTest, ForgetsWhatWasBeforeAReboot) {
  Sample();
  boot_id_ = "second";
  const v1::EvidenceBundle& bundle = Sample();
  ASSERT_THAT(bundle.hosts(), SizeIs(2));
  EXPECT_THAT(bundle.hosts(0).snapshots(), SizeIs(1));
  EXPECT_THAT(bundle.hosts(0).sockets(), SizeIs(1));
}

TEST_F(RollingEvidenceTest, SaysWhatIsMissingOnlyWhileItIs) {
  fake_.clients[0]->read_sysctls = [](const auto&, const auto&) {
    return absl::PermissionDeniedError("not for you");
  };
  ASSERT_THAT(Sample().hosts(0).missing(), SizeIs(1));
  ASSERT_THAT(Sample().hosts(0).missing(), SizeIs(1));
  fake_.clients[0]->read_sysctls = [](const auto&, const auto&) { return absl::OkStatus(); };
  EXPECT_THAT(Sample().hosts(0).missing(), IsEmpty());
}

}  // namespace
}  // namespace tcpfleet::controller
