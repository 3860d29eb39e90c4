#include "controller/fleet/failure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tcpfleet::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const AgentTarget kWeb1 = {"web1", "web1:7117", {}};

std::string Described(const absl::Status& status, CallPhase phase = CallPhase::kFirstAnswer,
                      const AgentTarget& target = kWeb1) {
  const v1::AgentFailure failure = DescribeFailure(target, status, phase);
  return failure.kind() + ": " + failure.cause();
}

TEST(DescribeFailure, AsksForTheAgentWhenTheConnectionIsRefused) {
  EXPECT_EQ(Described(absl::UnavailableError(
                "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:7117: "
                "Failed to connect to remote host: Connection refused")),
            "unreachable: connection refused: is tcpfleet-agent running there on port 7117?");
  EXPECT_EQ(Described(absl::UnavailableError("Connection refused"), CallPhase::kFirstAnswer,
                      {"a", "unix:/run/a.sock", {}}),
            "unreachable: connection refused: is tcpfleet-agent running there?");
}

TEST(DescribeFailure, NamesAMissingSocket) {
  EXPECT_EQ(Described(absl::UnavailableError("unix:/run/a.sock: No such file or directory"),
                      CallPhase::kFirstAnswer, {"a", "unix:/run/a.sock", {}}),
            "unreachable: no such socket: is tcpfleet-agent running with this --listen "
            "unix:/run/a.sock?");
}

TEST(DescribeFailure, HintsAtTlsWhenTheConnectionIsClosedAtOnce) {
  EXPECT_THAT(Described(absl::UnavailableError("Socket closed")),
              HasSubstr("the agent may want TLS with a certificate it trusts (--tls-ca"));
}

TEST(DescribeFailure, CallsABrokenConnectionUnderWayDeath) {
  EXPECT_EQ(Described(absl::UnavailableError("Socket closed"), CallPhase::kUnderWay),
            "died: the connection broke: Socket closed");
}

TEST(DescribeFailure, MapsCodesToKinds) {
  EXPECT_THAT(Described(absl::DeadlineExceededError("Deadline Exceeded")), StartsWith("silent: "));
  EXPECT_THAT(Described(absl::UnimplementedError("")), StartsWith("incompatible: "));
  EXPECT_EQ(Described(absl::PermissionDeniedError("needs the load role")),
            "refused: needs the load role");
  EXPECT_EQ(Described(absl::CancelledError("Cancelled")),
            "failed: interrupted before it had finished");
  EXPECT_EQ(Described(absl::DataLossError("zstd\nsecond line")), "failed: zstd; second line");
  EXPECT_EQ(Described(absl::InternalError("")), "failed: no reason given");
}

TEST(DescribeFailure, RecognisesAWebServer) {
  EXPECT_THAT(Described(absl::UnimplementedError("Received http2 header with status: 404")),
              StartsWith("incompatible: a web server answered"));
  EXPECT_THAT(Described(absl::UnavailableError("Trying to connect an http1.x server")),
              StartsWith("incompatible: a web server answered"));
}

TEST(DescribeFailure, StripsTheWrappingOfGrpc) {
  EXPECT_EQ(Described(absl::UnavailableError("failed to connect to all addresses; last error: "
                                             "UNKNOWN: ipv4:10.0.0.1:7117: something new")),
            "unreachable: ipv4:10.0.0.1:7117: something new");
}

TEST(FailureLines, FoldsAgentsWithTheSameCause) {
  std::vector<v1::AgentFailure> failures;
  for (const char* name : {"web01", "db1", "web02"}) {
    failures.push_back(DescribeFailure(
        {name, "x:7117", {}},
        absl::PermissionDeniedError(name[0] == 'w' ? "no" : "needs the load role")));
  }
  EXPECT_THAT(FailureLines(failures),
              ElementsAre("web[01-02] (2): refused: no", "db1: refused: needs the load role"));
}

}  // namespace
}  // namespace tcpfleet::controller
