// `tcpfleet diagnose` proves from both ends that a connection is half open.
#include <string>
#include <vector>

#include "tests/integration/diagnose_fixture.h"

namespace tcpfleet::tests {
namespace {

TEST_F(DiagnoseTest, ProvesFromBothEndsWhichConnectionsAreHalfOpen) {
  constexpr int kAll = 200;
  constexpr int kGone = 20;
  for (Host* host : {web_, client_}) Set(*host, "net.ipv4.ip_forward", "0");
  const sys::UniqueFd listener = Listen(kAll, 8080);
  std::vector<sys::UniqueFd> sockets = Connect(kAll, 8080);
  std::vector<sys::UniqueFd> accepted;
  for (int i = 0; i < kAll; ++i) accepted.push_back(AcceptOne(listener));
  // The client forgets some of them, and nobody hears of it.
  const std::string rules =
      "table ip mute { chain leaving { type filter hook output priority 0; "
      "tcp flags & rst == rst drop; }; }";
  ASSERT_EQ(client_->Command({"nft", rules}).value().exit_code, 0);
  for (size_t i = 0; i < kGone; ++i) {
    ASSERT_THAT(sys::SetLingerReset(sockets[i].get()), IsOk());
  }
  sockets.erase(sockets.begin(), sockets.begin() + kGone);

  WaitUntilSilent(accepted.back(), 3'100);  // connections count as idle after 3 s
  const v1::DiagnosisReport report = Diagnose("6s");
  ExpectWarnings(report, {"web half-open-confirmed"});
  const v1::Finding finding = FindingOf(report, "half-open-confirmed");
  ASSERT_FALSE(finding.evidence().empty());
  EXPECT_EQ(finding.evidence(0).name(), "half_open");
  EXPECT_EQ(finding.evidence(0).after(), kGone);
}

}  // namespace
}  // namespace tcpfleet::tests
