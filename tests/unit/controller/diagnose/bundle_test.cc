#include "controller/diagnose/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controller/diagnose/judge.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::controller {
namespace {

using testing::HasSubstr;
using tests::HealthyHost;
using tests::IsOk;
using tests::StatusIs;

v1::EvidenceBundle Bundle() {
  v1::EvidenceBundle bundle;
  bundle.set_format(1);
  *bundle.add_hosts() = HealthyHost("web1");
  v1::HostEvidence host = HealthyHost("web2");
  tests::Grow(host, "TcpExt.ListenOverflows", 60);
  tests::AddConnection(host, tests::Connection("SYN-SENT", "10.0.0.1:4000", "10.0.0.2:80"));
  *bundle.add_hosts() = host;
  return bundle;
}

TEST(Bundle, GivesTheSameVerdictAndBytesAgain) {
  const v1::EvidenceBundle bundle = Bundle();
  const std::string packed = PackBundle(bundle);
  const auto again = UnpackBundle(packed);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(PackBundle(*again), packed);
  EXPECT_EQ(Diagnose(*again, DefaultRules()).DebugString(),
            Diagnose(bundle, DefaultRules()).DebugString());
}

TEST(Bundle, IsRefusedWhenItIsNoneOrTorn) {
  EXPECT_THAT(UnpackBundle(""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--bundle")));
  EXPECT_THAT(UnpackBundle("tcpfleet evidence 2\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("newer")));
  const std::string packed = PackBundle(Bundle());
  for (size_t size = 0; size < packed.size(); size += 7) {
    EXPECT_THAT(UnpackBundle(absl::string_view(packed).substr(0, size)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << size;
  }
}

TEST(Bundle, IsRefusedWithWhatNoCollectorWrites) {
  const auto unpack = [](const v1::EvidenceBundle& bundle) {
    return UnpackBundle(PackBundle(bundle));
  };
  v1::EvidenceBundle twice = Bundle();
  *twice.add_hosts() = HealthyHost("web1");
  EXPECT_THAT(unpack(twice), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
  v1::EvidenceBundle nameless = Bundle();
  nameless.mutable_hosts(0)->clear_name();
  EXPECT_THAT(unpack(nameless), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name")));
  v1::EvidenceBundle odd = Bundle();
  odd.mutable_hosts(1)->mutable_snapshots(0)->clear_namespaces();
  EXPECT_THAT(unpack(odd), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("web2: ")));
  v1::EvidenceBundle unknown = Bundle();
  unknown.set_format(9);
  EXPECT_THAT(unpack(unknown), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("format")));
  v1::EvidenceBundle backwards = Bundle();
  backwards.mutable_hosts(0)->mutable_sockets(1)->set_monotonic_ns(5);
  EXPECT_THAT(unpack(backwards), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("order")));
}

}  // namespace
}  // namespace tcpfleet::controller
