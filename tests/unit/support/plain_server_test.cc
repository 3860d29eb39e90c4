#include "tests/support/plain_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "common/sys/tcp_socket.h"
#include "tests/support/eventually.h"
#include "tests/support/plain_client.h"
#include "tests/support/status_matchers.h"

namespace tcpfleet::tests {
namespace {

using Behaviour = PlainServer::Behaviour;

std::unique_ptr<PlainServer> Serve(Behaviour behaviour) {
  return PlainServer::Create(behaviour).value();
}

TEST(PlainServer, EchoReturnsMoreThanOneBufferHolds) {
  const auto server = Serve(Behaviour::kEcho);
  const auto client = ConnectTo(server->endpoint());
  ASSERT_THAT(client, IsOk());
  EXPECT_THAT(Exchange(client->get(), 1), IsOk());
  EXPECT_THAT(Exchange(client->get(), 200'000), IsOk());
  EXPECT_EQ(server->counters().received_bytes, 200'001u);
}

TEST(PlainServer, HoldCountsWhatEndsAndHow) {
  const auto server = Serve(Behaviour::kHold);
  auto first = ConnectTo(server->endpoint());
  auto second = ConnectTo(server->endpoint());
  const auto third = ConnectTo(server->endpoint());
  ASSERT_THAT(third, IsOk());
  first->Reset();
  ASSERT_THAT(sys::SetLingerReset(second->get()), IsOk());
  second->Reset();
  const PlainServer::Counters& counters = server->counters();
  EXPECT_TRUE(EventuallyTrue([&] { return counters.accepted == 3 && counters.open() == 1; }));
  EXPECT_EQ(counters.closed_by_peer, 1u);
  EXPECT_EQ(counters.reset_by_peer, 1u);
}

TEST(PlainServer, CloseAndResetEndTheConnection) {
  char byte = 0;
  const auto closing = Serve(Behaviour::kClose);
  const auto closed = ConnectTo(closing->endpoint());
  ASSERT_THAT(closed, IsOk());
  EXPECT_EQ(::recv(closed->get(), &byte, 1, 0), 0);

  const auto resetting = Serve(Behaviour::kReset);
  const auto reset = ConnectTo(resetting->endpoint());
  ASSERT_THAT(reset, IsOk());
  EXPECT_EQ(::recv(reset->get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(PlainServer, FullBacklogLeavesConnectsUnanswered) {
  const auto server = Serve(Behaviour::kFullBacklog);
  EXPECT_THAT(ConnectTo(server->endpoint(), nullptr, absl::Milliseconds(100)),
              StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(server->counters().accepted, 0u);
}

TEST(PlainServer, LeavesNothingListening) {
  auto server = Serve(Behaviour::kHold);
  const base::Endpoint endpoint = server->endpoint();
  server.reset();
  EXPECT_THAT(ConnectTo(endpoint), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace tcpfleet::tests
