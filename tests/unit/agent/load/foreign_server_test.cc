// Servers that are not ours: HTTP, delimiters, and what ends in the middle.
#include <gtest/gtest.h>

#include "tests/unit/agent/load/run_harness.h"
#include "tests/unit/agent/load/scripted_server.h"

namespace tcpfleet::agent {
namespace {

using ::testing::StartsWith;
using Then = ScriptedServer::Then;

Spec HttpSpec(Spec::Workload workload, const ScriptedServer& server) {
  Spec spec = ClientSpec(workload, server.endpoint());
  spec.mutable_http()->set_path("/");
  return spec;
}

void ExpectOnlyFailure(const RunEvents& events, const char* name) {
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().succeeded(), 0u);
  EXPECT_EQ(events.counters().failed().size(), 1u) << events.counters().ShortDebugString();
  EXPECT_EQ(events.counters().failed().count(name), 1u) << events.counters().ShortDebugString();
}

TEST(ForeignServer, KeepsHttpConnectionsAlive) {
  ScriptedServer server({.parts = {"HTTP/1.1 404 Not Found\r\nContent-", "Length: 4\r\n\r\nnone"}});
  const RunEvents events = RunClient(HttpSpec(Spec::WORKLOAD_RR, server));
  ExpectAccountHolds(events);
  EXPECT_TRUE(events.counters().failed().empty()) << events.counters().ShortDebugString();
  EXPECT_GT(events.counters().succeeded(), 8u);
  EXPECT_EQ(events.counters().responses_by_status().at("4xx"), events.counters().succeeded());
  EXPECT_EQ(server.accepted(), 8u);
  EXPECT_THAT(server.Stop(), StartsWith("GET / HTTP/1.1\r\nHost: 127.0.0.1:"));
}

TEST(ForeignServer, OpensConnectionsAnewThatHttpCloses) {
  const ScriptedServer server(
      {.parts = {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"},
       .then = Then::kClose});
  const RunEvents events = RunClient(HttpSpec(Spec::WORKLOAD_RR, server));
  ExpectAccountHolds(events);
  EXPECT_TRUE(events.counters().failed().empty()) << events.counters().ShortDebugString();
  EXPECT_GT(events.counters().responses_by_status().at("2xx"), 8u);
  EXPECT_GT(server.accepted(), 8u);
}

TEST(ForeignServer, TakesHttpResponsesThatEndWithTheConnection) {
  const ScriptedServer server(
      {.parts = {"HTTP/1.1 200 OK\r\n\r\nuntil the end"}, .then = Then::kClose});
  const RunEvents events = RunClient(HttpSpec(Spec::WORKLOAD_CRR, server));
  ExpectAccountHolds(events);
  EXPECT_TRUE(events.counters().failed().empty()) << events.counters().ShortDebugString();
  EXPECT_GT(events.counters().succeeded(), 0u);
}

TEST(ForeignServer, CountsWhatIsNoHttp) {
  const ScriptedServer server({.parts = {"220 mail.example ESMTP\r\n"}});
  ExpectOnlyFailure(RunClient(HttpSpec(Spec::WORKLOAD_RR, server)), "badResponse");
}

TEST(ForeignServer, CountsConnectionsThatEndWithinAResponse) {
  const std::vector<std::string> half = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"};
  const ScriptedServer closing({.parts = half, .then = Then::kClose});
  ExpectOnlyFailure(RunClient(HttpSpec(Spec::WORKLOAD_RR, closing)), "closed");
  const ScriptedServer resetting({.parts = half, .then = Then::kReset});
  ExpectOnlyFailure(RunClient(HttpSpec(Spec::WORKLOAD_RR, resetting)), "reset");
}

TEST(ForeignServer, CancelsWhatStallsWithinAResponse) {
  const ScriptedServer server({.parts = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"}});
  const RunEvents events = RunClient(HttpSpec(Spec::WORKLOAD_RR, server));
  ExpectAccountHolds(events);
  EXPECT_EQ(events.counters().cancelled(), 8u);
  EXPECT_EQ(events.counters().attempted(), 8u);
}

TEST(ForeignServer, SendsGivenRequestsAndFindsDelimiters) {
  ScriptedServer server({.request_end = "\r\n", .parts = {"+PO", "NG\r", "\n"}});
  Spec spec = ClientSpec(Spec::WORKLOAD_RR, server.endpoint());
  spec.set_request("PING\r\n");
  spec.set_response_delimiter("\r\n");
  const RunEvents events = RunClient(spec);
  ExpectAccountHolds(events);
  EXPECT_TRUE(events.counters().failed().empty()) << events.counters().ShortDebugString();
  EXPECT_GT(events.counters().succeeded(), 8u);
  EXPECT_EQ(server.Stop(), "PING\r\n");
}

}  // namespace
}  // namespace tcpfleet::agent
