#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controller/diagnose/evidence.h"

namespace tcpfleet::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

v1::HostEvidence Stuck(const std::string& name, const std::string& peer) {
  v1::HostEvidence host = HealthyHost(name);
  for (int i = 0; i < 4; ++i) {
    v1::ConnectionRecord connection =
        Connection("SYN-SENT", absl::StrCat("10.77.0.2:", 40'000 + i), peer);
    (*connection.mutable_fields())["timer_retransmits"] = 3;
    AddConnection(host, connection);
  }
  return host;
}

v1::HostEvidence Overflowing(const std::string& address, uint32_t port) {
  v1::HostEvidence host = HealthyHost("web1");
  host.set_address(address);
  Grow(host, "TcpExt.ListenOverflows", 60);
  Grow(host, "TcpExt.ListenDrops", 60);
  AddListener(host, Listener(port, 5, 4, "app", 11));
  return host;
}

v1::Finding TimeoutIn(const v1::DiagnosisReport& report) {
  for (const v1::Finding& finding : report.findings()) {
    if (finding.rule() == "connect-timeout") return finding;
  }
  ADD_FAILURE() << report.DebugString();
  return {};
}

TEST(Correlate, TellsAClientWhichListenerDropsItsSyns) {
  const v1::Finding finding =
      TimeoutIn(Diagnose({Stuck("lb1", "10.77.0.1:8080"), Overflowing("10.77.0.1:7117", 8080)}));
  EXPECT_THAT(finding.cause(), AllOf(HasSubstr("web1 drops SYNs to 0.0.0.0:8080 app[11]"),
                                     HasSubstr("accept-queue-overflow")));
}

TEST(Correlate, DoesNotBlameAnotherAddressOrPort) {
  EXPECT_THAT(
      TimeoutIn(Diagnose({Stuck("lb1", "10.77.0.1:8080"), Overflowing("10.77.0.9:7117", 8080)}))
          .cause(),
      Not(HasSubstr("web1")));
  EXPECT_THAT(
      TimeoutIn(Diagnose({Stuck("lb1", "10.77.0.1:8080"), Overflowing("10.77.0.1:7117", 8081)}))
          .cause(),
      Not(HasSubstr("web1")));
}

TEST(Correlate, NamesTheSubnetThatSeveralHostsHaveTroubleWith) {
  const v1::DiagnosisReport report =
      Diagnose({Stuck("a1", "10.2.1.1:80"), Stuck("a2", "10.2.7.1:80"), Stuck("a3", "10.2.9.4:443"),
                HealthyHost("a4")});
  ASSERT_FALSE(report.findings().empty());
  const v1::Finding& first = report.findings(0);
  EXPECT_EQ(first.subject(), "towards 10.2.0.0/16");
  EXPECT_THAT(first.title(), HasSubstr("3 of 4 hosts only towards 10.2.0.0/16"));
  EXPECT_THAT(first.hosts(), testing::ElementsAre("a1", "a2", "a3"));
  EXPECT_EQ(report.findings_size(), 4);
}

TEST(Correlate, FindsNoSubnetInTwoHostsOrInTheWholeWorld) {
  EXPECT_EQ(Diagnose({Stuck("a1", "10.2.1.1:80"), Stuck("a2", "10.2.7.1:80")}).findings_size(), 2);
  EXPECT_EQ(Diagnose({Stuck("a1", "10.2.1.1:80"), Stuck("a2", "10.2.7.1:80"),
                      Stuck("a3", "192.0.2.1:80")})
                .findings_size(),
            3);
}

}  // namespace
}  // namespace tcpfleet::tests
